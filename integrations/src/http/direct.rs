//! HTTP/1.1 without encryption, on connections of its own, several requests ahead of their answers.
//!
//! A request and its answer cost two changes between two programs. Several in a row cost hardly more, and the
//! server still sees them one after the other. A client may do so with `POST` if it can tell and mend what a broken
//! connection leaves half done (RFC 9112, section 9.3.2): an alert has the same id each time it is sent.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::answer::Answers;
use super::{Reply, USER_AGENT};
use crate::SendError;

/// A server may have closed a connection that was idle for so long: it is looked at before it is used again.
const IDLE: Duration = Duration::from_millis(500);

/// Environment variables that send requests by way of a proxy.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The way to one address.
pub(crate) struct Direct {
    host: String,
    port: u16,
    /// Everything of a request but its length and its body.
    head: Vec<u8>,
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    stream: TcpStream,
    answers: Answers,
    used: Instant,
}

impl Direct {
    /// `None` if the address asks for encryption or has a user, or the environment asks for a proxy.
    pub(crate) fn new(method: &Method, address: &Url, headers: &HeaderMap) -> Option<Self> {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if address.scheme() != "http" || !address.username().is_empty() || PROXIES.iter().any(is_set) {
            return None;
        }
        let (host, port) = (address.host_str()?, address.port_or_known_default()?);
        let head = head(method, address, host, headers);
        Some(Self { host: host.trim_matches(['[', ']']).to_owned(), port, head, idle: Mutex::default() })
    }

    /// Sends bodies in a row, and hands out the answers in their order. With an error, only the first have theirs.
    pub(crate) async fn exchange(&self, bodies: &[String]) -> (Vec<Reply>, Option<SendError>) {
        let mut replies = Vec::with_capacity(bodies.len());
        let error = match self.connection().await {
            Ok(connection) => self.talk(connection, bodies, &mut replies).await.err(),
            Err(error) => Some(error),
        };
        (replies, error.map(|error| SendError::broken(&error)))
    }

    async fn talk(
        &self,
        mut connection: Connection,
        bodies: &[String],
        replies: &mut Vec<Reply>,
    ) -> io::Result<()> {
        let requests = self.requests(bodies);
        let (mut reader, mut writer) = connection.stream.split();
        let read = async {
            while replies.len() < bodies.len() {
                let (reply, is_last) = connection.answers.next(&mut reader).await?;
                replies.push(reply);
                if is_last {
                    return Ok(false);
                }
            }
            Ok::<bool, io::Error>(true)
        };
        // Answers are read meanwhile: a server with no room for them would read no more requests.
        let (written, read) = tokio::join!(writer.write_all(&requests), read);
        if read? && written.is_ok() {
            connection.used = Instant::now();
            self.idle().push(connection);
        }
        // One that refuses may close before it has read everything: what it says counts.
        if replies.len() == bodies.len() {
            return Ok(());
        }
        Err(written
            .err()
            .unwrap_or_else(|| io::Error::other("it closed the connection before all was answered")))
    }

    /// An idle connection, or a new one.
    async fn connection(&self) -> io::Result<Connection> {
        while let Some(connection) = { self.idle().pop() } {
            if connection.used.elapsed() < IDLE || connection.is_open() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answers: Answers::default(), used: Instant::now() })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn requests(&self, bodies: &[String]) -> Vec<u8> {
        let length = bodies.iter().map(|body| self.head.len() + body.len() + 32).sum();
        let mut requests = Vec::with_capacity(length);
        for body in bodies {
            requests.extend_from_slice(&self.head);
            requests.extend_from_slice(body.len().to_string().as_bytes());
            requests.extend_from_slice(b"\r\n\r\n");
            requests.extend_from_slice(body.as_bytes());
        }
        requests
    }
}

impl Connection {
    /// Whether the other end has not closed it, nor said something that nobody asked for.
    fn is_open(&self) -> bool {
        self.stream.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A request up to the value of its `content-length`.
fn head(method: &Method, address: &Url, host: &str, headers: &HeaderMap) -> Vec<u8> {
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head = format!("{method} {}{query} HTTP/1.1\r\n", address.path()).into_bytes();
    let own = [
        ("host", format!("{host}{port}")),
        ("user-agent", USER_AGENT.to_owned()),
        ("accept", "*/*".to_owned()),
    ];
    let own = own.iter().filter(|(name, _)| !headers.contains_key(*name));
    let own = own.map(|(name, value)| (*name, value.as_bytes()));
    for (name, value) in own.chain(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"content-length: ");
    head
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
