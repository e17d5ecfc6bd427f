//! The section `grpc.outputs`.

use serde::Deserialize;

/// Falco's own API, `falco.outputs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outputs {
    /// Where a caller's first `sub` starts.
    pub sub_start: OutputsStart,
    /// Where a caller's first `get` starts.
    pub get_start: OutputsStart,
    /// Whether all callers compete for the alerts, as with Falco up to 0.43, rather than each having all.
    pub shared_queue: bool,
}

/// Where a caller starts that was never there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputsStart {
    /// With the next alert.
    Now,
    /// With the oldest alert that is still kept.
    Beginning,
}

impl Default for Outputs {
    fn default() -> Self {
        Self { sub_start: OutputsStart::Now, get_start: OutputsStart::Beginning, shared_queue: false }
    }
}
