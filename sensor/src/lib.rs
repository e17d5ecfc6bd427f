//! The sensor: kernel events in, alerts out, kept on disk until the hub has them.

pub mod source;
