//! `falco_events`, as falco-exporter has it: a consumer of the log that counts.
//!
//! Its cursor is durable, so that across restarts each alert is counted once; the counters
//! themselves begin at 0 with the process, as Prometheus expects of counters. It moves once they have
//! what is behind it: where the cursor is, the counts are.

use std::time::Duration;

use prometheus::{IntCounterVec, Opts, Registry};
use tokio_util::sync::CancellationToken;

use crate::consume::{Consumer, Consumers, Start};
use crate::log::{Entry, LogError};
use crate::view::View;

/// Its cursor and its claim.
const NAME: &str = "exporter";

/// The labels, in falco-exporter's order.
const LABELS: &[&str] = &["rule", "priority", "hostname", "source", "k8s_ns_name", "k8s_pod_name", "tags"];

/// Combinations of labels. Alerts past that are counted together, under the rule `other`.
const SERIES_MAX: usize = 10_000;

/// Bytes of the labels of one combination. Alerts with longer ones are counted under the rule `other` too:
/// labels are kept for ever.
const LABEL_BYTES_MAX: usize = 2048;

/// Alerts that are counted at once.
const COUNT_MAX: usize = 4096;

/// Bytes of alerts that are counted at once, about.
const BYTES_MAX: usize = 4 << 20;

/// So often its cursor is moved.
const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// So long alerts gather when there are few: to look at each alone would cost as much as to keep it.
const GATHER: Duration = Duration::from_millis(50);

/// The wait after the log has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The counter.
pub(crate) struct Exporter {
    events: IntCounterVec,
    series: std::collections::HashSet<[String; 7]>,
    /// The last position that this process has counted: the cursor may not have got there.
    counted: u64,
}

impl Exporter {
    pub(crate) fn new(registry: &Registry) -> Self {
        let options =
            Opts::new("falco_events", "Alerts, by rule, priority (0 is the most urgent) and origin.");
        let events = IntCounterVec::new(options, LABELS).expect("name and labels are valid");
        registry.register(Box::new(events.clone())).expect("the name is registered once");
        Self { events, series: std::collections::HashSet::new(), counted: 0 }
    }

