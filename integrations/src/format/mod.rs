//! An alert in the formats that others read. Each file is one format: a pure function from an alert to bytes.
//!
//! Knows nothing of destinations, time or connections.

mod fields;
mod text;
mod falco;
mod cloudevents;
mod attack;
mod ocsf;
mod lake;
mod ecs;
mod otlp;
mod cef;
mod syslog;

pub use cef::cef;
pub use cloudevents::{SOURCE, TYPE, cloudevent, cloudevent_headers};
pub use ecs::{ECS_VERSION, ecs};
pub use falco::{canonical, uuid};
pub use lake::lake_file;
pub use ocsf::{OCSF_VERSION, ocsf};
pub use otlp::{LogsRequest, Matches, MetricsRequest, logs};
pub use syslog::{Header, line_ended, octet_counted, syslog};
