//! Tells an `OpenTelemetry` collector how often each rule matched.

use std::time::SystemTime;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::{Exporter, Signal, Target};
use crate::destinations::Section;
use crate::format::Matches;
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Counting so many more is one request.
const BATCH: usize = 1000;

const SIGNAL: Signal =
    Signal { path: "/v1/metrics", method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" };

keys! {
    /// The section `otlp.metrics`.
    pub(crate) struct Config {
        /// Where the collector is: such as `http://collector:4318`, or `http://collector:4317` for gRPC. Without a path, it
        /// is the protocol's own.
        endpoint: String = "",
        /// Unused: each value of a field would make a series of its own.
        extraattributes: Vec<String> = [],
        + target: Target,
        + verification: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "otlp.metrics";
    const ABOUT: &'static str = "Tells an OpenTelemetry collector how often each rule matched: \
        `falcosecurity_falco_rules_matches_total`, from the hub's start on.";
    const EXAMPLE: &'static str = "otlp:\n  metrics:\n    endpoint: http://collector:4318\n";

    fn is_on(&self) -> bool {
        !self.endpoint.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let exporter = Exporter::new(&self.endpoint, &self.target, &SIGNAL, &self.verification, setup)?;
        Ok(Box::new(Counter {
            exporter,
            matches: Mutex::new(Matches::new(now()).labelled(&setup.custom_fields)),
        }))
    }
}

struct Counter {
    exporter: Exporter,
    /// What the collector knows. One request at a time: a later one has later counts.
    matches: Mutex<Matches>,
}

impl Integration for Counter {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut known = self.matches.lock().await;
            let next = known.with(alerts);
            let answer = self.exporter.export(next.request(now())).await?;
            *known = next;
            Ok(answer)
        })
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
