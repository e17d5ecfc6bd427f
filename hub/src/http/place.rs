//! Who waits for a request, so that the longest waiting connection makes room for a new one.
//!
//! Ten thousand connections that say nothing, or one byte a second, cost others nothing that way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Every connection that waits, by the order in which they began to.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    turns: BTreeMap<u64, (Instant, CancellationToken)>,
}

/// One connection's place. It waits from the start.
pub(super) struct Place {
    places: Places,
    /// Its key among the waiting; 0 while a request is answered.
    turn: AtomicU64,
    /// Cancelled when the connection must go.
    pub(super) leave: CancellationToken,
}

impl Places {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self) -> Place {
        let place = Place { places: self.clone(), turn: AtomicU64::new(0), leave: CancellationToken::new() };
        place.wait();
        place
    }

    /// Sends away whoever waits longest. Answers whether anybody did.
    pub(super) fn make_room(&self) -> bool {
        let longest = self.waiting().turns.pop_first();
        longest.inspect(|(_, (_, leave))| leave.cancel()).is_some()
    }

    /// Whether somebody who began to wait so short a time ago still does.
    pub(super) fn expects(&self, moment: Duration) -> bool {
        self.waiting().turns.last_key_value().is_some_and(|(_, (began, _))| began.elapsed() < moment)
    }
}

impl Place {
    /// A request has been answered.
    pub(super) fn wait(&self) {
        let mut waiting = self.places.waiting();
        waiting.next += 1;
        let turn = waiting.next;
        waiting.turns.insert(turn, (Instant::now(), self.leave.clone()));
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// A request has come. Answers how long it was waited for.
    pub(super) fn work(&self) -> Duration {
        let mut waiting = self.places.waiting();
        let place = waiting.turns.remove(&self.turn.swap(0, Ordering::Relaxed));
        place.map_or(Duration::ZERO, |(began, _)| began.elapsed())
    }

    /// Whether a request is being answered.
    pub(super) fn works(&self) -> bool {
        self.turn.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_leaves_and_who_works_stays() {
        let places = Places::default();
        assert!(!places.make_room());
        let [first, second, third] = [places.enter(), places.enter(), places.enter()];
        first.work();
        assert!(first.works() && places.make_room());
        assert!(second.leave.is_cancelled() && !third.leave.is_cancelled());
        first.wait();
        assert!(places.make_room() && third.leave.is_cancelled() && !first.leave.is_cancelled());
        drop(first);
        assert!(!places.make_room());
    }
}
