//! The SDKs for Rust, Python and Go keep one contract: the same programs, in each language, against a real hub.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../e2e/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;
#[path = "../e2e/synthetic.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod synthetic;
#[path = "../../../integrations/tests/integrations/broker.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod broker;
mod connection;
mod language;
mod program;
mod log;
mod feed;
mod stage;
mod examples;
mod kafka;
mod wrong;
mod errors;
mod tokens;
mod restarts;
mod readme;
