//! How a log in a file is kept, and the bounds that follow from it.

use std::path::PathBuf;
use std::time::Duration;

use prometheus::IntCounterVec;

use crate::config::{LogCheck, LogConfig};

/// Bytes that the `-wal` file and one group may have each, at most.
const SLICE: u64 = 64 << 20;

/// How to keep it.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The file.
    pub path: PathBuf,
    /// Bytes on disk in all. Past that the oldest alerts go.
    pub bytes_max: u64,
    /// Older alerts go.
    pub age_max: Option<Duration>,
    /// Alerts in one transaction, about.
    pub group_alerts_max: usize,
    /// How long a group is waited for to fill.
    pub group_wait: Duration,
    /// How thoroughly the file is looked at.
    pub check: LogCheck,
    /// Counts what goes, by cause.
    pub deleted: Option<IntCounterVec>,
    /// Counts what meets a bound, by the bound.
    pub bounds: Option<IntCounterVec>,
}

impl From<&LogConfig> for SqliteSettings {
    fn from(config: &LogConfig) -> Self {
        let age = Duration::from_secs(config.age_max_hours.saturating_mul(3600));
        Self {
            path: config.path.clone(),
            bytes_max: config.bytes_max,
            age_max: Some(age).filter(|age| !age.is_zero()),
            group_alerts_max: config.group_alerts_max.max(1),
            group_wait: Duration::from_millis(config.group_wait_ms),
            check: config.check,
            deleted: None,
            bounds: None,
        }
    }
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self::from(&LogConfig::default())
    }
}

impl SqliteSettings {
    /// Bytes of alerts in one group, and of the `-wal` file before it is folded in.
    pub(super) fn slice(&self) -> u64 {
        (self.bytes_max / 16).clamp(1, SLICE)
    }

    /// Bytes of the `-wal` file past which nothing more is taken: somebody keeps it from being folded in.
    pub(super) fn wal_bytes_max(&self) -> u64 {
        (self.bytes_max / 2).max(self.slice())
    }

    /// Bytes by which the `-wal` file may grow while a backup is made.
    pub(super) fn backup_wal_bytes_max(&self) -> u64 {
        self.bytes_max / 4
    }

    /// Bytes of pages in use. What is left of `bytes_max` is for the `-wal` file, which may be one
    /// group above its bound, and for the group that comes before the next look.
    pub(super) fn pages_bytes_max(&self) -> u64 {
        self.bytes_max - 4 * self.slice().min(self.bytes_max / 4)
    }
}
