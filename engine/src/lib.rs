//! The pure rule engine: rule text and events in, alerts out.
//!
//! A function from an event to alerts: no clock, no file, no network, no async, no protobuf. Whoever
//! uses it reads the rule files and describes the events.

pub mod event;
pub mod events;
pub mod ruleset;
pub mod alert;

pub use alert::{Alert, Priority};
pub use event::{Arg, ArgValue, Endpoint, Event, EventType, Fd, FdKind, L4Proto, Process, Processes};
pub use ruleset::{RuleFile, Ruleset, Scratch, Settings};
