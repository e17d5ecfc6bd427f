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

/// The log of alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Which log.
    pub kind: LogKind,
    /// The database file.
    pub path: PathBuf,
    /// Bytes in all. Past that the oldest alerts go.
    pub bytes_max: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { kind: LogKind::Sqlite, path: "/var/lib/cadge/log.db".into(), bytes_max: 4 << 30 }
    }
}
