//! The one queue of Falco up to 0.43, behind a setting: all callers of `falco.outputs` compete for the alerts.
//!
//! They share a cursor, and each leases stretches of the log. What was leased and had is settled; what was
//! leased by a caller that broke off goes to the next one that asks. The cursor stands before everything that
//! is not settled, so that a restart loses nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Call;
use super::handed::Place;
use super::supply::{Supplied, Supply};
use crate::consume::{Consumer, Consumers, Start};
use crate::error::CallError;
use crate::log::{Claim, Entry, LogError};
use crate::metrics::Metrics;
use crate::runs::{BYTES_MAX, COUNT_MAX, Run};
use crate::view::View;

/// The cursor's name.
const CURSOR: &str = "outputs/shared";

/// Stretches that are leased at the same time. Past that everybody waits until some are settled.
const LEASES_MAX: usize = 1 << 16;

/// Another hub has the queue if it is not ours by then.
const CLAIM: Duration = Duration::from_secs(2);

/// The queue.
#[derive(Clone)]
pub(super) struct SharedQueue(Arc<Inner>);

struct Inner {
    consumers: Consumers,
    metrics: Metrics,
    reader: tokio::sync::Mutex<Option<Reader>>,
    stretches: Mutex<Stretches>,
    changed: watch::Sender<()>,
}

/// The one place from which new alerts are taken, and the right to it among hubs with the same log.
struct Reader {
    consumer: Consumer,
    claim: Claim,
}

/// Stretches of the log, each by its first and last position.
#[derive(Default)]
struct Stretches {
    leased: BTreeMap<u64, u64>,
    returned: BTreeMap<u64, u64>,
    takers: u64,
}

/// A caller, for as long as it is there: new alerts are divided by their number.
pub(super) struct Taker {
    queue: SharedQueue,
    view: View,
}

/// A stretch that a caller has. It goes back unless it is settled.
struct Lease {
    queue: SharedQueue,
    first: u64,
    is_settled: bool,
}

/// A stretch's lease, and its alerts.
type Taken = (Leases, Vec<Entry>);

/// What a caller has, in the order in which it got it.
pub(super) struct Leases(Vec<Lease>);

impl Place for Leases {
    fn join(&mut self, mut later: Self) {
        self.0.append(&mut later.0);
    }
}

impl SharedQueue {
    pub(super) fn new(consumers: Consumers, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            consumers,
            metrics,
            reader: tokio::sync::Mutex::default(),
            stretches: Mutex::default(),
            changed: watch::Sender::default(),
        }))
    }

    /// Registers a caller. If nobody ever was here, the queue begins at `start`.
    pub(super) async fn join(&self, call: &Call, start: Start, view: View) -> Result<Taker, CallError> {
        if !view.is_whole() {
            // Nobody would get what this caller takes and may not see.
            return Err(CallError::Divided);
        }
        call.note("cursor", CURSOR);
        let mut reader = self.0.reader.lock().await;
        if reader.as_ref().is_none_or(|reader| reader.claim.lost.is_cancelled()) {
            // The place is opened anew: another hub may have moved the cursor meanwhile.
            *reader = None;
            let claim = tokio::time::timeout(CLAIM, self.0.consumers.log().claim(CURSOR));
            let claim = claim.await.map_err(|_| CallError::Elsewhere)??;
            let consumer = self.0.consumers.open(Some(CURSOR.to_owned()), start, View::default()).await?;
            *reader = Some(Reader { consumer, claim });
        }
        self.stretches().takers += 1;
        Ok(Taker { queue: self.clone(), view })
    }

    fn stretches(&self) -> MutexGuard<'_, Stretches> {
        self.0.stretches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self, first: u64, last: u64) -> Lease {
        self.stretches().leased.insert(first, last);
        Lease { queue: self.clone(), first, is_settled: false }
    }

    /// Takes what somebody has given back. What the log no longer has of it is lost, and counted.
    async fn take_returned(&self) -> Result<Option<Taken>, LogError> {
        loop {
            let Some((first, last)) = self.stretches().returned.pop_first() else { return Ok(None) };
            let mut lease = self.lease(first, last);
            let mut entries = self.0.consumers.log().read(first - 1, COUNT_MAX, BYTES_MAX).await?;
            entries.retain(|entry| entry.position <= last);
            let Some(end) = entries.last().map(|entry| entry.position) else {
                self.0.metrics.expired.inc_by(last - first + 1);
                lease.settle();
                continue;
            };
            if end < last {
                let mut stretches = self.stretches();
                stretches.leased.insert(first, end);
                stretches.returned.insert(end + 1, last);
            }
            return Ok(Some((Leases(vec![lease]), entries)));
        }
    }

    /// Takes new alerts: the caller's share of those that wait.
    async fn take_new(&self, reader: &mut Reader, until: u64) -> Result<Option<Taken>, LogError> {
        let before = reader.consumer.position();
        if before >= until {
            return Ok(None);
        }
        let waiting = reader.consumer.head().saturating_sub(before);
        let share = usize::try_from(waiting / self.stretches().takers.max(1)).unwrap_or(COUNT_MAX);
        let entries = reader.consumer.ready(share.clamp(1, COUNT_MAX), BYTES_MAX).await?;
        let after = reader.consumer.position();
        Ok((after > before).then(|| (Leases(vec![self.lease(before + 1, after)]), entries)))
    }

    /// The cursor moves up to the first alert that is not settled.
    async fn settle(&self, mut leases: Leases) -> Result<(), LogError> {
        leases.0.iter_mut().for_each(Lease::settle);
        let mut reader = self.0.reader.lock().await;
        let Some(Reader { consumer, .. }) = reader.as_mut() else { return Ok(()) };
        let open = self.stretches().first_open();
        let settled = open.map_or(consumer.position(), |first| first - 1);
        consumer.commit(settled).await
    }
}

