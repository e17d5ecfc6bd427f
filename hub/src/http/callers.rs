//! Those who hand in alerts by one connection: what they have counts against their limits, and what
//! they have done is a line of the audit log when the connection ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Map;

use crate::audit::{Audit, Ending, Line};
use crate::config::Role;
use crate::connect::clients::{Clients, Held, Refusal};
use crate::connect::identity::Peer;

/// Callers of one connection that are told apart: something in between may send for several. With
/// more, the oldest has its line early.
const CALLERS_MAX: usize = 16;

/// Every caller of a connection.
pub(super) struct Callers {
    clients: Clients,
    audit: Audit,
    address: SocketAddr,
    known: Mutex<Vec<Arc<Caller>>>,
}

/// Who has come by a connection, and what for.
pub(super) struct Caller {
    pub(super) peer: Arc<Peer>,
    method: &'static str,
    address: SocketAddr,
    audit: Audit,
    number: u64,
    began: Instant,
    requests: AtomicU64,
    alerts: AtomicU64,
    /// The connection, as one of the client's.
    held: Arc<Held>,
}

impl Callers {
    pub(super) fn new(clients: Clients, audit: Audit, address: SocketAddr) -> Self {
        Self { clients, audit, address, known: Mutex::default() }
    }

    /// Whoever has come by this connection with a token of this name already.
    pub(super) fn by_token(&self, name: &str) -> Option<Arc<Peer>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = known.iter().find(|caller| caller.peer.is_token(name))?;
        Some(Arc::clone(&caller.peer))
    }

    /// One more request.
    pub(super) fn admit(&self, peer: &Arc<Peer>, method: &'static str) -> Result<Arc<Caller>, Refusal> {
        let caller = self.caller(peer, method)?;
        self.clients.call(peer, Instant::now())?;
        caller.requests.fetch_add(1, Ordering::Relaxed);
        Ok(caller)
    }

    /// The caller, if the client may have this connection.
    fn caller(&self, peer: &Arc<Peer>, method: &'static str) -> Result<Arc<Caller>, Refusal> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |caller: &&Arc<Caller>| caller.peer.owner() == peer.owner();
        if let Some(caller) = known.iter().filter(same).find(|caller| caller.method == method) {
            return Ok(Arc::clone(caller));
        }
        let held = match known.iter().find(same) {
            Some(caller) => Arc::clone(&caller.held),
            None => Arc::new(self.clients.connect(peer)?),
        };
        let caller = Arc::new(Caller {
            peer: Arc::clone(peer),
            method,
            address: self.address,
            audit: self.audit.clone(),
            number: self.audit.number(),
            began: Instant::now(),
            requests: AtomicU64::new(0),
            alerts: AtomicU64::new(0),
            held,
        });
        if known.len() == CALLERS_MAX {
            known.remove(0);
        }
        known.push(Arc::clone(&caller));
        Ok(caller)
    }
}

impl Caller {
    /// So many alerts of it are in the log.
    pub(super) fn handed_in(&self, alerts: u64) {
        self.alerts.fetch_add(alerts, Ordering::Relaxed);
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let requests = self.requests.load(Ordering::Relaxed);
        if requests == 0 {
            // What was refused has lines of its own.
            return;
        }
        self.audit.call(&Line {
            state: "ended",
            call: self.number,
            identity: self.peer.owner(),
            role: self.peer.role.map(Role::name),
            presented: &self.peer.presented,
            peer: &self.address.to_string(),
            method: self.method,
            noted: &Map::from_iter([("requests".to_owned(), requests.into())]),
            ending: Some(Ending {
                alerts: self.alerts.load(Ordering::Relaxed),
                milliseconds: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
                status: "Ok".to_owned(),
                text: "",
            }),
        });
    }
}
