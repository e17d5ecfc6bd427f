//! The destinations: a file and a line each.

mod alertmanager;
mod aws;
mod azure;
mod bearer;
mod chat;
mod cloudevents;
mod datadog;
mod datadoglogs;
mod discord;
mod elasticsearch;
mod eventhub;
mod file;
mod gcp;
mod googlechat;
mod gotify;
mod grafana;
mod influxdb;
mod kafka;
mod kafkarest;
mod lease;
mod loki;
mod mattermost;
mod mqtt;
mod n8n;
mod nats;
mod near;
mod nodered;
mod object;
mod opsgenie;
mod otlp;
mod pagerduty;
mod post;
mod postgresql;
mod prometheusremotewrite;
mod rabbitmq;
mod redis;
mod reports;
mod rocketchat;
mod slack;
mod smtp;
mod splunk;
mod statsd;
mod stdout;
mod syslog;
mod taken;
mod teams;
mod telegram;
mod timescaledb;
mod webhook;

use crate::settings::{Common, Key, Keys};
use crate::{Integration, Setup};

/// Every destination. To add one: write its file, its `mod` line above, and its line here.
pub const DESTINATIONS: &[Destination] = &[
    Destination::of::<alertmanager::Config>(),
    Destination::of::<aws::lambda::Config>(),
    Destination::of::<aws::s3::Config>(),
    Destination::of::<aws::securitylake::Config>(),
    Destination::of::<aws::sns::Config>(),
    Destination::of::<aws::sqs::Config>(),
    Destination::of::<eventhub::Config>(),
    Destination::of::<cloudevents::Config>(),
    Destination::of::<datadog::Config>(),
    Destination::of::<datadoglogs::Config>(),
    Destination::of::<discord::Config>(),
    Destination::of::<statsd::Dog>(),
    Destination::of::<elasticsearch::Config>(),
    Destination::of::<file::Config>(),
    Destination::of::<gcp::pubsub::Config>(),
    Destination::of::<gcp::storage::Config>(),
    Destination::of::<googlechat::Config>(),
    Destination::of::<gotify::Config>(),
    Destination::of::<grafana::Config>(),
    Destination::of::<influxdb::Config>(),
    Destination::of::<kafka::Config>(),
    Destination::of::<kafkarest::Config>(),
    Destination::of::<loki::Config>(),
    Destination::of::<mattermost::Config>(),
    Destination::of::<mqtt::Config>(),
    Destination::of::<n8n::Config>(),
    Destination::of::<nats::Config>(),
    Destination::of::<nodered::Config>(),
    Destination::of::<reports::openreport::Config>(),
    Destination::of::<opsgenie::Config>(),
    Destination::of::<otlp::logs::Config>(),
    Destination::of::<otlp::metrics::Config>(),
    Destination::of::<pagerduty::Config>(),
    Destination::of::<reports::policyreport::Config>(),
    Destination::of::<prometheusremotewrite::Config>(),
    Destination::of::<rabbitmq::Config>(),
    Destination::of::<redis::Config>(),
    Destination::of::<postgresql::Config>(),
    Destination::of::<rocketchat::Config>(),
    Destination::of::<slack::Config>(),
    Destination::of::<smtp::Config>(),
    Destination::of::<splunk::Config>(),
    Destination::of::<statsd::Config>(),
    Destination::of::<stdout::Config>(),
    Destination::of::<syslog::Config>(),
    Destination::of::<teams::Config>(),
    Destination::of::<telegram::Config>(),
    Destination::of::<timescaledb::Config>(),
    Destination::of::<webhook::Config>(),
];

/// A destination's section of the configuration.
pub(crate) trait Section: Keys + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The section: falcosidekick's name, such as `slack`, or `aws.s3` for one within another.
    const NAME: &'static str;

    /// What it does, in a sentence.
    const ABOUT: &'static str;

    /// A section that works, in YAML. `URL` stands for an address by HTTP, `ADDRESS` for host and port,
    /// `FOLDER` for an empty one.
    const EXAMPLE: &'static str;

    /// Whether it is switched on: falcosidekick does so by a key that is not empty.
    fn is_on(&self) -> bool;

    /// What every section has.
    fn common(&self) -> &Common;

    /// Prepares it. Nothing is sent yet.
    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String>;
}

/// A kind of destination.
#[derive(Clone, Copy)]
pub struct Destination {
    /// The section of the configuration.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// A section that works, in YAML.
    pub example: &'static str,
    keys: fn() -> Vec<Key>,
    section: fn() -> Box<dyn AnySection>,
}

impl Destination {
    const fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            about: S::ABOUT,
            example: S::EXAMPLE,
            keys: S::keys,
            section: || Box::new(S::default()),
        }
    }

    /// The destination of a section or a label.
    pub fn named(name: &str) -> Option<&'static Self> {
        DESTINATIONS.iter().find(|known| known.name == name || known.label() == name)
    }

    /// The `destination` label of metrics: the section's name without dots, as falcosidekick has it.
    pub fn label(&self) -> String {
        self.name.replace('.', "")
    }

    /// The name of its cursor.
    pub fn cursor(&self) -> String {
        format!("integration/{}", self.label())
    }

    /// Its keys.
    pub fn keys(&self) -> Vec<Key> {
        (self.keys)()
    }

    pub(crate) fn section(&self) -> Box<dyn AnySection> {
        (self.section)()
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Any destination's section.
pub(crate) trait AnySection: std::fmt::Debug + Send + Sync {
    fn set(&mut self, key: &str, value: &serde_json::Value) -> Option<Result<(), String>>;
    fn is_on(&self) -> bool;
    fn common(&self) -> &Common;
    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String>;
    fn boxed(&self) -> Box<dyn AnySection>;
}

impl<S: Section> AnySection for S {
    fn set(&mut self, key: &str, value: &serde_json::Value) -> Option<Result<(), String>> {
        Keys::set(self, key, value)
    }

    fn is_on(&self) -> bool {
        Section::is_on(self)
    }

    fn common(&self) -> &Common {
        Section::common(self)
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        Section::build(self, setup)
    }

    fn boxed(&self) -> Box<dyn AnySection> {
        Box::new(self.clone())
    }
}
