//! A hub that serves HTTP, and a client that writes requests byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use cadge_client::{Alert, GetOptions};
use cadge_hub::{Config, Hub};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::hub::site::{PATIENCE, client_at};

/// The header's value that the hub takes.
pub(super) const TOKEN: &str = "Bearer 0123456789abcdef";

/// Another client's.
pub(super) const OTHER_TOKEN: &str = "Bearer fedcba9876543210";

/// An alert as Falco writes it, with a number of its own.
pub(super) fn falco(number: u64) -> String {
    format!(
        "{{\"hostname\":\"h\",\"output\":\"alert {number}\",\"output_fields\":{{\"evt.time\":1718200000123456789,\"n\":{number}}},\"priority\":\"Warning\",\"rule\":\"R\",\"source\":\"syscall\",\"tags\":[],\"time\":\"2024-06-12T13:46:40.123456789Z\"}}"
    )
}

/// A hub.
pub(super) struct Web {
    dir: tempfile::TempDir,
    change: fn(&mut Config),
    hub: Option<Hub>,
}

impl Web {
    /// Starts one that knows two tokens. `change` has the last word.
    pub(super) async fn start(change: fn(&mut Config)) -> Self {
        let mut web = Self { dir: tempfile::tempdir().unwrap(), change, hub: None };
        std::fs::write(web.dir.path().join("tokens"), "node-1:0123456789abcdef\nnode-2:fedcba9876543210\n")
            .unwrap();
        web.restart().await;
        web
    }

    pub(super) async fn restart(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
        let mut config = Config::default();
        config.grpc.bind_address = String::new();
        config.grpc.unix_socket = Some(self.dir.path().join("cadge.sock"));
        config.webserver.listen("127.0.0.1:0");
        config.webserver.token_file = Some(self.dir.path().join("tokens"));
        config.log.path = self.dir.path().join("log.db");
        (self.change)(&mut config);
        self.hub = Some(Hub::start(config).await.unwrap());
    }

    /// A path in its folder.
    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.hub.as_ref().unwrap().http_address().unwrap()
    }

    /// Posts with the token.
    pub(super) async fn post(&self, body: &str) -> Answer {
        self.request("POST", "/", &[("Authorization", TOKEN)], body).await
    }

    pub(super) async fn page(&self, path: &str) -> String {
        let answer = self.request("GET", path, &[], "").await;
        answer.is(200);
        answer.body
    }

    pub(super) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut connection = self.connect().await;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        // A hub that refuses a body need not read it.
        let _ = connection.write_all(text.as_bytes()).await;
        Answer::read(connection).await
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// Every alert in the log.
    pub(super) async fn alerts(&self) -> Vec<Alert> {
        let client = client_at(&self.dir.path().join("cadge.sock")).await;
        client.get(GetOptions::default()).await.unwrap().map(Result::unwrap).collect().await
    }

    pub(super) async fn outputs(&self) -> Vec<String> {
        self.alerts().await.into_iter().map(|alert| alert.output).collect()
    }

    /// Waits until a line of `/metrics` begins with `text`.
    pub(super) async fn counted(&self, text: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.page("/metrics").await.lines().any(|line| line.starts_with(text)) {
            assert!(tokio::time::Instant::now() < deadline, "no `{text}` in {}", self.page("/metrics").await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Posts by a connection that stays open.
pub(super) async fn post_by(connection: &mut TcpStream, token: &str, path: &str, body: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + body).as_bytes()).await.unwrap();
    tokio::time::timeout(PATIENCE, Answer::read_one(connection)).await.expect("an answer")
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    /// Reads until the other end closes. An end without an answer has the status 0.
    pub(super) async fn read(mut connection: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let read = connection.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(PATIENCE, read).await.expect("an answer, or an end");
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// Reads one answer.
    async fn read_one(connection: &mut TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        connection.read_exact(&mut body).await.unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: String::from_utf8(body).unwrap() }
    }

    #[track_caller]
    pub(super) fn is(&self, status: u16) {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
    }
}
