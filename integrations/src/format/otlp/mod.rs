//! `OpenTelemetry`'s protocol: alerts as log records, and how many there were as a metric.
//!
//! The structures are written out here and not taken from `opentelemetry-proto`, which brings the
//! whole SDK for these few. A test holds them against the published definitions.

mod wire;
mod logs;
mod matches;

pub use logs::logs;
pub use matches::Matches;
pub use wire::{LogsRequest, MetricsRequest};
