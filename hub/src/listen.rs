//! Accepts connections, by TCP with mutual TLS and by Unix socket, and knows who is at the other end.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::authority::Corrected;
use crate::config::{IdentityPattern, UnixUser};
use crate::error::Error;
use crate::identity::Peer;
use crate::tls::Tls;

/// A handshake may take so long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// After an error of accept itself (no descriptors left, for one) there is a pause.
const PAUSE: Duration = Duration::from_millis(100);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection whose other end is known.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    peer: Arc<Peer>,
    _permit: OwnedSemaphorePermit,
}

/// Whom a request comes from: tonic puts it into the request's extensions.
#[derive(Clone)]
pub(crate) struct From(pub(crate) Arc<Peer>);

impl Connected for Connection {
    type ConnectInfo = From;

    fn connect_info(&self) -> From {
        From(Arc::clone(&self.peer))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Where accepted connections go.
#[derive(Clone)]
pub(crate) struct Accept {
    pub(crate) connections: mpsc::Sender<io::Result<Connection>>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
}

impl Accept {
    /// Accepts by TCP until it is told to stop.
    pub(crate) async fn tcp(self, listener: TcpListener, tls: Arc<Tls>, patterns: Arc<[IdentityPattern]>) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Some((stream, permit)) = self.admit(accepted.map(|(stream, _)| stream)).await else {
                continue;
            };
            let (connections, acceptor) = (self.connections.clone(), tls.acceptor());
            let patterns = Arc::clone(&patterns);
            // Bounded: each holds a permit, and ends with the time-out at the latest.
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE, handshake(stream, acceptor, &patterns)).await {
                    Ok(Ok((stream, peer))) => {
                        let _ = connections
                            .send(Ok(Connection { stream, peer: Arc::new(peer), _permit: permit }))
                            .await;
                    }
                    Ok(Err(error)) => tracing::warn!(%error, "a connection was refused in the handshake"),
                    Err(_) => tracing::warn!("a connection did not finish its handshake in time"),
                }
            });
        }
    }

    /// Accepts on the Unix socket until it is told to stop.
    pub(crate) async fn unix(self, listener: UnixSocket, users: Arc<[UnixUser]>) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.listener.accept() => accepted,
            };
            let Some((stream, permit)) = self.admit(accepted.map(|(stream, _)| stream)).await else {
                continue;
            };
            let Ok(uid) = stream.peer_cred().map(|cred| cred.uid()) else { continue };
            let peer = Arc::new(Peer::from_uid(uid, &users));
            let stream: Box<dyn Stream> = Box::new(Corrected::new(stream));
            let _ = self.connections.send(Ok(Connection { stream, peer, _permit: permit })).await;
        }
    }

    /// Lets a connection in if there is room.
    async fn admit<T>(&self, accepted: io::Result<T>) -> Option<(T, OwnedSemaphorePermit)> {
        match accepted {
            Ok(stream) => {
                let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
                if permit.is_none() {
                    tracing::warn!("there are as many connections as allowed: one more was turned away");
                }
                permit.map(|permit| (stream, permit))
            }
            Err(error) => {
                tracing::error!(%error, "a connection can't be accepted");
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    }
}

async fn handshake(
    stream: TcpStream,
    acceptor: tokio_rustls::TlsAcceptor,
    patterns: &[IdentityPattern],
) -> io::Result<(Box<dyn Stream>, Peer)> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.ok_or_else(|| io::Error::other("no client certificate"))?;
    let peer = Peer::from_certificate(certificate, patterns);
    Ok((Box::new(stream), peer))
}

/// A listening Unix socket. Its file goes with it.
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    /// Listens. A socket file that nobody listens on any more is replaced.
    pub(crate) fn bind(path: &Path, mode: u32) -> Result<Self, Error> {
        let failed = |cause| Error::Listen { address: path.display().to_string(), cause };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(failed(io::Error::new(io::ErrorKind::AddrInUse, "another hub listens there")));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned() })
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
