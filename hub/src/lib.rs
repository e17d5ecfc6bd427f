//! The hub: one durable log of alerts, and everybody it is served to.
//!
//! Alerts come in by `service/ingest.rs` and go into the log; whatever happens to them afterwards is
//! done by a consumer of the log with a cursor of its own.

pub mod config;
pub mod log;
mod metrics;
mod announce;
mod filter;
mod view;
mod runs;
mod consume;
mod fleet;
mod sparse;
mod connect;
mod audit;
mod error;
mod readable;
mod service;
mod exporter;
mod history;
mod forward;
mod fnv;
mod time;
mod falco_json;
mod unordered;
mod inputs;
mod descriptors;
mod page;
mod http;
mod run;

pub use config::Config;
pub use error::Error;
pub use run::Hub;
