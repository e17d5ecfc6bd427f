//! The log: every alert in one order, durable, and the cursors of those who read it.
//!
//! This trait is all that the rest of the hub knows of it.

mod sqlite;
mod kafka;
mod tail;
#[cfg(test)]
#[path = "../../../integrations/tests/integrations/broker.rs"]
mod broker;
#[cfg(test)]
mod tests;

use std::path::Path;

use cadge_proto::raw::RawAlert;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use kafka::{Kafka, KafkaSecurity, KafkaSettings};
pub use sqlite::{Sqlite, SqliteSettings};

/// The epoch of alerts that come without an order, such as by HTTP: their sequence numbers are
/// identities, made of what an alert says. No spool has this epoch.
pub const UNORDERED: u64 = 0;

/// So many identities without an order are remembered, to leave out what is sent once more.
pub const IDENTITIES: u64 = 1_000_000;

/// An alert and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its position: grows by one or more from each alert to the next, from 1.
    pub position: u64,
    /// Its bytes.
    pub alert: RawAlert,
}

/// Alerts of one sensor and epoch, in the order of their sequence numbers.
#[derive(Clone, Debug)]
pub struct Append {
    /// The sensor's name.
    pub sensor: String,
    /// The epoch of its spool, or [`UNORDERED`].
    pub epoch: u64,
    /// The last sequence number of the batch before it in the same stream; 0 if it is the first. If the log
    /// has not come so far, it refuses this one: it would leave a hole, and be taken for a sign that the
    /// hole was lost by the sensor. So it is with a stream that the log has forgotten. Whoever sends begins
    /// a new stream then, behind [`Log::high_water`], and a stream's first batch is always taken.
    pub previous: u64,
    /// The first sequence number of the batch: that of the first alert, unless that was left out.
    pub first: u64,
    /// The alerts with their sequence numbers.
    pub alerts: Vec<(u64, RawAlert)>,
    /// The last sequence number of the batch: that of the last alert, unless that was left out.
    pub last: u64,
}

impl Append {
    /// Bytes of its alerts.
    pub(crate) fn bytes(&self) -> usize {
        self.alerts.iter().map(|(_, alert)| alert.as_bytes().len()).sum()
    }
}

/// What came of an append, once it is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The highest sequence number that the log now has of this sensor and epoch; 0 for
    /// [`UNORDERED`] ones.
    pub high_water: u64,
    /// Alerts that it had already.
    pub duplicates: u64,
    /// Sequence numbers that were skipped: alerts that the sensor lost.
    pub missing: u64,
}

impl Appended {
    /// What comes of a batch with an order, where the log has a high-water mark already.
    pub(crate) fn behind(high_water: u64, batch: &Append) -> Self {
        // What a sensor had before the log knew it is not missing.
        let missing = if high_water > 0 { batch.first.saturating_sub(high_water + 1) } else { 0 };
        Self { high_water, duplicates: 0, missing }
    }

    /// Whether the batch's next alert is new.
    pub(crate) fn takes(&mut self, sequence: u64) -> bool {
        let is_new = sequence > self.high_water;
        self.duplicates += u64::from(!is_new);
        self.high_water = self.high_water.max(sequence);
        is_new
    }
}

/// Answers once the alerts are on disk.
pub type Durable = oneshot::Receiver<Result<Appended, LogError>>;

/// Why a batch is refused behind one that the log does not have.
pub(crate) const HOLE: &str = "the batch before this one was not kept; send both again";

/// Why the log cannot do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the log {path}: {problem}")]
pub struct LogError {
    /// The log's file or address.
    pub path: String,
    /// What is wrong, and what to do about it.
    pub problem: String,
}

/// What a log says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// What it is: `sqlite` or `kafka`.
    pub kind: &'static str,
    /// Where it is.
    pub path: String,
    /// The oldest position that it still has; behind the last one if it has none.
    pub first: u64,
    /// Its last position.
    pub head: u64,
    /// Bytes that it takes; 0 if it cannot tell.
    pub bytes: u64,
}

/// The right to do something alone, among all hubs that share a log, for as long as this lives.
pub struct Claim {
    /// Cancelled when another hub has it.
    pub lost: CancellationToken,
    /// Gives it back when it is dropped.
    pub held: Box<dyn std::any::Any + Send>,
}

/// How far a backup has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// Bytes that are copied.
    pub bytes: u64,
    /// Bytes in all.
    pub total: u64,
}

/// A log.
pub trait Log: Send + Sync {
    /// Adds alerts. What the log has already is left out, by sensor, epoch and sequence number; of
    /// [`UNORDERED`] ones it knows the last [`IDENTITIES`].
    /// Appends take effect in the order in which this future completes; the answer to each comes
    /// later, when it is on disk.
    fn append(&self, batch: Append) -> BoxFuture<'_, Result<Durable, LogError>>;

    /// The highest sequence number that it has of a sensor and epoch; 0 if it has none.
    fn high_water<'a>(&'a self, sensor: &'a str, epoch: u64) -> BoxFuture<'a, Result<u64, LogError>>;

    /// The alerts behind a position: at most `count`, and not many more bytes than `bytes`.
    fn read(&self, after: u64, count: usize, bytes: usize) -> BoxFuture<'_, Result<Vec<Entry>, LogError>>;

    /// The last position that can be read. It changes with every append, if perhaps a moment later.
    fn head(&self) -> watch::Receiver<u64>;

    /// The position behind which the alerts stand that it has received since a moment, in nanoseconds
    /// since 1970.
    fn position_at(&self, time_ns: i64) -> BoxFuture<'_, Result<u64, LogError>>;

    /// The place of a cursor.
    fn cursor<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<u64>, LogError>>;

    /// Moves a cursor, durably.
    fn commit<'a>(&'a self, name: &'a str, position: u64) -> BoxFuture<'a, Result<(), LogError>>;

    /// Every cursor and its place, sorted by name.
    fn cursors(&self) -> BoxFuture<'_, Result<Vec<(String, u64)>, LogError>>;

    /// Forgets a cursor. Answers whether there was one.
    fn forget<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, LogError>>;

    /// Waits until this hub is the only one that works under a name.
    fn claim<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Claim, LogError>>;

    /// Copies all of it into a file on this machine while alerts come in, and says how far it is. Ends early,
    /// without a file, when nobody listens to that any more.
    fn backup<'a>(
        &'a self,
        to: &'a Path,
        progress: mpsc::Sender<BackedUp>,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        let _ = (to, progress);
        Box::pin(async {
            let LogStatus { kind, path, .. } = self.status().await?;
            let problem =
                format!("a log of the kind `{kind}` is not backed up by the hub: use its own tools");
            Err(LogError { path, problem })
        })
    }

    /// What there is to say of it.
    fn status(&self) -> BoxFuture<'_, Result<LogStatus, LogError>>;
}
