//! The pure rule engine: rule text and events in, alerts out.
//!
//! A function from an event to alerts: no clock, no file, no network, no async, no protobuf. Whoever
//! uses it reads the rule files and describes the events.

pub mod event;
mod fd;
mod process;
mod container;
mod kept;
pub mod events;
pub mod flags;
pub mod path;
pub mod cgroup;
mod errno;
mod utc;
pub mod fields;
pub mod condition;
mod load;
pub mod problem;
mod types;
mod graph;
mod given;
pub mod output;
mod settings;
pub mod ruleset;
mod interpreter;
mod filter;
mod lint;
mod named;
mod needs;
mod trace;
pub mod alert;

pub use alert::{Alert, Priority};
pub use container::{Container, ContainerState, Labels, Mount, Pod};
pub use event::{Abi, Arg, ArgValue, Event, EventType, Hosts, Processes};
pub use fd::{Endpoint, Fd, FdKind, L4Proto};
pub use filter::Filter;
pub use given::{Given, Said};
pub use graph::Scratch;
pub use kept::KeptEvent;
pub use problem::{Code, Problem};
pub use process::{Namespaces, Process, Used};
/// The version of Falco's rule language that this is: major, minor, patch.
pub const LANGUAGE_VERSION: (u32, u32, u32) = (0, 63, 0);

pub use interpreter::Interpreter;
pub use lint::{LINTS, Lint, LintFinding};
pub use load::{condition_warnings, format_rules, wildcard};
pub use named::NamedFiles;
pub use needs::{Need, NeedField};
pub use ruleset::{Outcome, Report, Rule, RuleFile, Ruleset};
pub use settings::{AppendOutput, Plugin, RuleMatching, Selection, Selector, Settings};
pub use trace::Trace;
