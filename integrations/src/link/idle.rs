//! Connections that wait for their next use.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A connection that was idle for longer is not used again: the other side may have closed it.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Connections, each with the time since which it waits.
pub(super) struct Idle<C>(Mutex<Vec<(C, Instant)>>);

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Idle<C> {
    pub(super) fn take(&self) -> Option<C> {
        let mut waiting = self.waiting();
        waiting.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        waiting.pop().map(|(connection, _)| connection)
    }

    pub(super) fn keep(&self, connection: C) {
        self.waiting().push((connection, Instant::now()));
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(C, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
