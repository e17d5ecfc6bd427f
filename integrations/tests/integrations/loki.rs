//! What is pushed to Loki, at a real server that takes its pushes: `VictoriaLogs`. Loki itself is under the AGPL, and so
//! is not built here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cadge_proto::Alert;
use serde_json::Value;

use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::server::{metric, wait_for_metric};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

const COUNT: u64 = 1500;

const OK: &str = "falcosecurity_falcosidekick_outputs_total{destination=\"loki\",status=\"ok\"}";

fn start(test: &str) -> Option<Counterpart> {
    Counterpart::start(test, "victoria-logs", |command, dir, port| {
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}")).arg("-retentionPeriod=100y");
        command.arg(format!("-storageDataPath={}", dir.join("logs").display()));
    })
}

/// An alert of one of two hosts, a nanosecond after the one before.
fn of(sequence: u64) -> Alert {
    let mut alert = alert(sequence, 4);
    alert.time.as_mut().unwrap().nanos = i32::try_from(sequence).unwrap();
    alert.hostname = format!("node-{}", sequence % 2);
    alert
}

fn section(server: &Counterpart, more: &str) -> String {
    format!(
        "loki:\n  hostport: http://{}\n  endpoint: /insert/loki/api/v1/push\n  extralabels: [proc.name]\n{more}",
        server.address()
    )
}

/// Every line that the server has, by time, once there are so many.
async fn lines(server: &Counterpart, count: usize) -> Vec<Value> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let url = format!("http://{}/select/logsql/query?query=*%20%7C%20sort%20by%20(_time)", server.address());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = client.get(&url).send().await.unwrap().text().await.unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(Instant::now() < deadline, "{} lines: {}", lines.len(), server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn streams_have_their_lines_and_labels_in_order() {
    let Some(server) = start("streams_have_their_lines_and_labels_in_order") else { return };
    let log = Log::default();
    for sequence in 1..=COUNT {
        log.push(of(sequence));
    }
    let (_running, stop, registry) = log.start(&section(&server, ""));
    wait_for_metric(&registry, OK, 1500.0).await;
    stop.cancel();
    let lines = lines(&server, 1500).await;
    assert_eq!(lines.len(), 1500);
    let mut streams: BTreeMap<&str, u64> = BTreeMap::new();
    for (sequence, line) in (1..=COUNT).zip(&lines) {
        let expected = of(sequence);
        assert_eq!(line["_msg"], expected.output, "{line}");
        // It writes no zeros at the end.
        let nanoseconds = format!("{sequence:09}");
        let time = format!("2024-06-12T13:46:40.{}Z", nanoseconds.trim_end_matches('0'));
        assert_eq!(line["_time"], time, "{line}");
        for (label, value) in [
            ("rule", "Sensitive file"),
            ("priority", "Warning"),
            ("source", "syscall"),
            ("hostname", expected.hostname.as_str()),
            ("tags", "a,b"),
            ("proc_name", "cat <x>"),
        ] {
            assert_eq!(line[label], value, "{label}: {line}");
        }
        *streams.entry(line["_stream_id"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(streams.into_values().collect::<Vec<u64>>(), [750, 750]);
}

#[tokio::test]
async fn a_server_that_starts_again_has_every_line() {
    let Some(mut server) = start("a_server_that_starts_again_has_every_line") else { return };
    let log = Log::default();
    // The header asks the server to leave lines of JSON as they are.
    let more = "  format: json\n  customheaders: {VL-Loki-Disable-Message-Parsing: '1'}\n";
    let (_running, stop, registry) = log.start(&section(&server, more));
    (1..=500).for_each(|sequence| log.push(of(sequence)));
    wait_for_metric(&registry, OK, 500.0).await;
    server.stop();
    (501..=1000).for_each(|sequence| log.push(of(sequence)));
    let retries = "cadge_integration_retries_total{destination=\"loki\"}";
    while metric(&registry, retries).unwrap_or_default() < 1.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.start_again();
    (1001..=COUNT).for_each(|sequence| log.push(of(sequence)));
    wait_for_metric(&registry, OK, 1500.0).await;
    stop.cancel();
    // What was on its way when it stopped may be there twice: this server does not know it again, as Loki does.
    let mut found: BTreeSet<String> = BTreeSet::new();
    for line in lines(&server, 1500).await {
        let body: Value = serde_json::from_str(line["_msg"].as_str().unwrap()).unwrap();
        found.insert(body["output"].as_str().unwrap().to_owned());
    }
    assert_eq!(found, (1..=COUNT).map(|sequence| of(sequence).output).collect());
}