    /// Counts until it is told to stop.
    pub(crate) async fn run(mut self, consumers: Consumers, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // A log that fails, on a full disk for one, is tried again.
            if let Err(error) = self.count_claimed(&consumers, &stop).await {
                tracing::warn!(%error, "alerts can't be counted for `falco_events`: trying again");
                let _ = tokio::time::timeout(PAUSE, stop.cancelled()).await;
            }
        }
    }

    /// Counts while this hub is the one to do so: among hubs that share a log, one counts each alert.
    async fn count_claimed(
        &mut self,
        consumers: &Consumers,
        stop: &CancellationToken,
    ) -> Result<(), LogError> {
        let claim = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            claim = consumers.log().claim(NAME) => claim?,
        };
        let mut consumer: Consumer =
            consumers.open(Some(NAME.to_owned()), Start::Beginning, View::default()).await?;
        let mut tick = tokio::time::interval(COMMIT_EVERY);
        loop {
            let entries = tokio::select! {
                () = stop.cancelled() => break,
                () = claim.lost.cancelled() => break,
                // A move for each alert would cost as much as to keep it.
                _ = tick.tick() => {
                    consumer.commit(consumer.position()).await?;
                    continue;
                }
                entries = consumer.next(COUNT_MAX, BYTES_MAX) => entries?,
            };
            let counted = self.counted;
            for entry in entries.iter().filter(|entry| entry.position > counted) {
                self.count(entry);
            }
            self.counted = self.counted.max(consumer.position());
            if consumer.position() == consumer.head() {
                tokio::time::sleep(GATHER).await;
            }
        }
        // Nothing is counted twice by who comes next. Only a hub that dies leaves alerts that another counts again.
        consumer.commit(consumer.position()).await
    }

    fn count(&mut self, entry: &Entry) {
        // Ingest has decoded it before.
        let Ok(alert) = entry.alert.decode() else { return };
        let field = |name: &str| {
            alert.output_fields.get(name).filter(|text| *text != "<NA>").cloned().unwrap_or_default()
        };
        let mut labels = [
            alert.rule.clone(),
            alert.priority.to_string(),
            alert.hostname.clone(),
            alert.source.clone(),
            field("k8s.ns.name"),
            field("k8s.pod.name"),
            format!(",{},", alert.tags.join(",")),
        ];
        if !self.series.contains(&labels) {
            let bytes: usize = labels.iter().map(String::len).sum();
            if self.series.len() < SERIES_MAX && bytes <= LABEL_BYTES_MAX {
                self.series.insert(labels.clone());
            } else {
                labels = [
                    String::from("other"),
                    labels[1].clone(),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    ",,".to_owned(),
                ];
            }
        }
        self.events.with_label_values(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announce::Announcer;
    use crate::log::{Append, Log, Sqlite, SqliteSettings};
    use crate::metrics::Metrics;
    use cadge_proto::raw::RawAlert;
    use prost::Message as _;
    use std::sync::Arc;

    fn entry(rule: String, tags: &[&str]) -> Entry {
        let alert = cadge_proto::Alert {
            rule,
            priority: 4,
            hostname: "h".to_owned(),
            source: "syscall".to_owned(),
            tags: tags.iter().map(ToString::to_string).collect(),
            output_fields: [
                ("k8s.ns.name".to_owned(), "default".to_owned()),
                ("k8s.pod.name".to_owned(), "<NA>".to_owned()),
            ]
            .into(),
            ..Default::default()
        };
        Entry { position: 1, alert: RawAlert::new(alert.encode_to_vec()) }
    }

    fn total(registry: &Registry) -> f64 {
        let families = registry.gather();
        families
            .iter()
            .flat_map(prometheus::proto::MetricFamily::get_metric)
            .map(|metric| metric.get_counter().get_value())
            .sum()
    }

    /// A log with alerts of so many rules.
    async fn log(dir: &std::path::Path, rules: u64) -> Arc<dyn Log> {
        let settings = SqliteSettings { path: dir.join("log.db"), ..SqliteSettings::default() };
        let log = Sqlite::open(&settings).unwrap();
        let alerts = (1..=rules).map(|rule| (rule, entry(format!("rule {rule}"), &[]).alert)).collect();
        let batch = Append { sensor: "s".to_owned(), epoch: 1, previous: 0, first: 1, alerts, last: rules };
        log.append(batch).await.unwrap().await.unwrap().unwrap();
        Arc::new(log)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn where_the_cursor_is_the_counts_are_and_no_alert_counts_twice() {
        const RULES: u64 = 4000;
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path(), RULES).await;
        let consumers = Consumers::new(Arc::clone(&log), Announcer::new(Arc::clone(&log)), Metrics::new());
        let registry = Registry::new();
        let mut exporter = Exporter::new(&registry);
        // The second time its cursor is lost, as if it could not have been moved.
        for _ in 0..2 {
            let stop = CancellationToken::new();
            let (counting, stopped) = (consumers.clone(), stop.clone());
            let task = tokio::spawn(async move {
                exporter.count_claimed(&counting, &stopped).await.unwrap();
                exporter
            });
            while log.cursor(NAME).await.unwrap() != Some(RULES) {
                tokio::task::yield_now().await;
            }
            assert!((total(&registry) - 4000.0).abs() < 0.5, "{}", total(&registry));
            stop.cancel();
            exporter = task.await.unwrap();
            assert!(log.forget(NAME).await.unwrap());
        }
    }

    #[test]
    fn labels_are_falco_exporters() {
        let registry = Registry::new();
        let mut exporter = Exporter::new(&registry);
        exporter.count(&entry("Terminal shell".to_owned(), &["a", "b"]));
        exporter.count(&entry("Terminal shell".to_owned(), &["a", "b"]));
        exporter.count(&entry("None".to_owned(), &[]));
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let line = "falco_events{hostname=\"h\",k8s_ns_name=\"default\",k8s_pod_name=\"\",priority=\"4\",rule=\"Terminal shell\",source=\"syscall\",tags=\",a,b,\"} 2";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("rule=\"None\",source=\"syscall\",tags=\",,\"} 1"), "{text}");
    }

    #[test]
    fn labels_that_are_too_long_are_counted_with_the_others() {
        let registry = Registry::new();
        let mut exporter = Exporter::new(&registry);
        exporter.count(&entry("x".repeat(LABEL_BYTES_MAX), &[]));
        exporter.count(&entry("y".repeat(LABEL_BYTES_MAX), &[]));
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains("rule=\"other\",source=\"\",tags=\",,\"} 2"), "{text}");
    }

    #[test]
    fn series_are_bounded_and_nothing_is_uncounted() {
        let registry = Registry::new();
        let mut exporter = Exporter::new(&registry);
        let total = SERIES_MAX + 50;
        for number in 0..total {
            exporter.count(&entry(format!("rule {number}"), &[]));
        }
        let families = registry.gather();
        assert_eq!(families[0].get_metric().len(), SERIES_MAX + 1);
        let counted: f64 =
            families[0].get_metric().iter().map(|metric| metric.get_counter().get_value()).sum();
        assert!((counted - f64::from(u32::try_from(total).unwrap())).abs() < 0.5);
    }
}
