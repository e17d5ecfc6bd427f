//! Sends alerts to an `OpenTelemetry` collector as log records, many at a time.

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;

use super::{Exporter, Signal, Target};
use crate::destinations::Section;
use crate::format;
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// A collector takes 20 MiB. One that takes less refuses, and is sent fewer.
const BATCH: usize = 500;

const SIGNAL: Signal =
    Signal { path: "/v1/logs", method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export" };

keys! {
    /// The section `otlp.logs`.
    pub(crate) struct Config {
        /// Where the collector is: such as `http://collector:4318`, or `http://collector:4317` for gRPC. Without a path, it
        /// is the protocol's own.
        endpoint: String = "",
        /// Unused: what an answer says always counts.
        synced: bool = false,
        + target: Target,
        + verification: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "otlp.logs";
    const ABOUT: &'static str = "Sends alerts to an OpenTelemetry collector as log records.";
    const EXAMPLE: &'static str =
        "otlp:\n  logs:\n    endpoint: URL\n    protocol: http/json\n    headers: x-token=T0KEN\n";

    fn is_on(&self) -> bool {
        !self.endpoint.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let exporter = Exporter::new(&self.endpoint, &self.target, &SIGNAL, &self.verification, setup)?;
        Ok(Box::new(Logs { exporter, kinds: setup.kinds }))
    }
}

struct Logs {
    exporter: Exporter,
    kinds: FieldKinds,
}

impl Integration for Logs {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        let request = format::logs(alerts.iter().map(|delivery| &*delivery.alert), self.kinds);
        Box::pin(async move { self.exporter.export(request).await })
    }
}
