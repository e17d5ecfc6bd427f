//! The section `fleet`.

use std::path::PathBuf;

use serde::Deserialize;

/// What is expected of sensors, and how many are looked after.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FleetConfig {
    /// A sensor that was not heard of for so long raises an alert. 0: none does.
    pub silent_after_ms: u64,
    /// A sensor that was not heard of for so long is forgotten. 0: none is.
    pub forget_after_hours: u64,
    /// Sensors that are known at the same time. Past that the longest silent one is forgotten.
    pub sensors_max: usize,
    /// Sensors that have metrics of their own. The counters of the others are summed.
    pub metrics_sensors_max: usize,
    /// Where the hub remembers its sensors. Nothing: beside the log's file, with the ending `fleet`; nowhere
    /// if the log is no file.
    pub path: Option<PathBuf>,
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self {
            silent_after_ms: 30_000,
            forget_after_hours: 7 * 24,
            sensors_max: 10_000,
            metrics_sensors_max: 1000,
            path: None,
        }
    }
}
