//! Connections that have not shown yet who they are. Anybody can open those, so they are few: one more
//! closes the oldest of whoever has most.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The handshakes that are going on.
#[derive(Clone, Debug)]
pub(crate) struct Handshakes {
    most: usize,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// The oldest first.
    going: VecDeque<Going>,
}

#[derive(Debug)]
struct Going {
    id: u64,
    address: IpAddr,
    close: CancellationToken,
}

/// A handshake: it counts as long as this lives.
#[derive(Debug)]
pub(crate) struct Handshake {
    handshakes: Handshakes,
    id: u64,
    /// Cancelled when it has to make room.
    pub(crate) close: CancellationToken,
}

impl Handshakes {
    /// At most so many at a time, at least one.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), inner: Arc::default() }
    }

    /// One more. If there are too many, another one has to end.
    pub(crate) fn begin(&self, address: IpAddr) -> Handshake {
        let mut inner = self.lock();
        if inner.going.len() >= self.most {
            inner.make_room();
        }
        inner.next += 1;
        let (id, close) = (inner.next, CancellationToken::new());
        inner.going.push_back(Going { id, address, close: close.clone() });
        drop(inner);
        Handshake { handshakes: self.clone(), id, close }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn make_room(&mut self) {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for going in &self.going {
            *counts.entry(going.address).or_default() += 1;
        }
        let most = counts.values().copied().max();
        // The oldest: a handshake that means well takes milliseconds.
        let at = self.going.iter().position(|going| counts.get(&going.address).copied() == most);
        if let Some(going) = at.and_then(|at| self.going.remove(at)) {
            going.close.cancel();
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.handshakes.lock().going.retain(|going| going.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_most_makes_room_and_the_others_go_on() {
        let handshakes = Handshakes::new(4);
        let address = |last| IpAddr::from([10, 0, 0, last]);
        let other = handshakes.begin(address(1));
        let many: Vec<_> = (0..20).map(|_| handshakes.begin(address(2))).collect();
        let closed: Vec<bool> = many.iter().map(|one| one.close.is_cancelled()).collect();
        assert!(!other.close.is_cancelled());
        assert_eq!(closed, [vec![true; 17], vec![false; 3]].concat());
        drop(many);
        let few: Vec<_> = (0..3).map(|_| handshakes.begin(address(3))).collect();
        assert!(few.iter().all(|one| !one.close.is_cancelled()) && !other.close.is_cancelled());
    }
}
