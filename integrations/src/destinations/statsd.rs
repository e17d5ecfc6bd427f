//! Counts alerts in StatsD, or in DogStatsD with tags, by UDP.

use std::collections::BTreeMap;
use std::io;

use cadge_proto::priority_name;
use futures_util::future::BoxFuture;

use super::Section;
use crate::link::{Datagrams, host_and_port};
use crate::settings::{Common, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts that are counted together.
const BATCH: usize = 1000;

/// Where StatsD usually is.
const PORT: u16 = 8125;

keys! {
    /// The section `statsd`.
    pub(crate) struct Config {
        /// Where StatsD is, `host:port`, by UDP: what it does not hear is lost.
        forwarder: String = "",
        /// What every metric's name begins with.
        namespace: String = "falcosidekick.",
        /// Unused: StatsD has no tags.
        tags: Vec<String> = [],
        + common: Common,
    }
}

keys! {
    /// The section `dogstatsd`.
    pub(crate) struct Dog {
        /// Where Datadog's agent is, `host:port`, by UDP: what it does not hear is lost.
        forwarder: String = "",
        /// What every metric's name begins with.
        namespace: String = "falcosidekick.",
        /// Tags to add, such as `env:prod`.
        tags: Vec<String> = [],
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "statsd";
    const ABOUT: &'static str = "Counts alerts by priority in StatsD.";
    const EXAMPLE: &'static str = "statsd:\n  forwarder: ADDRESS\n";

    fn is_on(&self) -> bool {
        !self.forwarder.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, _: &Setup) -> Result<Box<dyn Integration>, String> {
        Counts::to(&self.forwarder, &self.namespace, None)
    }
}

impl Section for Dog {
    const NAME: &'static str = "dogstatsd";
    const ABOUT: &'static str = "Counts alerts by priority in Datadog's StatsD.";
    const EXAMPLE: &'static str = "dogstatsd:\n  forwarder: ADDRESS\n  tags: ['env:prod']\n";

    fn is_on(&self) -> bool {
        !self.forwarder.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, _: &Setup) -> Result<Box<dyn Integration>, String> {
        Counts::to(&self.forwarder, &self.namespace, Some(&self.tags))
    }
}

struct Counts {
    address: String,
    namespace: String,
    /// Of DogStatsD.
    tags: Option<String>,
    way: Datagrams,
}

impl Counts {
    fn to(address: &str, namespace: &str, tags: Option<&[String]>) -> Result<Box<dyn Integration>, String> {
        let (host, port) = host_and_port("forwarder", address, PORT)?;
        let way = Datagrams::new(&host, port);
        let tags = tags.map(|tags| tags.join(","));
        let (address, namespace) = (address.to_owned(), namespace.to_owned());
        Ok(Box::new(Self { address, namespace, tags, way }))
    }

    /// One packet for all. There are only so many priorities: it stays below what a network takes whole.
    fn packet(&self, alerts: &[Delivery]) -> String {
        let mut priorities: BTreeMap<&str, usize> = BTreeMap::new();
        for delivery in alerts {
            *priorities.entry(priority_name(delivery.alert.priority)).or_default() += 1;
        }
        let all = [("total", alerts.len()), ("inputs.requests.accepted", alerts.len())];
        let mut lines: Vec<String> = all.map(|(name, count)| self.line(name, None, count)).into();
        lines.extend(priorities.iter().map(|(name, count)| self.line("falco.accepted", Some(name), *count)));
        lines.join("\n")
    }

    /// falcosidekick puts a tag's value behind the name where there are no tags.
    fn line(&self, name: &str, priority: Option<&str>, count: usize) -> String {
        let namespace = &self.namespace;
        let Some(own) = &self.tags else {
            let priority = priority.map(|priority| format!(".{priority}")).unwrap_or_default();
            return format!("{namespace}{name}{priority}:{count}|c");
        };
        let priority = priority.map(|priority| format!("priority:{priority}"));
        let tags = priority.into_iter().chain((!own.is_empty()).then(|| own.clone()));
        let tags: Vec<String> = tags.collect();
        let mark = if tags.is_empty() { "" } else { "|#" };
        format!("{namespace}{name}:{count}|c{mark}{}", tags.join(","))
    }

    async fn hand_in(&self, packet: &str) -> io::Result<()> {
        let sent = self.way.socket().await?.send(packet.as_bytes()).await;
        if sent.is_err() {
            self.way.forget();
        }
        sent.map(drop)
    }
}

impl Integration for Counts {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let handed = self.hand_in(&self.packet(alerts)).await;
            handed.map_err(|error| SendError::Unreachable(format!("{}: {error}", self.address)))?;
            Ok(Answer(format!("handed to the network for {}: StatsD answers nothing", self.address)))
        })
    }
}
