//! What some protocols ask of a connection: where it leads, whether it is still open, all of it.

use futures_util::FutureExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _};

use super::{Connection, Link, Stream};

impl<C: super::Kept> Link<C> {
    /// The host and the port.
    pub(crate) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

impl Connection {
    /// The next byte.
    pub(crate) async fn byte(&mut self) -> std::io::Result<u8> {
        self.stream.read_u8().await
    }

    /// The connection itself, for a client of its own.
    pub(crate) fn into_stream(self) -> impl Stream + 'static {
        self.stream
    }

    /// Whether the other end has not closed it, as far as this one has heard. What it says is of no interest.
    pub(crate) fn is_open(&mut self) -> bool {
        loop {
            let said = match self.stream.fill_buf().now_or_never() {
                None => return true,
                Some(Ok([]) | Err(_)) => return false,
                Some(Ok(bytes)) => bytes.len(),
            };
            self.stream.consume(said);
        }
    }
}
