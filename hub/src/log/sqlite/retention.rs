//! Deletes the oldest alerts, by age and by bytes: a few with each group, so that no sensor waits for it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus::IntCounterVec;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::pragma;
use super::settings::SqliteSettings;

/// Alerts that are deleted at once, at least.
const CHUNK: u64 = 64;

/// Times that so many are deleted with one group. The sum is four times the group: it catches up.
const CHUNKS: u64 = 16;

/// Pages that are given back with one group.
const PAGES: i64 = 256;

/// To look for what must go costs as much as to keep a few alerts: after so many bytes, or so long, it is done.
const LOOK_BYTES: u64 = 256 << 10;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many alerts went, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) age: u64,
    pub(super) bytes: u64,
}

/// The bounds.
pub(super) struct Retention {
    age_max: Option<Duration>,
    bytes_max: u64,
    counter: Option<IntCounterVec>,
    is_full: bool,
    /// What has come since it last looked, and when that was.
    alerts: u64,
    bytes: u64,
    looked: Option<Instant>,
}

impl Retention {
    pub(super) fn new(settings: &SqliteSettings) -> Self {
        let counter = settings.deleted.clone();
        let bytes_max = settings.pages_bytes_max();
        Self {
            age_max: settings.age_max,
            bytes_max,
            counter,
            is_full: false,
            alerts: 0,
            bytes: 0,
            looked: None,
        }
    }

    /// Whether anything is to be done, for when no group comes.
    pub(super) fn is_due(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let oldest = oldest(connection)?;
        Ok(oldest.is_some_and(|(_, received)| received < self.oldest_ns())
            || (oldest.is_some() && used(connection)? > self.bytes_max))
    }

    /// Makes room for a group of so many alerts and bytes, or does a part of that.
    pub(super) fn step(
        &mut self,
        connection: &Connection,
        alerts: usize,
        bytes: usize,
    ) -> rusqlite::Result<Deleted> {
        self.alerts += alerts as u64;
        self.bytes += bytes as u64;
        let is_early = self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY);
        if is_early && self.bytes < LOOK_BYTES.min(self.bytes_max / 64) {
            return Ok(Deleted::default());
        }
        let deleted = self.look(connection, self.alerts)?;
        (self.alerts, self.bytes, self.looked) = (0, 0, Some(Instant::now()));
        Ok(deleted)
    }

    fn look(&self, connection: &Connection, alerts: u64) -> rusqlite::Result<Deleted> {
        let mut deleted = Deleted::default();
        let chunk = (alerts / 4).max(CHUNK);
        let oldest_ns = self.oldest_ns();
        for _ in 0..CHUNKS {
            let Some((first, received)) = oldest(connection)? else { break };
            let end = first.saturating_add(chunk.cast_signed());
            let (count, before_ns) = if received < oldest_ns {
                (&mut deleted.age, oldest_ns)
            } else if used(connection)? > self.bytes_max {
                (&mut deleted.bytes, i64::MAX)
            } else {
                break;
            };
            *count += delete(connection, end, before_ns)?;
        }
        if pragma(connection, "page_count")? * pragma(connection, "page_size")? > self.bytes_max.cast_signed()
        {
            // Each step gives one page back.
            let mut give = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            let mut pages = give.query([])?;
            while pages.next()?.is_some() {}
        }
        Ok(deleted)
    }

    /// Counts what has gone for good.
    pub(super) fn note(&mut self, deleted: Deleted) {
        if deleted.bytes > 0 && !self.is_full {
            self.is_full = true;
            tracing::warn!("the log has `bytes_max`: from now on the oldest alerts make room for new ones");
        }
        if let Some(counter) = &self.counter {
            counter.with_label_values(&["age"]).inc_by(deleted.age);
            counter.with_label_values(&["bytes"]).inc_by(deleted.bytes);
        }
    }

    /// What was received before this moment goes.
    fn oldest_ns(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = self.age_max.and_then(|age| now.checked_sub(age)).unwrap_or_default();
        i64::try_from(oldest.as_nanos()).unwrap_or(0)
    }
}

/// The oldest alert's position, and when it was received.
fn oldest(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    let sql = "SELECT position, received_ns FROM alerts ORDER BY position LIMIT 1";
    connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Bytes of pages that hold something.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
    Ok((pages * pragma(connection, "page_size")?).cast_unsigned())
}

/// Deletes what stands before a position and is older than a moment. The last position that went is kept:
/// were it the last of all, positions would begin again.
fn delete(connection: &Connection, end: i64, before_ns: i64) -> rusqlite::Result<u64> {
    let last = "SELECT MAX(position) FROM alerts WHERE position < ? AND received_ns < ?";
    let bounds = params![end, before_ns];
    let last: Option<i64> = connection.prepare_cached(last)?.query_row(bounds, |row| row.get(0))?;
    connection.prepare_cached("UPDATE deleted SET position = MAX(position, ?)")?.execute([last])?;
    let sql = "DELETE FROM alerts WHERE position < ? AND received_ns < ?";
    Ok(connection.prepare_cached(sql)?.execute(bounds)? as u64)
}
