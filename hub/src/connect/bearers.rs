//! Who calls by a connection with bearer tokens: each of them has the connection, as a client, and it ends when one of
//! their tokens is withdrawn. Until somebody has called, whoever opened it without a certificate is a stranger.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::connect::access::Access;
use crate::connect::clients::{Clients, Held, Refusal};
use crate::connect::handshakes::Handshake;
use crate::connect::identity::Peer;
use crate::connect::tokens::{Token, Tokens, Use};

/// Bearers of one connection that are remembered between their calls: something in between may call for several.
const BEARERS_MAX: usize = 16;

/// Calls of nobody who is known. After so many the connection is closed: each costs the hub more than it seems.
const UNKNOWN_MAX: usize = 64;

/// What tokens are checked against.
pub(crate) struct Entrance {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) access: Arc<Access>,
    pub(crate) clients: Clients,
}

/// Those of one connection.
pub(crate) struct Bearers {
    close: CancellationToken,
    unknown: AtomicUsize,
    has_any: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: Vec<Arc<Bearer>>,
    stranger: Option<Stranger>,
    /// The connection's place among all, once it is no stranger's.
    place: Option<OwnedSemaphorePermit>,
}

/// Somebody with a token.
pub(crate) struct Bearer {
    pub(crate) peer: Arc<Peer>,
    token: Arc<Token>,
    _connection: Held,
    _use: Use,
}

/// Whoever has shown nothing: its connection still is one of the few that are in their handshakes.
pub(crate) struct Stranger {
    /// What makes room for others.
    pub(crate) _handshake: Handshake,
    /// Where it gets a place among all connections.
    pub(crate) places: Arc<Semaphore>,
    /// Counts it if it goes as it came.
    pub(crate) refused: IntCounter,
}

/// Why a token does not count.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoBearer {
    Unknown,
    Limit(Refusal),
}

impl Bearers {
    /// Of a connection that ends when `close` is cancelled, and of whom it is until somebody has called.
    pub(crate) fn new(close: CancellationToken, stranger: Option<Stranger>) -> Self {
        let inner = Inner { stranger, ..Inner::default() };
        Self {
            close,
            unknown: AtomicUsize::new(0),
            has_any: AtomicBool::new(false),
            inner: Mutex::new(inner),
        }
    }

    /// Whether there has been one.
    pub(crate) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Acquire)
    }

    /// A call of nobody who is known.
    pub(crate) fn refuse(&self) {
        if self.unknown.fetch_add(1, Ordering::Relaxed) + 1 >= UNKNOWN_MAX {
            self.close.cancel();
        }
    }
}

impl Drop for Bearers {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Refused calls are counted one by one.
        if let Some(stranger) = &inner.stranger
            && self.unknown.load(Ordering::Relaxed) == 0
        {
            stranger.refused.inc();
        }
    }
}

impl Stranger {
    fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Full)
    }
}

impl Entrance {
    /// Whose token this is.
    pub(crate) fn bearer(&self, bearers: &Bearers, presented: &[u8]) -> Result<Arc<Bearer>, NoBearer> {
        let token = self.tokens.find(presented).ok_or(NoBearer::Unknown)?;
        let mut inner = bearers.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bearer) = inner.known.iter().find(|bearer| bearer.token == token) {
            return Ok(Arc::clone(bearer));
        }
        let place = inner.stranger.as_ref().map(Stranger::place).transpose().map_err(NoBearer::Limit)?;
        let peer = Arc::new(self.access.by_token(token.role, &token.name));
        let connection = self.clients.connect(&peer).map_err(NoBearer::Limit)?;
        let entered = self.tokens.enter(&token, bearers.close.clone()).ok_or(NoBearer::Unknown)?;
        let bearer = Arc::new(Bearer { peer, token, _connection: connection, _use: entered });
        if place.is_some() {
            // The handshake is over.
            (inner.place, inner.stranger) = (place, None);
        }
        if inner.known.len() == BEARERS_MAX {
            inner.known.remove(0);
        }
        inner.known.push(Arc::clone(&bearer));
        bearers.has_any.store(true, Ordering::Release);
        Ok(bearer)
    }
}
