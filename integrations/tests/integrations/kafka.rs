//! A real Kafka broker.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::{Headers as _, Message as _};

use super::feed::{Log, alert};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A broker of this test's own, in a folder of its own.
struct Broker {
    script: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
}

impl Broker {
    /// `None`, said aloud, where there is no script or no Java.
    fn start() -> Option<Self> {
        let compat = std::env::var_os("CADGE_COMPAT").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
            Into::into,
        );
        let script = compat.join("kafka-start.sh");
        let has = |name: &str| {
            Command::new(name).arg("-version").output().is_ok_and(|output| output.status.success())
        };
        if !script.exists() || !has("java") || !has("mvn") {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED kafka: it needs kafka-start.sh in {}, java and mvn",
                compat.display()
            );
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // The jars are fetched once and kept outside of the checkout.
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), Into::into);
        let libs = cache.join("cadge-test/kafka/libs");
        std::fs::create_dir_all(&libs).unwrap();
        std::os::unix::fs::symlink(&libs, dir.path().join("libs")).unwrap();
        let broker = Self { script, dir, port: free_pair() };
        let output = broker.run("start");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(broker)
    }

    fn run(&self, command: &str) -> std::process::Output {
        let mut run = Command::new(&self.script);
        run.arg(command).arg(self.dir.path()).env("KAFKA_PORT", self.port.to_string());
        // The broker keeps what it inherits: not this test's pipes.
        let log = self.dir.path().join(format!("{command}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let status = run.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        std::process::Output { status, stdout: Vec::new(), stderr: std::fs::read(log).unwrap() }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.run("stop");
    }
}

/// A free port whose successor is free too: the controller takes that.
fn free_pair() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

#[tokio::test]
async fn alerts_arrive_in_order_with_key_and_headers() {
    let Some(broker) = tokio::task::spawn_blocking(Broker::start).await.unwrap() else { return };
    let (address, log) = (format!("127.0.0.1:{}", broker.port), Log::default());
    let (running, stop, registry) = log.start(&format!("kafka:\n  hostport: {address}\n  topic: alerts\n"));
    let count = 2000;
    for sequence in 1..=count {
        log.push(alert(sequence, 4));
    }
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", &address)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .set("topic.metadata.refresh.interval.ms", "200")
        .create()
        .unwrap();
    consumer.subscribe(&["alerts"]).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut next = 1;
    while next <= count {
        assert!(Instant::now() < deadline, "{next} of {count}");
        let Ok(Ok(record)) = tokio::time::timeout(Duration::from_secs(5), consumer.recv()).await else {
            continue;
        };
        let body: serde_json::Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
        assert_eq!(body["output"], format!("13:46:40.123456789: Warning Sensitive file #{next}"));
        assert_eq!(record.key(), Some(&b"s1"[..]));
        let headers = record.headers().unwrap();
        assert_eq!(headers.get(0).value, Some(&b"Sensitive file"[..]));
        assert_eq!(headers.get(1).value, Some(&b"Warning"[..]));
        next += 1;
    }
    let line = "falcosecurity_falcosidekick_outputs_total{destination=\"kafka\",status=\"ok\"}";
    super::server::wait_for_metric(&registry, line, 2000.0).await;
    stop.cancel();
    running.stopped().await;
    // Before its broker: a consumer takes its leave, and would wait for the answer.
    tokio::task::spawn_blocking(move || drop(consumer)).await.unwrap();
    tokio::task::spawn_blocking(move || drop(broker)).await.unwrap();
}
