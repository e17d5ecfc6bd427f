//! The section `history`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The index of the log, for searching and counting.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// Its file, which is made anew from the log whenever it is missing. `null`: `history.db` beside the
    /// log's file.
    pub path: Option<PathBuf>,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { enabled: true, path: None }
    }
}

impl HistoryConfig {
    /// Where the file is, for a log at a path.
    pub(crate) fn path_beside(&self, log: &Path) -> PathBuf {
        self.path.clone().unwrap_or_else(|| log.with_file_name("history.db"))
    }
}
