//! The sensor: kernel events in, alerts out, kept on disk until the hub has them.
//!
//! One thread takes events and evaluates rules, one writes alerts to the spool, one task sends the
//! spool to the hub. Between each two is a bounded queue, so that none ever waits for the next.

pub mod config;
mod counters;
mod state;
pub mod source;
mod containers;
mod pending;
mod evaluate;
mod encode;
mod spool;
mod uplink;
mod error;
mod run;

pub use config::Config;
pub use encode::Encoder;
pub use error::Error;
pub use run::Sensor;
pub use spool::{Spool, SpoolSettings};
