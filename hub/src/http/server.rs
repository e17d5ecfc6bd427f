//! Accepts connections, and bounds what each may take: time, headers, and its place among all.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connect::identity::{Peer, not_after};
use crate::connect::live::Ticket;
use crate::metrics::Present;

use super::Site;
use super::caller::Remote;
use super::callers::Callers;
use super::patient::Patient;
use super::place::{Place, Places};
use super::routes::Routes;
use super::together::Together;

/// A handshake may take so long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// After an error of accept itself (no descriptors left, for one) there is a pause.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that was sent away is gone by then.
const DEPARTURE: Duration = Duration::from_secs(1);

/// Bytes of a request's header: more is answered with 431.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// The server.
#[derive(Clone)]
pub(super) struct Server {
    site: Site,
    routes: Routes,
    http: http1::Builder,
    permits: Arc<Semaphore>,
    places: Places,
    together: Together,
}

impl Server {
    pub(super) fn new(site: Site) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(site.settings.header_timeout_ms))
            .max_header_size(HEADER_BYTES_MAX)
            .max_buf_size(2 * HEADER_BYTES_MAX);
        let permits = Arc::new(Semaphore::new(site.settings.connections_max.min(Semaphore::MAX_PERMITS)));
        let places = Places::default();
        let wait = Duration::from_millis(site.settings.group_wait_ms);
        let together = Together::new(site.unordered.clone(), places.clone(), wait);
        Self { routes: Routes::new(site.clone(), together.clone()), site, http, permits, places, together }
    }

    /// Serves until it is told to stop, and then until each request is answered.
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        let mut log = JoinSet::new();
        log.spawn(self.together.clone().run());
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    if let Some(permit) = self.admit().await {
                        connections.spawn(self.clone().connection(stream, address, permit, stop.clone()));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "an HTTP connection can't be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        while connections.join_next().await.is_some() {}
    }

    /// Room for one more: where there is none, the longest waiting connection makes it.
    async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(permit);
        }
        if self.places.make_room() {
            let permit = Arc::clone(&self.permits).acquire_owned();
            if let Ok(Ok(permit)) = tokio::time::timeout(DEPARTURE, permit).await {
                return Some(permit);
            }
        }
        self.site.counts.closed("full").inc();
        None
    }

    async fn connection(
        self,
        stream: TcpStream,
        address: SocketAddr,
        _permit: OwnedSemaphorePermit,
        stop: CancellationToken,
    ) {
        let _present = Present::new(&self.site.counts.connections);
        let place = Arc::new(self.places.enter());
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.site.tls else {
            return self.http(stream, self.remote(address, None), place, None, stop).await;
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            () = place.leave.cancelled() => return self.site.counts.closed("idle").inc(),
            accepted = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream)) => accepted,
        };
        match accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let (peer, ticket) = self.shown(chain).unzip();
                let remote = self.remote(address, peer);
                self.http(stream, remote, place, ticket, stop).await;
            }
            Err(error) => {
                self.site.counts.closed("handshake").inc();
                tracing::debug!(%error, peer = %address, "an HTTP connection was refused in the handshake");
            }
        }
    }

    fn remote(&self, address: SocketAddr, peer: Option<Peer>) -> Remote {
        let callers = Callers::new(self.site.clients.clone(), self.site.audit.clone(), address);
        Remote { address, peer: peer.map(Arc::new), callers: Arc::new(callers), silent: Duration::ZERO }
    }

    /// Who has shown these certificates. The connection ends when they do.
    fn shown(&self, chain: &[CertificateDer<'_>]) -> Option<(Peer, Ticket)> {
        let own = chain.first()?;
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        let ticket = self.site.live.add(chain, not_after(own).unwrap_or(i64::MAX));
        Some((self.site.access.by_certificate(own), ticket))
    }

    async fn http<S>(
        &self,
        stream: S,
        remote: Remote,
        place: Arc<Place>,
        ticket: Option<Ticket>,
        stop: CancellationToken,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let at = Arc::clone(&place);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let remote = Remote { silent: at.work(), ..remote.clone() };
            let (at, routes) = (Arc::clone(&at), self.routes.clone());
            async move {
                let answer = routes.answer(remote, request.map(Body::new)).await;
                at.wait();
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(Patient::new(stream)), service);
        tokio::pin!(connection);
        let ended = ticket.as_ref().map_or_else(CancellationToken::new, |ticket| ticket.close.clone());
        tokio::select! {
            outcome = connection.as_mut() => return self.ended(outcome),
            () = stop.cancelled() => {}
            () = ended.cancelled() => return self.site.counts.closed("certificate").inc(),
            // A request may have come in just now: it is answered.
            () = place.leave.cancelled() => if !place.works() {
                return self.site.counts.closed("idle").inc();
            }
        }
        connection.as_mut().graceful_shutdown();
        self.ended(connection.await);
    }

    fn ended(&self, outcome: hyper::Result<()>) {
        let Err(error) = outcome else { return };
        let cause = if error.is_timeout() {
            "timeout"
        } else if error.is_parse() {
            "malformed"
        } else {
            "broken"
        };
        self.site.counts.closed(cause).inc();
        tracing::debug!(%error, "an HTTP connection has ended");
    }
}
