//! The section `log`.

use std::path::PathBuf;

use serde::Deserialize;

/// Which log keeps the alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// A file on this machine.
    #[default]
    Sqlite,
}

/// How thoroughly the file is looked at before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogCheck {
    /// The small tables, both ends of the alerts and samples between them: under a second.
    #[default]
    Quick,
    /// Every page of the file: about a second for each 500 MB.
    Full,
    /// Nothing but that it is a log.
    None,
}

/// The log of alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Which log.
    pub kind: LogKind,
    /// The database file.
    pub path: PathBuf,
    /// Bytes on disk in all, with SQLite's `-wal` file. Past that the oldest alerts go.
    pub bytes_max: u64,
    /// Alerts that are older, in hours since they were received, go. 0: for ever.
    pub age_max_hours: u64,
    /// Alerts that are put on disk together, about.
    pub group_alerts_max: usize,
    /// How long an alert waits for others to be put on disk with, in milliseconds. 0: not at all. What
    /// comes while the disk is busy is put together anyway.
    pub group_wait_ms: u64,
    /// How thoroughly the file is looked at before it is used.
    pub check: LogCheck,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            kind: LogKind::Sqlite,
            path: "/var/lib/cadge/log.db".into(),
            bytes_max: 4 << 30,
            age_max_hours: 0,
            group_alerts_max: 65_536,
            group_wait_ms: 0,
            check: LogCheck::Quick,
        }
    }
}
