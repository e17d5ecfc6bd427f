//! Connections that wait for their next use, and are closed when it does not come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// A connection that was idle for longer is not used again: the other side may have closed it.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// A farewell may take so long.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// A connection that may wait.
pub(crate) trait Kept: Send + 'static {
    /// Says to the other side that it is closed, where a protocol wants that.
    fn say_farewell(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Connections, each with the time since which it waits.
pub(super) struct Idle<C>(Arc<Mutex<Waiting<C>>>);

struct Waiting<C> {
    connections: Vec<(C, Instant)>,
    /// Whether somebody closes those that wait for too long.
    is_watched: bool,
}

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Waiting { connections: Vec::new(), is_watched: false })))
    }
}

impl<C: Kept> Idle<C> {
    pub(super) fn take(&self) -> Option<C> {
        let kept = held(&self.0).connections.pop_if(|(_, since)| since.elapsed() < IDLE_MAX)?;
        Some(kept.0)
    }

    pub(super) fn keep(&self, connection: C) {
        let mut waiting = held(&self.0);
        waiting.connections.push((connection, Instant::now()));
        if !std::mem::replace(&mut waiting.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(&self.0)));
        }
    }
}

/// Closes what waits for too long, until nothing waits.
async fn watch<C: Kept>(idle: Weak<Mutex<Waiting<C>>>) {
    loop {
        tokio::time::sleep(IDLE_MAX).await;
        let Some(idle) = idle.upgrade() else { return };
        let (over, is_watched) = held(&idle).over();
        for mut connection in over {
            let _ = tokio::time::timeout(FAREWELL_MAX, connection.say_farewell()).await;
        }
        if !is_watched {
            return;
        }
    }
}

impl<C> Waiting<C> {
    /// Those that have waited for too long, and whether others still do.
    fn over(&mut self) -> (Vec<C>, bool) {
        let is_over = |(_, since): &mut (C, Instant)| since.elapsed() >= IDLE_MAX;
        let over = self.connections.extract_if(.., is_over).map(|(connection, _)| connection).collect();
        self.is_watched = !self.connections.is_empty();
        (over, self.is_watched)
    }
}

fn held<C>(waiting: &Mutex<Waiting<C>>) -> MutexGuard<'_, Waiting<C>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Counted(Arc<AtomicU32>);

    impl Kept for Counted {
        async fn say_farewell(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_uses_is_closed_with_a_farewell() {
        let (idle, closed) = (Idle::default(), Arc::new(AtomicU32::new(0)));
        let after = async |seconds| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            closed.load(Ordering::SeqCst)
        };
        idle.keep(Counted(Arc::clone(&closed)));
        assert_eq!(after(20).await, 0);
        let used = idle.take().unwrap();
        assert!(idle.take().is_none());
        idle.keep(used);
        idle.keep(Counted(Arc::clone(&closed)));
        assert_eq!(after(20).await, 0);
        assert!(idle.take().is_some());
        assert_eq!(after(30).await, 1);
        assert!(idle.take().is_none());
        // The next is watched again.
        idle.keep(Counted(Arc::clone(&closed)));
        assert_eq!(after(61).await, 2);
    }
}
