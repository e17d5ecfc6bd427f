//! An alert in the formats that others read. Each file is one format: a pure function from an alert to bytes.
//!
//! Knows nothing of destinations, time or connections.

mod text;
mod falco;

pub use falco::{canonical, uuid};
