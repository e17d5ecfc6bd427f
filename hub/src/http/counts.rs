//! What the HTTP server counts.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Its figures.
#[derive(Clone)]
pub(super) struct Counts {
    /// falcosidekick's counter. A batch counts as many times as it has alerts.
    inputs: IntCounterVec,
    accepted: IntCounter,
    refused: IntCounterVec,
    pub(super) connections: IntGauge,
    pub(super) closed: IntCounterVec,
    pub(super) body_bytes: IntGauge,
}

impl Counts {
    pub(super) fn new(registry: &Registry) -> Self {
        let counts = |name: &str, help: &str, labels: &[&str]| {
            let counts = IntCounterVec::new(Opts::new(name, help), labels);
            registered(registry, counts.expect("name and labels are valid"))
        };
        let gauge = |name: &str, help: &str| {
            registered(registry, IntGauge::new(name, help).expect("the name is valid"))
        };
        let inputs = counts(
            "falcosecurity_falcosidekick_inputs_total",
            "Alerts that were accepted by HTTP, and requests that were rejected.",
            &["source", "status"],
        );
        Self {
            accepted: inputs.with_label_values(&["requests", "accepted"]),
            inputs,
            refused: counts(
                "cadge_hub_http_refused_total",
                "HTTP requests that were refused, by cause.",
                &["cause"],
            ),
            connections: gauge("cadge_hub_http_connections", "HTTP connections that are open."),
            closed: counts(
                "cadge_hub_http_closed_total",
                "HTTP connections that the hub has closed, by cause.",
                &["cause"],
            ),
            body_bytes: gauge("cadge_hub_http_body_bytes", "Bytes of HTTP bodies in memory."),
        }
    }

    pub(super) fn accepted(&self, alerts: u64) {
        self.accepted.inc_by(alerts);
    }

    pub(super) fn refused(&self, cause: &str) {
        self.inputs.with_label_values(&["requests", "rejected"]).inc();
        self.refused.with_label_values(&[cause]).inc();
    }

    pub(super) fn closed(&self, cause: &str) -> IntCounter {
        self.closed.with_label_values(&[cause])
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    registry.register(Box::new(collector.clone())).expect("each name is registered once");
    collector
}
