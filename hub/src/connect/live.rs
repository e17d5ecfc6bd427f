//! The connections that are open by a certificate: they end when it does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

/// Every such connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    shown: HashMap<u64, Shown>,
}

/// What was shown, and the means to end the connection.
#[derive(Clone, Debug)]
struct Shown {
    chain: Arc<[CertificateDer<'static>]>,
    not_after: i64,
    close: CancellationToken,
}

/// A connection: it counts as long as this lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    live: Live,
    id: u64,
    /// Cancelled when it has to end.
    pub(crate) close: CancellationToken,
}

impl Live {
    /// One more connection, by a chain whose first certificate is valid until a second since 1970.
    pub(crate) fn add(&self, chain: Arc<[CertificateDer<'static>]>, not_after: i64) -> Ticket {
        let close = CancellationToken::new();
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.shown.insert(id, Shown { chain, not_after, close: close.clone() });
        drop(inner);
        Ticket { live: self.clone(), id, close }
    }

    /// Ends those whose certificate is no longer valid. Answers how many.
    pub(crate) fn close_expired(&self, now: i64) -> usize {
        self.close(|shown| shown.not_after < now)
    }

    /// Ends those whose chain is not accepted any more. Answers how many.
    pub(crate) fn close_refused(&self, accepts: impl Fn(&[CertificateDer<'static>]) -> bool) -> usize {
        self.close(|shown| !accepts(&shown.chain))
    }

    fn close(&self, ends: impl Fn(&Shown) -> bool) -> usize {
        // To look at each may take long: not while others wait.
        let all: Vec<Shown> = self.lock().shown.values().cloned().collect();
        let ending = all.iter().filter(|shown| !shown.close.is_cancelled() && ends(shown));
        ending.map(|shown| shown.close.cancel()).count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.live.lock().shown.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_ended_is_closed_and_once() {
        let live = Live::default();
        let chain = |byte: u8| Arc::from([CertificateDer::from(vec![byte])]);
        let (old, new, gone) = (live.add(chain(1), 100), live.add(chain(2), 200), live.add(chain(1), 100));
        drop(gone);
        assert_eq!(live.close_expired(100), 0);
        assert_eq!((live.close_expired(101), live.close_expired(101)), (1, 0));
        assert!(old.close.is_cancelled() && !new.close.is_cancelled());
        assert_eq!(live.close_refused(|chain| chain[0].as_ref() == [1]), 1);
        assert!(new.close.is_cancelled());
    }
}
