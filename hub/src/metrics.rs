//! What the hub counts of itself, for `/metrics`.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Bounds of the histogram of appending: from a fast disk to one that is in trouble.
const APPEND_SECONDS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

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
    /// By the log's bound: `queue`, `wal` or `backup`.
    pub(crate) log_bounds: IntCounterVec,
    pub(crate) sensors: IntGauge,
    pub(crate) subscribers: IntGauge,
    pub(crate) falco_subscribers: IntGauge,
    pub(crate) batches: IntCounter,
    /// From a batch's arrival to its place on disk.
    pub(crate) append_seconds: Histogram,
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
        let log_bounds = Opts::new(
            "cadge_hub_log_bounds_met_total",
            "How often a bound of the log in a file made a request wait (queue), refused what came (wal) or \
             ended a backup (backup).",
        );
        let log_bounds = IntCounterVec::new(log_bounds, &["bound"]).expect("the name is a valid one");
        registry.register(Box::new(log_bounds.clone())).expect("each name is registered once");
        let refused =
            Opts::new("cadge_hub_refused_total", "Connections and calls that were refused, by cause.");
        let refused = IntCounterVec::new(refused, &["cause"]).expect("the name is a valid one");
        registry.register(Box::new(refused.clone())).expect("each name is registered once");
        let subscribers = Opts::new("cadge_hub_subscribers", "Streams of alerts that are open, by API.");
        let subscribers = IntGaugeVec::new(subscribers, &["api"]).expect("the name is a valid one");
        registry.register(Box::new(subscribers.clone())).expect("each name is registered once");
        let append_seconds = HistogramOpts::new(
            "cadge_hub_append_seconds",
            "How long batches take from their arrival until the log has them durably.",
        );
        let append_seconds = append_seconds.buckets(APPEND_SECONDS.to_vec());
        let append_seconds = Histogram::with_opts(append_seconds).expect("the buckets are sorted");
        registry.register(Box::new(append_seconds.clone())).expect("each name is registered once");
        Self {
            deleted,
            log_bounds,
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
            subscribers: subscribers.with_label_values(&["cadge"]),
            falco_subscribers: subscribers.with_label_values(&["falco"]),
            batches: counter("cadge_hub_batches_received_total", "Batches of alerts that sensors have sent."),
            append_seconds,
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
