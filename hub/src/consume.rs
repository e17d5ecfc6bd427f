//! A consumer: a cursor on the log. The only way in which anything reads it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cadge_proto::Priority;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::announce::Announcer;
use crate::fleet::MARK;
use crate::log::{Entry, Log, LogError};
use crate::metrics::Metrics;
use crate::runs::{self, Run, Runs};
use crate::view::View;

/// Alerts that are decoded at once for a view: it must not hold up other tasks.
const VIEWED: usize = 128;

/// Where a consumer starts whose cursor does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the next alert.
    Now,
    /// With the oldest alert.
    Beginning,
    /// Behind a position.
    After(u64),
}

/// The log, and who is reading it now.
#[derive(Clone)]
pub(crate) struct Consumers {
    log: Arc<dyn Log>,
    announcer: Announcer,
    metrics: Metrics,
    runs: Arc<Runs>,
    live: Arc<Mutex<Live>>,
}

/// The live consumers of each cursor, and how far each has come: the cursor keeps the slowest's
/// place.
#[derive(Default)]
struct Live {
    next: u64,
    places: HashMap<String, HashMap<u64, u64>>,
}

/// Where a cursor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: u64,
    /// Streams of this hub that move it.
    pub(crate) streams: u32,
}

/// A place in the log that moves. Without a name nothing is remembered of it.
pub(crate) struct Consumer {
    consumers: Consumers,
    name: Option<String>,
    view: View,
    id: u64,
    position: u64,
    committed: u64,
    head: watch::Receiver<u64>,
}

impl Consumers {
    pub(crate) fn new(log: Arc<dyn Log>, announcer: Announcer, metrics: Metrics) -> Self {
        Self { log, announcer, metrics, runs: Arc::default(), live: Arc::default() }
    }

    pub(crate) fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// Opens a consumer at its cursor's place, or at `start`.
    pub(crate) async fn open(
        &self,
        name: Option<String>,
        start: Start,
        view: View,
    ) -> Result<Consumer, LogError> {
        let head = self.log.head();
        let known = match &name {
            Some(name) => self.log.cursor(name).await?,
            None => None,
        };
        let position = known.unwrap_or_else(|| match start {
            Start::Now => *head.borrow(),
            Start::Beginning => 0,
            Start::After(position) => position,
        });
        if let (Some(name), None) = (&name, known) {
            // A cursor exists from its first use on: what comes while its owner is away is kept for it.
            self.log.commit(name, position).await?;
        }
        let mut live = self.live();
        live.next += 1;
        let id = live.next;
        if let Some(name) = &name {
            live.places.entry(name.clone()).or_default().insert(id, position);
        }
        drop(live);
        Ok(Consumer { consumers: self.clone(), name, view, id, position, committed: position, head })
    }

