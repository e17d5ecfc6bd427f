//! What the hub counts of itself, for `/metrics`.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// The hub's own figures.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    pub(crate) received: IntCounter,
    pub(crate) duplicates: IntCounter,
    pub(crate) missing: IntCounter,
    pub(crate) malformed: IntCounter,
    pub(crate) sent: IntCounter,
    pub(crate) expired: IntCounter,
    /// By cause: `age` or `bytes`.
    pub(crate) deleted: IntCounterVec,
    pub(crate) sensors: IntGauge,
    pub(crate) subscribers: IntGauge,
    pub(crate) refused: IntCounterVec,
    pub(crate) audit_lost: IntCounter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::with_opts(Opts::new(name, help)).expect("the name is a valid one");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::with_opts(Opts::new(name, help)).expect("the name is a valid one");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        let deleted = IntCounterVec::new(
            Opts::new("cadge_hub_log_alerts_deleted_total", "Alerts that the log no longer keeps, by cause."),
            &["cause"],
        )
        .expect("the name is a valid one");
        registry.register(Box::new(deleted.clone())).expect("each name is registered once");
        let refused =
            Opts::new("cadge_hub_refused_total", "Connections and calls that were refused, by cause.");
        let refused = IntCounterVec::new(refused, &["cause"]).expect("the name is a valid one");
        registry.register(Box::new(refused.clone())).expect("each name is registered once");
        Self {
            deleted,
            refused,
            audit_lost: counter(
                "cadge_hub_audit_lines_lost_total",
                "Lines of the audit log that could not be written.",
            ),
            received: counter("cadge_hub_alerts_received_total", "Alerts that sensors have sent."),
            duplicates: counter("cadge_hub_alerts_duplicate_total", "Alerts that the log had already."),
            missing: counter(
                "cadge_hub_alerts_missing_total",
                "Sequence numbers that no alert came for: lost by a sensor.",
            ),
            malformed: counter(
                "cadge_hub_alerts_malformed_total",
                "Alerts that could not be read, and were left out.",
            ),
            sent: counter("cadge_hub_alerts_sent_total", "Alerts that were sent to subscribers."),
            expired: counter(
                "cadge_hub_alerts_expired_total",
                "Alerts that were deleted before a consumer had them.",
            ),
            sensors: gauge("cadge_hub_sensors", "Sensors that are connected."),
            subscribers: gauge("cadge_hub_subscribers", "Streams of alerts that are open."),
            registry,
        }
    }
}

/// Counts something as long as it lives.
pub(crate) struct Present(IntGauge);

impl Present {
    pub(crate) fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}