impl Supply for Taker {
    type Place = Leases;

    async fn ready(&mut self, until: u64) -> Result<Option<Supplied<Leases>>, CallError> {
        let queue = &self.queue;
        let mut reader = queue.0.reader.lock().await;
        let reader = reader.as_mut().filter(|reader| !reader.claim.lost.is_cancelled());
        let Some(reader) = reader else { return Err(CallError::Elsewhere) };
        if queue.stretches().leased.len() >= LEASES_MAX {
            return Ok(None);
        }
        if let Some(taken) = queue.take_returned().await? {
            return Ok(Some(self.seen(taken)));
        }
        Ok(queue.take_new(reader, until).await?.map(|taken| self.seen(taken)))
    }

    async fn next(&mut self) -> Result<Supplied<Leases>, CallError> {
        loop {
            // Before the look, so that nothing that comes after it is missed.
            let mut changed = self.queue.0.changed.subscribe();
            let mut head = self.queue.0.consumers.log().head();
            head.borrow_and_update();
            if let Some(taken) = self.ready(u64::MAX).await? {
                return Ok(taken);
            }
            tokio::select! {
                Ok(()) = changed.changed() => {}
                Ok(()) = head.changed() => {}
                else => std::future::pending().await,
            }
        }
    }

    async fn settle(&mut self, place: Leases) -> Result<(), CallError> {
        Ok(self.queue.settle(place).await?)
    }
}

impl Taker {
    /// The view counts what the caller gets to see.
    fn seen(&self, (place, entries): Taken) -> Supplied<Leases> {
        let after = entries.first().map_or(0, |first| first.position - 1);
        (place, Arc::new(Run::new(after, self.view.of(entries))))
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        let mut stretches = self.queue.stretches();
        stretches.takers = stretches.takers.saturating_sub(1);
    }
}

impl Stretches {
    /// The first position that is not settled.
    fn first_open(&self) -> Option<u64> {
        let first = |stretches: &BTreeMap<u64, u64>| stretches.keys().next().copied();
        first(&self.leased).into_iter().chain(first(&self.returned)).min()
    }
}

impl Lease {
    fn settle(&mut self) {
        self.is_settled = true;
        self.queue.stretches().leased.remove(&self.first);
        self.queue.0.changed.send_replace(());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let mut stretches = self.queue.stretches();
        if let Some(last) = stretches.leased.remove(&self.first) {
            stretches.returned.insert(self.first, last);
        }
        drop(stretches);
        self.queue.0.changed.send_replace(());
    }
}
