//! `cadge push`.

use cadge_client::Priority;
use clap::{Args, ValueEnum};

use super::Reach;

/// `cadge push`.
#[derive(Args, Debug)]
pub(crate) struct Push {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// How urgent it is.
    #[arg(long, default_value = "notice", value_name = "PRIORITY", ignore_case = true)]
    pub(crate) priority: Urgency,
    /// The source's name. Without: input.
    #[arg(long, default_value = "", value_name = "NAME", hide_default_value = true)]
    pub(crate) source: String,
    /// The host on which it happened. Without: this one.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// A tag. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) tag: Vec<String>,
    /// What kind of thing happened: consumers find it as the rule's name.
    pub(crate) rule: String,
    /// What happened, for people.
    pub(crate) output: String,
    /// The same for machines, such as `user.name=root`.
    #[arg(value_name = "NAME=VALUE", value_parser = field)]
    pub(crate) fields: Vec<(String, String)>,
}

/// How urgent an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "Falco's names")]
pub(crate) enum Urgency {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Informational,
    Debug,
}

impl From<Urgency> for Priority {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Emergency => Self::Emergency,
            Urgency::Alert => Self::Alert,
            Urgency::Critical => Self::Critical,
            Urgency::Error => Self::Error,
            Urgency::Warning => Self::Warning,
            Urgency::Notice => Self::Notice,
            Urgency::Informational => Self::Informational,
            Urgency::Debug => Self::Debug,
        }
    }
}

fn field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not as `user.name=root`".to_owned()),
    }
}
