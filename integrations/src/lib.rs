//! Where the hub forwards alerts to: one file per destination, one delivery runner.
//!
//! A destination never sees another. What is the same for all of them (place in the log, least
//! priority, time-out, retries, metrics) is in `deliver.rs`.

mod feed;
mod secret;
mod http;
mod event;
mod deliver;
mod kafka;
mod slack;
mod webhook;

use std::future::Future;

use cadge_proto::json::FieldKinds;
use prometheus::Registry;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use deliver::SendError;
pub use feed::{Delivery, Feed, FeedError, Feeds};
pub use secret::Secret;

/// What the hub gives to the integrations.
pub struct Context {
    /// Opens places in the log.
    pub feeds: std::sync::Arc<dyn Feeds>,
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

/// A destination.
pub(crate) trait Integration: Sized + Send + 'static {
    /// Its section of the configuration.
    type Config: Settings;

    /// Alerts that it takes at once.
    const BATCH: usize;

    /// Prepares it. Nothing is sent yet.
    fn new(config: Self::Config, kinds: FieldKinds) -> Result<Self, String>;

    /// Sends alerts, at most [`Self::BATCH`]: all of them, or an error for all.
    fn send(&mut self, alerts: &[Delivery]) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// What every section has.
pub(crate) trait Settings {
    /// Whether it is switched on: falcosidekick does so by a key that is not empty.
    fn is_on(&self) -> bool;

    /// Alerts less urgent than this are not sent. Empty: all are.
    fn minimum_priority(&self) -> &str;
}

/// Declares the list of destinations: the configuration, the names, and how each is started.
macro_rules! integrations {
    ($($name:ident: $type:ident),* $(,)?) => {
        /// A section for each integration. Names and keys are falcosidekick's.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $(
                #[doc = concat!("The settings of `", stringify!($name), "`.")]
                pub $name: Option<$name::Config>,
            )*
        }

        /// Every integration.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Starts what is switched on. To be called within a tokio runtime.
        pub fn start(config: Config, context: Context) -> Result<Running, ConfigError> {
            let outcomes = deliver::Outcomes::new(&context.registry);
            let mut tasks = JoinSet::new();
            $(
                if let Some(settings) = config.$name.filter(Settings::is_on) {
                    let runner = deliver::Runner::new(stringify!($name), &settings, &context, &outcomes)?;
                    let integration = $name::$type::new(settings, context.field_kinds)
                        .map_err(|problem| ConfigError { integration: stringify!($name), problem })?;
                    tasks.spawn(runner.run(integration));
                }
            )*
            Ok(Running { tasks })
        }
    };
}

// To add a destination: write NAME.rs, add its `mod` line above and its line here. The name is also
// the section of the configuration and the `destination` label of every metric.
integrations! {
    kafka: Kafka,
    slack: Slack,
    webhook: Webhook,
}

/// What was started.
#[derive(Debug)]
pub struct Running {
    tasks: JoinSet<()>,
}

impl Running {
    /// Waits until every delivery has ended, after the context's `stop`.
    pub async fn stopped(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an integration has failed");
            }
        }
    }
}
