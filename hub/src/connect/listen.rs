//! Accepts connections, by TCP with mutual TLS and by Unix socket, and knows who is at the other end.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::audit::{Audit, Refused};
use crate::config::Grpc;
use crate::connect::access::Access;
use crate::connect::authority::Corrected;
use crate::connect::bearers::{Bearers, Stranger};
use crate::connect::clients::Clients;
use crate::connect::connection::{Connection, From, Stream};
use crate::connect::handshakes::{Handshake, Handshakes};
use crate::connect::heard::Heard;
use crate::connect::identity::{Peer, not_after};
use crate::connect::live::{Live, Ticket};
use crate::connect::tls::Tls;
use crate::connect::unix_socket::UnixSocket;
use crate::metrics::Metrics;
use crate::sparse::Sparse;

/// A handshake may take so long, and so the first bytes after it.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection that is one too many is told so, for so long.
const TURNED_AWAY: Duration = Duration::from_secs(5);

/// So many are told at a time. Others are just closed.
const TURNED_AWAY_MAX: usize = 64;

/// After an error of accept itself (no descriptors left, for one) there is a pause.
const PAUSE: Duration = Duration::from_millis(100);

/// Where accepted connections go, and what they are checked against. Clones are the same.
#[derive(Clone)]
pub(crate) struct Accept(Arc<Inner>);

struct Inner {
    connections: mpsc::Sender<io::Result<Connection>>,
    access: Arc<Access>,
    clients: Clients,
    /// Whether whoever has no certificate may have a token.
    strangers: bool,
    live: Live,
    handshakes: Handshakes,
    permits: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    audit: Audit,
    metrics: Metrics,
    sparse: Sparse,
    stop: CancellationToken,
}

