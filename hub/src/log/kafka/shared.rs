//! What the parts of the log have in common.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::LogError;
use super::super::tail::Tail;
use super::broker::Broker;
use super::marks::Marks;

/// To follow a topic up to its end as of now takes so long at most.
const CATCH_UP: Duration = Duration::from_secs(30);

/// How far a topic was read.
pub(super) type Reached = watch::Sender<u64>;

/// What the parts have in common.
pub(super) struct Shared {
    pub(super) broker: Broker,
    marks: Mutex<Marks>,
    pub(super) tail: Tail,
    /// The offset up to which the alerts' topic was read.
    pub(super) reached: Reached,
    /// The position of the last alert.
    pub(super) head: watch::Sender<u64>,
    /// The first offset that the topic still has.
    pub(super) first: AtomicU64,
    /// The cursors' places under the names that this hub has claimed.
    claimed: Mutex<HashMap<String, Arc<AtomicU64>>>,
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn new(broker: Broker, marks: Marks, first: u64, stop: CancellationToken) -> Self {
        Self {
            broker,
            reached: watch::Sender::new(marks.next()),
            head: watch::Sender::new(marks.head()),
            marks: Mutex::new(marks),
            tail: Tail::default(),
            first: AtomicU64::new(first),
            claimed: Mutex::default(),
            stop,
        }
    }

    pub(super) fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claimed(&self) -> MutexGuard<'_, HashMap<String, Arc<AtomicU64>>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody how far the topic was read.
    pub(super) fn publish(&self, next: u64, head: u64) {
        self.head.send_if_modified(|known| std::mem::replace(known, head) != head);
        self.reached.send_if_modified(|known| std::mem::replace(known, next) != next);
    }

    /// Notes that the topic begins with an offset now.
    pub(super) fn begin_at(&self, first: u64) {
        self.first.store(first, Ordering::Relaxed);
        let mut marks = self.marks();
        marks.begin_at(first);
        let (next, head) = (marks.next(), marks.head());
        drop(marks);
        self.publish(next, head);
    }

    /// Waits until the topic was read up to its end as of now.
    pub(super) async fn catch_up(&self) -> Result<(), LogError> {
        let (_, end) = self.broker.bounds().await?;
        wait(&self.broker, &self.reached, end).await
    }

    /// Waits until the topic was read up to an offset, for as long as it goes on.
    pub(super) async fn reach(&self, end: u64) -> Result<(), LogError> {
        loop {
            let before = *self.reached.borrow();
            let waited = wait(&self.broker, &self.reached, end).await;
            let now = *self.reached.borrow();
            if waited.is_ok() || now == before {
                return waited;
            }
            tracing::info!(now, end, "the log is still being read");
        }
    }
}

/// Waits until a topic was read up to an offset.
pub(super) async fn wait(broker: &Broker, reached: &Reached, end: u64) -> Result<(), LogError> {
    let mut reached = reached.subscribe();
    let waiting = tokio::time::timeout(CATCH_UP, reached.wait_for(|next| *next >= end));
    match waiting.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(broker.problem("it is closed")),
        Err(_) => Err(broker.problem(format!(
            "its end was not reached within {CATCH_UP:?}; check that the brokers are up and can be read from"
        ))),
    }
}
