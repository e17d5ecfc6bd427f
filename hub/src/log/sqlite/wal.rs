//! Folds the `-wal` file into the log, so that it stays small: after groups are answered, not before.

use prometheus::IntCounterVec;
use rusqlite::Connection;

use super::open::BUSY;
use super::settings::SqliteSettings;
use super::{met, pragma};

/// Who reads in the file may hold a group up for so long while the `-wal` file is emptied.
const WAIT: std::time::Duration = std::time::Duration::from_millis(100);

/// Bytes of pages that a group changes beside its alerts, about.
const GROUP: u64 = 64 << 10;

/// Bytes after which the file is folded in: larger is faster, smaller holds up less.
const FOLD: u64 = 16 << 20;

/// What is known of the `-wal` file.
pub(super) struct Wal {
    bytes_max: u64,
    refuse_at: u64,
    /// Written since it was folded in last, about.
    written: u64,
    /// In the file after that.
    bytes: u64,
    /// The size at which it is emptied by force.
    empty_at: u64,
    bounds: Option<IntCounterVec>,
}

impl Wal {
    pub(super) fn new(settings: &SqliteSettings) -> Self {
        let bytes_max = settings.slice();
        // What an earlier hub has left is folded in with the first group.
        Self {
            bytes_max,
            refuse_at: settings.wal_bytes_max(),
            written: u64::MAX,
            bytes: 0,
            empty_at: bytes_max,
            bounds: settings.bounds.clone(),
        }
    }

    /// Why nothing more may be written: somebody who reads for ever would fill the disk.
    pub(super) fn refusal(&mut self, connection: &Connection) -> Option<String> {
        if self.bytes <= self.refuse_at {
            return None;
        }
        self.empty_at = 0;
        if let Err(error) = self.fold(connection) {
            return Some(format!("its `-wal` file can't be folded in: {error}"));
        }
        (self.bytes > self.refuse_at).then(|| {
            met(self.bounds.as_ref(), "wal");
            "another process has been reading in it for so long that the `-wal` file is half of \
             `bytes_max`; end that process"
                .to_owned()
        })
    }

    /// Notes a group of so many bytes.
    pub(super) fn wrote(&mut self, connection: &Connection, bytes: u64) {
        self.written = self.written.saturating_add(bytes + bytes / 4 + GROUP);
        if self.written < FOLD.min(self.bytes_max) {
            return;
        }
        // Alerts are safe where they are: on a full disk, say. It is tried again.
        if let Err(error) = self.fold(connection) {
            self.written = 0;
            tracing::warn!(%error, "the log's -wal file can't be folded in now");
        }
    }

    fn fold(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let (mut frames, mut folded) = checkpoint(connection, "PASSIVE")?;
        let page = pragma(connection, "page_size")?;
        if (frames * page).cast_unsigned() > self.empty_at {
            connection.busy_timeout(WAIT)?;
            let outcome = checkpoint(connection, "TRUNCATE");
            connection.busy_timeout(BUSY)?;
            (frames, folded) = outcome?;
        }
        self.written = 0;
        self.bytes = (frames * page).cast_unsigned();
        // While somebody reads in it, it is tried again only when it has grown by as much.
        let is_stuck = self.bytes > self.bytes_max;
        self.empty_at = if is_stuck { self.bytes + self.bytes_max } else { self.bytes_max };
        tracing::debug!(frames, folded, "folded the log's -wal file in");
        Ok(())
    }
}

/// Frames in the file, and how many of them are folded in.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| Ok((row.get(1)?, row.get(2)?)))
}
