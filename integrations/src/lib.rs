//! Where the hub forwards alerts to: one file per destination, one delivery runner.
//!
//! A destination never sees another. What is the same for all of them (place in the log, least priority,
//! filter, time-out, retries, dead letters, limits, metrics) is in `runner/`, and how they are configured in
//! `settings/` and `config/`.

pub mod config;
pub mod destinations;
mod settings;
mod feed;
mod dead;
mod http;
mod link;
pub mod format;
mod event;
mod text;
mod template;
mod dress;
mod runner;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

pub use config::{Config, Unused};
pub use dead::{DeadError, DeadLetter, DeadLetters, Kept};
pub use destinations::{DESTINATIONS, Destination};
pub use feed::{Delivery, Feed, FeedError, Feeds, Read};
pub use runner::{Circuit, Live, ReplayError, Running, State, start, test, test_alert};
pub use settings::{Key, Secret};

/// What the hub gives to the integrations.
pub struct Context {
    /// Opens places in the log.
    pub feeds: Arc<dyn Feeds>,
    /// Keeps what was refused for good.
    pub dead: DeadLetters,
    /// Which fields are numbers or truths in JSON.
    pub field_kinds: FieldKinds,
    /// Where metrics are registered.
    pub registry: Registry,
    /// Ends every delivery.
    pub stop: CancellationToken,
}

/// Settings of an integration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("integration `{integration}`: {problem}")]
pub struct ConfigError {
    /// Its name.
    pub integration: &'static str,
    /// What is wrong, and what to do about it.
    pub problem: String,
}

/// What destinations are made with.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Which fields are numbers or truths in JSON.
    pub(crate) kinds: FieldKinds,
    /// The certificates that all share.
    pub(crate) certificates: config::Certificates,
    /// The fields that every alert gets, by the names that they have in it. Some destinations have labels or columns
    /// of them, as with falcosidekick.
    pub(crate) added_fields: Vec<String>,
    /// Those of them that have one value for all alerts.
    pub(crate) custom_fields: std::collections::BTreeMap<String, String>,
}

#[cfg(test)]
impl Setup {
    /// One without anything in it.
    pub(crate) fn bare() -> Self {
        let kinds = |_: &str| cadge_proto::json::FieldKind::Text;
        Self {
            kinds,
            certificates: config::Certificates::default(),
            added_fields: Vec::new(),
            custom_fields: std::collections::BTreeMap::new(),
        }
    }
}

/// A destination that alerts are sent to.
pub(crate) trait Integration: Send + Sync {
    /// Alerts that it takes at once, now.
    fn batch(&self) -> usize {
        1
    }

    /// How long alerts may wait for more, until they are a batch.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }

    /// Sends alerts, at most [`Self::batch`]: all of them, or an error for all. Other calls may be under way.
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>>;

    /// Gives up alerts that it has answered with an error for all. Answers the positions of those that it had
    /// taken all the same.
    fn give_up(&self, _alerts: &[Delivery]) -> BTreeSet<u64> {
        BTreeSet::new()
    }
}

/// Waits for an answer no longer than `timeout`.
pub(crate) async fn within(
    timeout: Duration,
    answer: impl Future<Output = Result<Answer, SendError>>,
) -> Result<Answer, SendError> {
    let late = |_| Err(SendError::Unreachable(format!("no answer within {timeout:?}")));
    tokio::time::timeout(timeout, answer).await.unwrap_or_else(late)
}

/// What a destination said when it took alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer(pub String);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why alerts were not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not reached: nothing is known of what it would say.
    #[error("{0}")]
    Unreachable(String),
    /// Nobody listens at its address: the host has said so at once, and it costs next to nothing to ask again.
    #[error("{0}")]
    Away(String),
    /// It answered that another time it may go well.
    #[error("{cause}")]
    Retry {
        /// It says when.
        after: Option<Duration>,
        /// Why.
        cause: String,
    },
    /// It never will.
    #[error("{0}")]
    Refused(String),
}

impl SendError {
    /// It answered that another time it may go well, and not when.
    pub(crate) fn later(cause: impl Into<String>) -> Self {
        Self::Retry { after: None, cause: cause.into() }
    }

    /// A connection that failed, with everything that caused it.
    pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        let (mut text, mut cause) = (error.to_string(), error.source());
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            // Some errors have what caused them in their own text.
            if !text.ends_with(&inner_text) {
                text.push_str(&format!(": {inner_text}"));
            }
            cause = inner.source();
        }
        Self::unreachable(text, error)
    }

    /// A connection that failed, with the words for it: [`Self::Away`] if that is at the bottom of the error.
    pub(crate) fn unreachable(cause: String, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut inner = Some(error);
        while let Some(error) = inner {
            let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if kind == Some(std::io::ErrorKind::ConnectionRefused) {
                return Self::Away(cause);
            }
            inner = error.source();
        }
        Self::Unreachable(cause)
    }
}

/// A connection that fails leaves it open what its other end would have said.
impl From<std::io::Error> for SendError {
    fn from(error: std::io::Error) -> Self {
        Self::unreachable(error.to_string(), &error)
    }
}
