//! Connections to servers that have a protocol of their own, with TLS where it is asked for.

mod address;
mod datagrams;
mod idle;
mod probe;
mod tls;

use std::io;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;

use self::idle::Idle;
use crate::SendError;

pub(crate) use address::{host_and_port, scheme};
pub(crate) use datagrams::Datagrams;
pub(crate) use idle::Kept;
pub(crate) use tls::{Files, Trust};

/// A line of a server's may have so many bytes.
const LINE_BYTES_MAX: u64 = 64 << 10;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The way to a server, and the connections to it that wait for their next use: as they are, or with what a protocol
/// knows about each.
pub(crate) struct Link<C = Connection> {
    host: String,
    port: u16,
    trust: Option<Trust>,
    idle: Idle<C>,
}

/// A connection.
pub(crate) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

impl Kept for Connection {}

impl<C: Kept> Link<C> {
    /// The way to `HOST:PORT`, or `HOST` at the usual port. Without `trust` nothing is encrypted.
    pub(crate) fn new(key: &str, address: &str, usual: u16, trust: Option<Trust>) -> Result<Self, String> {
        let (host, port) = host_and_port(key, address, usual)?;
        Ok(Self { host, port, trust, idle: Idle::default() })
    }

    /// A connection that was used before.
    pub(crate) fn idle(&self) -> Option<C> {
        self.idle.take()
    }

    /// The same, or a new one that the server has accepted.
    pub(crate) async fn idle_or(
        &self,
        greeted: impl Future<Output = Result<C, SendError>>,
    ) -> Result<C, SendError> {
        match self.idle() {
            Some(connection) => Ok(connection),
            None => greeted.await,
        }
    }

    /// Keeps a connection for its next use. One that failed, or is in the middle of something, is dropped instead.
    pub(crate) fn keep(&self, connection: C) {
        self.idle.keep(connection);
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let connection = self.connect_plain().await?;
        self.encrypt(connection).await
    }

    /// A new connection without TLS, for protocols that say something before it.
    pub(crate) async fn connect_plain(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(Box::new(stream)) })
    }

    /// Goes on with TLS, if it is asked for.
    pub(crate) async fn encrypt(&self, connection: Connection) -> io::Result<Connection> {
        let Some(trust) = &self.trust else { return Ok(connection) };
        let stream = trust.shake_hands(&self.host, connection.stream.into_inner()).await?;
        Ok(Connection { stream: BufReader::new(Box::new(stream)) })
    }
}

impl Connection {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        (&mut self.stream).take(LINE_BYTES_MAX).read_line(&mut line).await?;
        if !line.ends_with('\n') {
            let cause =
                if line.is_empty() { "it closed the connection" } else { "its answer is cut or too long" };
            return Err(io::Error::other(cause));
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }

    /// Both directions of it, to be used at the same time.
    pub(crate) fn halves(&mut self) -> (impl AsyncRead, impl AsyncWrite) {
        tokio::io::split(&mut self.stream)
    }

    /// The next bytes.
    pub(crate) async fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(bytes).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_has_an_end_and_a_limit() {
        let of = |bytes: &[u8]| Connection {
            stream: BufReader::new(Box::new(tokio::io::join(
                io::Cursor::new(bytes.to_vec()),
                tokio::io::sink(),
            ))),
        };
        let mut two = of(b"+OK\r\n\nrest");
        assert_eq!(two.line().await.unwrap(), "+OK");
        assert_eq!(two.line().await.unwrap(), "");
        assert!(two.line().await.unwrap_err().to_string().contains("cut or too long"));
        assert!(two.line().await.unwrap_err().to_string().contains("closed"));
        assert!(of("x".repeat(100_000).as_bytes()).line().await.is_err());
        assert!(of(b"\xff\n").line().await.is_err());
    }
}
