//! `cadge history`.

use cadge_client::Dimension;
use clap::{Args, ValueEnum};

use super::{Pick, Print, Reach};

/// `cadge history`. Of several values for one flag, an alert has to have one.
#[derive(Args, Debug)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) print: Print,
    #[command(flatten)]
    pub(crate) pick: Pick,
    /// Only alerts of this rule. May be repeated, as the next ones.
    #[arg(long, value_name = "NAME")]
    pub(crate) rule: Vec<String>,
    /// Only of this priority: Emergency, Alert, …, Informational, Debug.
    #[arg(long, value_name = "NAME")]
    pub(crate) priority: Vec<String>,
    /// Only of this sensor.
    #[arg(long, value_name = "NAME")]
    pub(crate) sensor: Vec<String>,
    /// Only of this host.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Only of this source, such as syscall.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Vec<String>,
    /// Only of this Kubernetes namespace.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Vec<String>,
    /// Only of this pod.
    #[arg(long, value_name = "NAME")]
    pub(crate) pod: Vec<String>,
    /// Only with this tag.
    #[arg(long, value_name = "NAME")]
    pub(crate) tag: Vec<String>,
    /// Raised since then: a duration before now, such as 90m or 24h, or a time as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Raised before then.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    /// Count the alerts by these instead of printing them, with commas between.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) count_by: Vec<By>,
    /// Count them for each span of time, such as 5m or 1h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) step: Option<String>,
}

/// By what alerts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The rule.
    Rule,
    /// The priority.
    Priority,
    /// The sensor.
    Sensor,
    /// The host.
    Host,
    /// The source.
    Source,
    /// The Kubernetes namespace.
    Namespace,
    /// The pod.
    Pod,
    /// The tags: an alert counts under each.
    Tag,
}

impl By {
    /// The same on the wire.
    pub(crate) fn dimension(self) -> Dimension {
        match self {
            Self::Rule => Dimension::Rule,
            Self::Priority => Dimension::Priority,
            Self::Sensor => Dimension::Sensor,
            Self::Host => Dimension::Host,
            Self::Source => Dimension::Source,
            Self::Namespace => Dimension::Namespace,
            Self::Pod => Dimension::Pod,
            Self::Tag => Dimension::Tag,
        }
    }

    /// As it is typed.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
