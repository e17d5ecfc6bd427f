//! For protocols without answers: where a server is, and whether a connection to it is still open.

use futures_util::FutureExt as _;
use tokio::io::AsyncBufReadExt as _;

use super::{Connection, Link};

impl Link {
    /// The host and the port.
    pub(crate) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

impl Connection {
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
