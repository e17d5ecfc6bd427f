//! Follows the log with the index. One task, one batch at a time, at most half of one processor while it
//! catches up: ingest comes first.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntGauge, Opts, Registry};
use tokio_util::sync::CancellationToken;

use super::index::{Added, Index, identity};
use super::{History, schema};
use crate::log::{Log, LogError};

/// Alerts of a batch.
const COUNT_MAX: usize = 4096;

/// Bytes of a batch, about.
const BYTES_MAX: usize = 4 << 20;

/// So long alerts gather when there are few: one transaction then has many of them.
const GATHER: Duration = Duration::from_millis(50);

/// So often it looks what the log has forgotten.
const EXPIRE: Duration = Duration::from_secs(10);

/// What fails, such as on a full disk, is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// Why a batch was not indexed.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Index(#[from] rusqlite::Error),
    #[error("a batch was broken off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// The one who writes the index.
pub(crate) struct Follower {
    log: Arc<dyn Log>,
    history: History,
    /// Opened when it is first needed: a hub without room for a history still serves alerts.
    index: Arc<Mutex<Option<Index>>>,
    lag: IntGauge,
    indexed: IntCounter,
    others: IntCounter,
}

impl Follower {
    /// Will keep the index in a file.
    pub(crate) fn new(path: &Path, log: Arc<dyn Log>, registry: &Registry) -> Self {
        let lag = IntGauge::with_opts(Opts::new(
            "cadge_hub_history_lag",
            "Positions of the log that the history's index has not come to yet.",
        ));
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::with_opts(Opts::new(name, help)).expect("the name is a valid one");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let lag = lag.expect("the name is a valid one");
        registry.register(Box::new(lag.clone())).expect("each name is registered once");
        Self {
            log,
            history: History::new(path),
            index: Arc::default(),
            lag,
            indexed: counter("cadge_hub_history_alerts_total", "Alerts that were indexed."),
            others: counter(
                "cadge_hub_history_other_total",
                "Values that were indexed as `other`, because there are too many.",
            ),
        }
    }

    /// For those who ask.
    pub(crate) fn history(&self) -> History {
        self.history.clone()
    }

    /// Follows until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.persist() => {}
        }
        self.history.close();
        // A batch that is being written is written, and the file closed.
        let index = Arc::clone(&self.index);
        let close = move || drop(index.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = tokio::task::spawn_blocking(close).await;
    }

    /// Follows, whatever goes wrong.
    async fn persist(&self) {
        loop {
            let Err(error) = self.follow().await;
            tracing::error!(%error, "the history stands still; it will try again");
            let is_damage = matches!(&error, FollowError::Index(error) if schema::is_damage(error));
            match is_damage.then(|| self.renew()) {
                Some(Ok(())) => continue,
                Some(Err(error)) => tracing::error!(%error, "the history can't be made anew"),
                None => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn follow(&self) -> Result<std::convert::Infallible, FollowError> {
        let mut head = self.log.head();
        let resumed = self.resume().await;
        self.history.is_tried();
        let mut cursor = resumed?;
        let mut expired: Option<Instant> = None;
        loop {
            let last = *head.borrow_and_update();
            self.lag.set(i64::try_from(last.saturating_sub(cursor)).unwrap_or(i64::MAX));
            if expired.is_none_or(|time| time.elapsed() > EXPIRE) {
                self.expire().await?;
                expired = Some(Instant::now());
            }
            let entries = self.log.read(cursor, COUNT_MAX, BYTES_MAX).await?;
            let Some(entry) = entries.last() else {
                tokio::select! {
                    changed = head.changed() => if changed.is_err() { std::future::pending::<()>().await },
                    () = tokio::time::sleep(EXPIRE) => {}
                }
                continue;
            };
            cursor = entry.position;
            let is_behind = cursor < last;
            let start = Instant::now();
            let added = self.with_index(move |index| index.add(&entries)).await?;
            self.note(added);
            // As long as it took: half of one processor. Or until there is more to do at once.
            tokio::time::sleep(if is_behind { start.elapsed() } else { GATHER }).await;
        }
    }

    fn note(&self, added: Added) {
        self.indexed.inc_by(added.alerts);
        self.others.inc_by(added.others);
    }

    /// Where to go on: at the index's place, if the log is still the one that it was made from.
    async fn resume(&self) -> Result<u64, FollowError> {
        let (cursor, last) = self.with_index(|index| index.cursor()).await?;
        if cursor == 0 {
            tracing::info!("the history is made from the log's beginning");
            return Ok(0);
        }
        let status = self.log.status().await?;
        let is_same = if cursor < status.first {
            // The alert is gone: nothing speaks against it.
            cursor <= status.head
        } else {
            let there = self.log.read(cursor - 1, 1, 1).await?;
            there.first().is_some_and(|entry| entry.position == cursor && identity(entry) == last)
        };
        if is_same {
            return Ok(cursor);
        }
        tracing::warn!("the history was made from another log: it is made anew");
        self.renew()?;
        Ok(0)
    }

    /// Begins with an empty file.
    fn renew(&self) -> rusqlite::Result<()> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        // The old one is closed before its file goes.
        *index = None;
        *index = Some(Index::renew(self.history.path())?);
        self.history.is_renewed();
        Ok(())
    }

    /// Takes out what the log no longer has, a part at a time.
    async fn expire(&self) -> Result<(), FollowError> {
        let first = self.log.status().await?.first;
        while self.with_index(move |index| index.expire(first)).await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Does something where waiting for the disk harms nobody.
    async fn with_index<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Index) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FollowError> {
        let index = Arc::clone(&self.index);
        let path = self.history.path().to_owned();
        let act = move || {
            let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
            let index = match &mut *index {
                Some(index) => index,
                none => none.insert(Index::open(&path)?),
            };
            act(index)
        };
        Ok(tokio::task::spawn_blocking(act).await??)
    }
}
