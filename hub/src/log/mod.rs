//! The log: every alert in one order, durable, and the cursors of those who read it.
//!
//! This trait is all that the rest of the hub knows of it.

mod sqlite;
mod tail;
#[cfg(test)]
mod tests;

use cadge_proto::raw::RawAlert;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

pub use sqlite::Sqlite;

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
    /// The epoch of its spool.
    pub epoch: u64,
    /// The alerts with their sequence numbers.
    pub alerts: Vec<(u64, RawAlert)>,
    /// The last sequence number of the batch: that of the last alert, unless that was left out.
    pub last: u64,
}

/// What came of an append, once it is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The highest sequence number that the log now has of this sensor and epoch.
    pub high_water: u64,
    /// Alerts that it had already.
    pub duplicates: u64,
    /// Sequence numbers that were skipped: alerts that the sensor lost.
    pub missing: u64,
}

/// Answers once the alerts are on disk.
pub type Durable = oneshot::Receiver<Result<Appended, LogError>>;

/// Why the log cannot do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the log {path}: {problem}")]
pub struct LogError {
    /// The log's file or address.
    pub path: String,
    /// What is wrong, and what to do about it.
    pub problem: String,
}

/// A log.
pub trait Log: Send + Sync {
    /// Adds alerts. What the log has already is left out, by sensor, epoch and sequence number.
    /// Appends take effect in the order in which this future completes; the answer to each comes
    /// later, when it is on disk.
    fn append(&self, batch: Append) -> BoxFuture<'_, Result<Durable, LogError>>;

    /// The highest sequence number that it has of a sensor and epoch; 0 if it has none.
    fn high_water<'a>(&'a self, sensor: &'a str, epoch: u64) -> BoxFuture<'a, Result<u64, LogError>>;

    /// The alerts behind a position: at most `count`, and not many more bytes than `bytes`.
    fn read(&self, after: u64, count: usize, bytes: usize) -> BoxFuture<'_, Result<Vec<Entry>, LogError>>;

    /// The last position. It changes with every append.
    fn head(&self) -> watch::Receiver<u64>;

    /// The place of a cursor.
    fn cursor<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<u64>, LogError>>;

    /// Moves a cursor, durably.
    fn commit<'a>(&'a self, name: &'a str, position: u64) -> BoxFuture<'a, Result<(), LogError>>;
}
