//! A real Prometheus that is written to.

use std::path::Path;

use super::counterpart::{Counterpart, find};
use super::feed::{Log, alert};
use super::server::wait_for_metric;

/// Where `make setup-test` has put Prometheus before other counterparts.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/prometheus/usr/bin/prometheus");

const OK: &str =
    "falcosecurity_falcosidekick_outputs_total{destination=\"prometheusremotewrite\",status=\"ok\"}";

#[tokio::test]
async fn prometheus_knows_how_often_each_rule_matched() {
    let test = "prometheus_knows_how_often_each_rule_matched";
    let program =
        if find("prometheus").is_none() && Path::new(UNPACKED).exists() { UNPACKED } else { "prometheus" };
    let server = Counterpart::start(test, program, |command, dir, port| {
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        command.arg("--config.file").arg(config).arg("--storage.tsdb.path").arg(dir.join("data"));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--web.enable-remote-write-receiver");
    });
    let Some(server) = server else { return };
    let (log, origin) = (Log::default(), format!("http://{}", server.address()));
    for sequence in 1..=1500 {
        log.push(alert(sequence, 4));
    }
    log.push(cadge_proto::Alert { rule: "Other rule".to_owned(), ..alert(1501, 2) });
    let yaml = format!("prometheusremotewrite:\n  endpoint: {origin}/api/v1/write\n");
    let (_running, stop, registry) = log.start(&yaml);
    wait_for_metric(&registry, OK, 1501.0).await;
    stop.cancel();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let query = format!("{origin}/api/v1/query?query=falcosecurity_falco_rules_matches_total");
    let answer = reqwest::get(query).await.unwrap().text().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let mut found: Vec<(&str, &str, &str)> = Vec::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        let label = |name: &str| series["metric"][name].as_str().unwrap();
        found.push((label("rule"), label("priority"), series["value"][1].as_str().unwrap()));
    }
    found.sort_unstable();
    assert_eq!(found, [("Other rule", "Critical", "1"), ("Sensitive file", "Warning", "1500")], "{answer}");
}