    /// Every cursor and its place, and how many streams move it.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, Place>, LogError> {
        let cursors = self.log.cursors().await?.into_iter();
        let cursors = cursors.filter(|(name, _)| !name.starts_with(MARK));
        let mut all: BTreeMap<String, Place> =
            cursors.map(|(name, position)| (name, Place { position, streams: 0 })).collect();
        for (name, places) in &self.live().places {
            if let Some(place) = all.get_mut(name) {
                place.streams = u32::try_from(places.len()).unwrap_or(u32::MAX);
            }
        }
        Ok(all)
    }

    /// Forgets a cursor, unless streams move it: so many is the error then. Answers whether there was one.
    pub(crate) async fn forget(&self, name: &str) -> Result<Result<bool, usize>, LogError> {
        let streams = self.live().places.get(name).map_or(0, HashMap::len);
        if streams > 0 {
            return Ok(Err(streams));
        }
        self.log.forget(name).await.map(Ok)
    }

    fn live(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Consumer {
    /// The position behind which it goes on.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The log's last position.
    pub(crate) fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// Goes on in the log, and waits for something to be there. Answers what its view shows of that, which
    /// may be nothing. To drop the future loses nothing.
    pub(crate) async fn next(&mut self, count: usize, bytes: usize) -> Result<Vec<Entry>, LogError> {
        loop {
            let before = self.position;
            let entries = self.ready(count, bytes).await?;
            if self.position > before {
                return Ok(entries);
            }
            self.more().await;
        }
    }

    /// The same, as a run.
    pub(crate) async fn next_run(&mut self) -> Result<Arc<Run>, LogError> {
        loop {
            let before = self.position;
            let run = self.ready_run().await?;
            if self.position > before {
                return Ok(run);
            }
            self.more().await;
        }
    }

    /// Waits for the log to grow.
    async fn more(&mut self) {
        if self.head.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Goes on over what is there already. Answers what its view shows of that.
    pub(crate) async fn ready(&mut self, count: usize, bytes: usize) -> Result<Vec<Entry>, LogError> {
        self.head.borrow_and_update();
        let count = if self.view.is_whole() { count } else { count.min(VIEWED) };
        let entries = self.consumers.log.read(self.position, count, bytes).await?;
        self.pass(&entries).await?;
        Ok(self.view.of(entries))
    }

    /// The same, as a run: others whose view shows everything have the same one.
    pub(crate) async fn ready_run(&mut self) -> Result<Arc<Run>, LogError> {
        if !self.view.is_whole() {
            let after = self.position;
            let entries = self.ready(runs::COUNT_MAX, runs::BYTES_MAX).await?;
            return Ok(Arc::new(Run::new(after, entries)));
        }
        self.head.borrow_and_update();
        let run = self.consumers.runs.read(self.consumers.log.as_ref(), self.position).await?;
        self.pass(run.entries()).await?;
        self.view.count(run.entries());
        Ok(run)
    }

    /// Goes on behind the last of these.
    async fn pass(&mut self, entries: &[Entry]) -> Result<(), LogError> {
        if let Some(first) = entries.first()
            && first.position > self.position + 1
        {
            self.announce_expired(first.position).await?;
        }
        if let Some(last) = entries.last() {
            self.position = last.position;
        }
        Ok(())
    }

    /// Counts and announces what the log no longer has of what this consumer has not had. Who asks for the
    /// beginning, or has no name, misses nothing.
    async fn announce_expired(&self, next: u64) -> Result<(), LogError> {
        let Some(name) = self.name.as_deref().filter(|_| self.position > 0) else { return Ok(()) };
        let first = self.consumers.log.status().await?.first.min(next);
        let Some(expired) = first.checked_sub(self.position + 1).filter(|expired| *expired > 0) else {
            return Ok(());
        };
        self.consumers.metrics.expired.inc_by(expired);
        let text = format!("{expired} alerts were deleted before the consumer {name} had them");
        let fields = [("consumer".to_owned(), name.to_owned()), ("expired".to_owned(), expired.to_string())];
        let rule = "Cadge internal: alerts expired";
        self.consumers.announcer.raise(rule, Priority::Critical, &text, BTreeMap::from(fields)).await;
        Ok(())
    }

    /// Notes that everything up to a position is dealt with.
    pub(crate) async fn commit(&mut self, position: u64) -> Result<(), LogError> {
        let position = position.min(self.position);
        let Some(name) = self.name.clone().filter(|_| position > self.committed) else { return Ok(()) };
        self.committed = position;
        let slowest = {
            let mut live = self.consumers.live();
            let places = live.places.entry(name.clone()).or_default();
            places.insert(self.id, position);
            places.values().copied().min().unwrap_or(position)
        };
        self.consumers.log.commit(&name, slowest).await
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let Some(name) = &self.name else { return };
        let slowest = {
            let mut live = self.consumers.live();
            let Some(places) = live.places.get_mut(name) else { return };
            places.remove(&self.id);
            let slowest = places.values().copied().min();
            if places.is_empty() {
                live.places.remove(name);
            }
            slowest
        };
        // The cursor was held back for this consumer: it moves on to the slowest of the others.
        if let (Some(position), Ok(runtime)) =
            (slowest.filter(|place| *place > self.committed), Handle::try_current())
        {
            let (log, name) = (Arc::clone(&self.consumers.log), name.clone());
            runtime.spawn(async move {
                if let Err(error) = log.commit(&name, position).await {
                    tracing::error!(%error, "a cursor can't be moved: alerts will come again");
                }
            });
        }
    }
}