impl Accept {
    pub(crate) fn new(
        connections: mpsc::Sender<io::Result<Connection>>,
        config: &Grpc,
        access: Arc<Access>,
        audit: Audit,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            connections,
            access,
            clients: Clients::default(),
            strangers: config.token_file.is_some(),
            live: Live::default(),
            handshakes: Handshakes::new(config.handshakes_max),
            permits: Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS))),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_MAX)),
            audit,
            metrics,
            sparse: Sparse::default(),
            stop,
        }))
    }

    /// The connections that are open by a certificate.
    pub(crate) fn live(&self) -> Live {
        self.0.live.clone()
    }

    /// What each client has.
    pub(crate) fn clients(&self) -> Clients {
        self.0.clients.clone()
    }

    /// Accepts by TCP until it is told to stop.
    pub(crate) async fn tcp(self, listener: TcpListener, tls: Arc<Tls>) {
        loop {
            let accepted = tokio::select! {
                () = self.0.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Some((stream, address)) = taken(accepted).await else { continue };
            let handshake = self.0.handshakes.begin(address.ip());
            let (this, acceptor) = (self.clone(), tls.acceptor());
            // Bounded: there are only so many handshakes, and each ends with the time-out at the latest.
            tokio::spawn(async move { this.shake(stream, address, handshake, acceptor).await });
        }
    }

    async fn shake(
        self,
        stream: TcpStream,
        address: SocketAddr,
        handshake: Handshake,
        acceptor: tokio_rustls::TlsAcceptor,
    ) {
        let outcome = tokio::select! {
            () = self.0.stop.cancelled() => return,
            () = handshake.close.cancelled() => Err(("handshakes", "it had to make room for others".to_owned())),
            outcome = tokio::time::timeout(HANDSHAKE, secure(stream, acceptor)) => match outcome {
                Ok(Ok(secured)) => Ok(secured),
                Ok(Err(error)) => Err(("handshake", error.to_string())),
                Err(_) => Err(("handshake_timeout", "it took too long".to_owned())),
            },
        };
        match outcome {
            Ok((stream, chain)) if chain.is_empty() && self.0.strangers => {
                self.admit_stranger(stream, address, handshake).await;
            }
            Ok((_, chain)) if chain.is_empty() => {
                self.refused("handshake", "no client certificate", &address.to_string(), None);
            }
            Ok((stream, chain)) => {
                drop(handshake);
                let own = chain.first().map_or(&[][..], |own| own.as_ref());
                let peer = self.0.access.by_certificate(own);
                let ticket = self.0.live.add(Arc::clone(&chain), not_after(own).unwrap_or(i64::MAX));
                self.open(stream, peer, address.to_string(), Some(ticket)).await;
            }
            Err((cause, reason)) => self.refused(cause, &reason, &address.to_string(), None),
        }
    }

    /// Lets in whoever has no certificate, and has to show a token within the time of a handshake. Until then the
    /// connection counts as one of those.
    async fn admit_stranger(&self, stream: Box<dyn Stream>, address: SocketAddr, handshake: Handshake) {
        let close = handshake.close.clone();
        let stranger = Stranger {
            _handshake: handshake,
            places: Arc::clone(&self.0.permits),
            refused: self.0.metrics.refused.with_label_values(&["authentication"]),
        };
        let from = From {
            peer: None,
            bearers: Arc::new(Bearers::new(close.clone(), Some(stranger))),
            address: address.to_string().into(),
            refusal: None,
            heard: Heard::new(),
        };
        let connection = Connection::new(stream, from, close, HANDSHAKE, Vec::new());
        let _ = self.0.connections.send(Ok(connection)).await;
    }

    /// Accepts on the Unix socket until it is told to stop.
    pub(crate) async fn unix(self, socket: UnixSocket) {
        loop {
            let accepted = tokio::select! {
                () = self.0.stop.cancelled() => return,
                accepted = socket.listener.accept() => accepted,
            };
            let Some((stream, _)) = taken(accepted).await else { continue };
            self.by_user(stream).await;
        }
    }

    async fn by_user(&self, stream: UnixStream) {
        let Ok(user) = stream.peer_cred() else { return };
        let peer = self.0.access.by_user(user.uid(), user.gid());
        let address =
            format!("unix:uid={},gid={},pid={}", user.uid(), user.gid(), user.pid().unwrap_or_default());
        self.open(Box::new(Corrected::new(stream)), peer, address, None).await;
    }

    /// Lets a connection in if there is room for it.
    async fn open(&self, stream: Box<dyn Stream>, peer: Peer, address: String, ticket: Option<Ticket>) {
        let close = ticket.as_ref().map_or_else(CancellationToken::new, |ticket| ticket.close.clone());
        let mut held: Vec<Box<dyn Any + Send>> = vec![Box::new(ticket)];
        let mut deadline = HANDSHAKE;
        let refusal = match self.0.clients.connect(&peer) {
            Ok(connection) => {
                let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() else {
                    let reason = "there are as many connections as allowed";
                    return self.refused("connections", reason, &address, Some(&peer));
                };
                held.extend([Box::new(connection) as Box<dyn Any + Send>, Box::new(permit)]);
                None
            }
            Err(refusal) => {
                self.refused(refusal.cause(), &refusal.to_string(), &address, Some(&peer));
                let Ok(permit) = Arc::clone(&self.0.turned_away).try_acquire_owned() else { return };
                held.push(Box::new(permit));
                deadline = TURNED_AWAY;
                Some(refusal)
            }
        };
        let from = From {
            peer: Some(Arc::new(peer)),
            bearers: Arc::new(Bearers::new(close.clone(), None)),
            address: address.into(),
            refusal,
            heard: Heard::new(),
        };
        let connection = Connection::new(stream, from, close, deadline, held);
        let _ = self.0.connections.send(Ok(connection)).await;
    }

    /// Counts a connection that was turned away; says so unless it is one of very many.
    fn refused(&self, cause: &'static str, reason: &str, address: &str, peer: Option<&Peer>) {
        self.0.metrics.refused.with_label_values(&[cause]).inc();
        let Some(unsaid) = self.0.sparse.says(Instant::now()) else { return };
        tracing::warn!(cause, reason, address, unsaid, "a connection was turned away");
        self.0.audit.refused(&Refused { method: None, cause, reason, address, peer, unsaid });
    }
}

/// What was accepted.
async fn taken<T>(accepted: io::Result<T>) -> Option<T> {
    match accepted {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::error!(%error, "a connection can't be accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// A stream, and the certificates that were shown.
type Secured = (Box<dyn Stream>, Arc<[CertificateDer<'static>]>);

async fn secure(stream: TcpStream, acceptor: tokio_rustls::TlsAcceptor) -> io::Result<Secured> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
    Ok((Box::new(stream), chain))
}
