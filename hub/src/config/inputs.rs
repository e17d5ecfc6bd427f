//! The section `inputs`.

use std::path::PathBuf;

use serde::Deserialize;

/// A file that Falco writes alerts to, one on a line (`json_output: true`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The file. It need not exist yet, and is followed through rotation.
    pub file: PathBuf,
    /// The host of alerts that name none. Without it: this one.
    #[serde(default)]
    pub hostname: Option<String>,
}
