//! OpenTelemetry's protocol: what the suites for everything by HTTP do not show.

use serde_json::Value;

use super::feed::{Log, alert};
use super::server::{Server, wait_for_metric};

fn ok(label: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"ok\"}}")
}

#[tokio::test]
async fn log_records_are_protobuf_without_being_asked_for() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    log.push(alert(1, 4));
    let (_running, stop, registry) = log.start(&format!("otlp:\n  logs:\n    endpoint: {}\n", server.url));
    let requests = server.requests(1).await;
    assert_eq!(requests[0].headers["content-type"], "application/x-protobuf");
    assert!(requests[0].body.starts_with('\n') && requests[0].body.contains("Sensitive file #1"));
    wait_for_metric(&registry, &ok("otlplogs"), 1.0).await;
    stop.cancel();
}

#[tokio::test]
async fn matches_add_up_and_a_request_that_failed_counts_once() {
    let (server, log) = (Server::start(&[503, 200, 500]).await, Log::default());
    let origin = server.url.trim_end_matches("/hook");
    let yaml = format!("otlp:\n  metrics:\n    endpoint: {origin}\n    protocol: http/json\n");
    let (_running, stop, registry) = log.start(&yaml);
    log.push(alert(1, 4));
    wait_for_metric(&registry, &ok("otlpmetrics"), 1.0).await;
    for sequence in 2..=1500 {
        log.push(alert(sequence, 4));
    }
    log.push(cadge_proto::Alert { rule: "Other rule".to_owned(), ..alert(1501, 2) });
    wait_for_metric(&registry, &ok("otlpmetrics"), 1501.0).await;
    stop.cancel();
    let last = server.requests(4).await.pop().unwrap();
    assert_eq!(last.path, "/v1/metrics");
    let body: Value = serde_json::from_str(&last.body).unwrap();
    let metric = &body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
    assert_eq!(metric["name"], "falcosecurity_falco_rules_matches_total");
    let points = metric["sum"]["dataPoints"].as_array().unwrap();
    let counts: Vec<&str> = points.iter().map(|point| point["asInt"].as_str().unwrap()).collect();
    assert_eq!(counts, ["1", "1500"], "{body}");
}
