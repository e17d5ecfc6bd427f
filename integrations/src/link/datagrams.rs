//! The way to a server by UDP.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;

/// A server, and the socket that leads to it.
pub(crate) struct Datagrams {
    host: String,
    port: u16,
    socket: Mutex<Option<Arc<UdpSocket>>>,
}

impl Datagrams {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, socket: Mutex::default() }
    }

    /// The socket, as long as nothing failed.
    pub(crate) async fn socket(&self) -> io::Result<Arc<UdpSocket>> {
        let kept = self.kept().clone();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let server: SocketAddr = found.next().ok_or_else(|| io::Error::other("the host has no address"))?;
        let own: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = Arc::new(UdpSocket::bind(own).await?);
        socket.connect(server).await?;
        *self.kept() = Some(Arc::clone(&socket));
        Ok(socket)
    }

    /// After a failure: the name may lead somewhere else by now.
    pub(crate) fn forget(&self) {
        *self.kept() = None;
    }

    fn kept(&self) -> MutexGuard<'_, Option<Arc<UdpSocket>>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
