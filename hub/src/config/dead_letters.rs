//! The section `dead_letters`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Alerts that an integration's destination refused for good.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLettersConfig {
    /// Their file. `null`: `dead-letters.db` beside the log's file.
    pub path: Option<PathBuf>,
    /// So many are kept, of all destinations together. Past that the oldest go.
    pub letters_max: u64,
}

impl Default for DeadLettersConfig {
    fn default() -> Self {
        Self { path: None, letters_max: 100_000 }
    }
}

impl DeadLettersConfig {
    /// Where the file is, for a log at a path.
    pub(crate) fn path_beside(&self, log: &Path) -> PathBuf {
        self.path.clone().unwrap_or_else(|| log.with_file_name("dead-letters.db"))
    }
}
