//! A real OpenTelemetry collector, which writes what it has understood into files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::counterpart::{Counterpart, free_port};
use super::feed::{Log, alert};
use super::server::wait_for_metric;

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

const COUNT: u64 = 1500;

/// Writes the settings of a collector with a receiver.
pub(crate) fn settings(dir: &Path, receiver: &str) -> PathBuf {
    let (file, shown) = (dir.join("collector.yaml"), dir.display());
    let exporter = |name: &str| format!("{{path: {shown}/{name}.json, append: true, flush_interval: 50ms}}");
    let (logs, metrics) = (exporter("logs"), exporter("metrics"));
    let lines = format!(
        "receivers:\n  otlp: {receiver}\nexporters:\n  file/logs: {logs}\n  file/metrics: {metrics}\n\
         service:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines:\n\
         \x20   logs: {{receivers: [otlp], exporters: [file/logs]}}\n\
         \x20   metrics: {{receivers: [otlp], exporters: [file/metrics]}}\n"
    );
    std::fs::write(&file, lines).unwrap();
    file
}

/// A collector, and its address for each protocol.
struct Collector {
    server: Counterpart,
    http: u16,
}

impl Collector {
    fn start(test: &str) -> Option<Self> {
        let http = free_port();
        let server = Counterpart::start(test, "otelcol", |command, dir, port| {
            let receiver = format!(
                "{{protocols: {{grpc: {{endpoint: '127.0.0.1:{port}'}}, http: {{endpoint: '127.0.0.1:{http}'}}}}}}"
            );
            command.arg("--config").arg(settings(dir, &receiver));
        });
        server.map(|server| Self { server, http })
    }

    /// The section of a configuration that leads here.
    fn section(&self, signal: &str, protocol: &str) -> String {
        let port = if protocol == "grpc" { self.server.port } else { self.http };
        format!("otlp:\n  {signal}:\n    endpoint: http://127.0.0.1:{port}\n    protocol: {protocol}\n")
    }

    /// The requests of a kind in its file, once they are `enough`.
    async fn file(&self, name: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(self.server.dir.path().join(format!("{name}.json")));
            // The last line may not be whole yet.
            let requests: Vec<Value> =
                text.unwrap_or_default().lines().map_while(|line| serde_json::from_str(line).ok()).collect();
            if enough(&requests) {
                return requests;
            }
            assert!(Instant::now() < deadline, "{} requests: {}", requests.len(), self.server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Checks that it has a record of every alert, in their order and no more.
    async fn has_all(&self, protocol: &str) {
        let count = usize::try_from(COUNT).unwrap();
        let requests = self.file("logs", |requests| records(requests).len() >= count).await;
        for request in &requests {
            let resource = attributes(&request["resourceLogs"][0]["resource"]);
            assert_eq!(resource["service.name"], json!({"stringValue": "falco"}), "{request}");
            assert_eq!(resource["host.name"], json!({"stringValue": "node-1"}), "{request}");
        }
        let records = records(&requests);
        assert_eq!(records.len(), 1500, "{protocol}");
        for (sequence, record) in (1..=COUNT).zip(&records) {
            check(record, sequence);
        }
    }
}

fn records(requests: &[Value]) -> Vec<Value> {
    let of = |request: &Value| request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().cloned();
    requests.iter().filter_map(of).flatten().collect()
}

fn attributes(of: &Value) -> BTreeMap<String, Value> {
    let pairs = of["attributes"].as_array().unwrap().iter();
    pairs.map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone())).collect()
}

fn counted(label: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"ok\"}}")
}

/// Everything that a record says of an alert.
fn check(record: &Value, sequence: u64) {
    assert_eq!(record["timeUnixNano"], "1718200000123456789", "{record}");
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(13), &json!("Warning")));
    let output = format!("13:46:40.123456789: Warning Sensitive file #{sequence}");
    assert_eq!(record["body"], json!({"stringValue": output}));
    let mut found = attributes(record);
    let id = found.remove("log.record.uid").unwrap();
    assert_eq!(id["stringValue"], cadge_integrations::format::uuid(&alert(sequence, 4)));
    let text = |text: &str| json!({"stringValue": text});
    let expected = BTreeMap::from([
        ("rule", text("Sensitive file")),
        ("source", text("syscall")),
        ("priority", text("Warning")),
        ("hostname", text("node-1")),
        ("tags", text("a,b")),
        ("proc.name", text("cat <x>")),
        ("proc.pid", json!({"intValue": "42"})),
        ("evt.time", json!({"intValue": "1718200000123456789"})),
    ]);
    let expected: BTreeMap<String, Value> =
        expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn records_are_understood_field_by_field_in_order() {
    for protocol in ["grpc", "http/protobuf", "http/json"] {
        let Some(collector) = Collector::start("records_are_understood_field_by_field_in_order") else {
            return;
        };
        let log = Log::default();
        for sequence in 1..=COUNT {
            log.push(alert(sequence, 4));
        }
        let (_running, stop, registry) = log.start(&collector.section("logs", protocol));
        wait_for_metric(&registry, &counted("otlplogs"), 1500.0).await;
        stop.cancel();
        collector.has_all(protocol).await;
    }
}

#[tokio::test]
async fn a_collector_that_starts_again_has_every_record() {
    for protocol in ["grpc", "http/protobuf"] {
        let Some(mut collector) = Collector::start("a_collector_that_starts_again_has_every_record") else {
            return;
        };
        let log = Log::default();
        let (_running, stop, registry) = log.start(&collector.section("logs", protocol));
        (1..=500).for_each(|sequence| log.push(alert(sequence, 4)));
        wait_for_metric(&registry, &counted("otlplogs"), 500.0).await;
        collector.server.stop();
        (501..=1000).for_each(|sequence| log.push(alert(sequence, 4)));
        let retries = "cadge_integration_retries_total{destination=\"otlplogs\"}";
        while super::server::metric(&registry, retries).unwrap_or_default() < 1.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        collector.server.start_again();
        (1001..=COUNT).for_each(|sequence| log.push(alert(sequence, 4)));
        wait_for_metric(&registry, &counted("otlplogs"), 1500.0).await;
        stop.cancel();
        collector.has_all(protocol).await;
    }
}

#[tokio::test]
async fn a_counter_adds_up_to_every_alert() {
    for protocol in ["grpc", "http/protobuf"] {
        let Some(collector) = Collector::start("a_counter_adds_up_to_every_alert") else { return };
        let log = Log::default();
        for sequence in 1..=COUNT {
            log.push(alert(sequence, 4));
        }
        let (_running, stop, registry) = log.start(&collector.section("metrics", protocol));
        wait_for_metric(&registry, &counted("otlpmetrics"), 1500.0).await;
        stop.cancel();
        let count = |request: &Value| {
            let metric = &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
            assert_eq!(metric["name"], "falcosecurity_falco_rules_matches_total");
            let sum = &metric["sum"];
            assert_eq!((&sum["aggregationTemporality"], &sum["isMonotonic"]), (&json!(2), &json!(true)));
            let labels = attributes(&sum["dataPoints"][0]);
            assert_eq!(labels["rule"], json!({"stringValue": "Sensitive file"}));
            assert_eq!(labels["hostname"], json!({"stringValue": "node-1"}));
            sum["dataPoints"][0]["asInt"].as_str().unwrap().parse::<u64>().unwrap()
        };
        let is_all = |requests: &[Value]| requests.last().map(count) == Some(COUNT);
        let counts: Vec<u64> = collector.file("metrics", is_all).await.iter().map(count).collect();
        assert!(counts.is_sorted(), "{protocol}: {counts:?}");
    }
}
