//! What a rule raises.

use std::fmt;
use std::sync::Arc;

/// How urgent a rule's alerts are, most urgent first; the numbers are those of Falco's gRPC API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// 0.
    Emergency = 0,
    /// 1.
    Alert = 1,
    /// 2.
    Critical = 2,
    /// 3.
    Error = 3,
    /// 4.
    Warning = 4,
    /// 5.
    Notice = 5,
    /// 6.
    Informational = 6,
    /// 7.
    Debug = 7,
}

impl Priority {
    /// All of them, most urgent first: the index is the number.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Informational,
        Self::Debug,
    ];

    /// The priority of a name in any case; `info` is short for `informational`.
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        Self::ALL.into_iter().find(|priority| priority.name().eq_ignore_ascii_case(name))
    }

    /// The name as Falco prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "Emergency",
            Self::Alert => "Alert",
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
            Self::Informational => "Informational",
            Self::Debug => "Debug",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One alert. What all alerts of a rule share is behind `Arc`s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// When the event happened, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The rule's priority.
    pub priority: Priority,
    /// The rule's name.
    pub rule: Arc<str>,
    /// The formatted output, without time and priority in front.
    pub message: String,
    /// Each field that the output names, as text, in the output's order; `<NA>` where it is missing.
    pub output_fields: Vec<(Arc<str>, String)>,
    /// The rule's tags, sorted.
    pub tags: Arc<[Arc<str>]>,
    /// The source's name, such as `syscall`.
    pub source: Arc<str>,
}

impl Alert {
    /// Falco's `output`: `HH:MM:SS.nnnnnnnnn: Priority message`, in local time.
    ///
    /// `utc_offset_s` is local time minus UTC in seconds.
    pub fn output(&self, utc_offset_s: i32) -> String {
        let second = i128::from(self.time_ns / 1_000_000_000) + i128::from(utc_offset_s);
        let second = second.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let nanos = self.time_ns % 1_000_000_000;
        format!("{hour:02}:{minute:02}:{second:02}.{nanos:09}: {} {}", self.priority, self.message)
    }
}
