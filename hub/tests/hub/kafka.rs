//! Several hubs on one log in Kafka: they come and go, and nobody notices.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use cadge_client::{Client, GetOptions, SubscribeOptions};
use cadge_hub::{Config, Hub};
use cadge_proto::raw::v1::{Batch, Hello};
use futures_util::StreamExt as _;
use tokio::net::TcpListener;

use super::site::{PATIENCE, Sensor, alert, client_at, connect};

#[path = "../../../integrations/tests/integrations/broker.rs"]
pub(super) mod broker;

/// Where alerts are forwarded to: keeps what comes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<String>>>);

impl Sink {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let keep = async |State(sink): State<Sink>, body: String| {
            // Long enough for a hub to stop in the middle.
            tokio::time::sleep(Duration::from_millis(3)).await;
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            sink.0.lock().unwrap().push(body["output"].as_str().unwrap().to_owned());
        };
        let routes = Router::new().fallback(keep).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }

    /// Waits for so many alerts, and for one too many.
    async fn alerts(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + 2 * PATIENCE;
        while self.0.lock().unwrap().len() < count {
            assert!(Instant::now() < deadline, "{} of {count} came", self.0.lock().unwrap().len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.0.lock().unwrap().clone()
    }
}

/// Hubs that share a log.
struct Fleet {
    dir: tempfile::TempDir,
    address: String,
    topic: String,
    webhook: String,
    silent_after_ms: u64,
}

impl Fleet {
    fn new(test: &str) -> Option<Self> {
        let address = broker::Broker::get(test)?.address();
        let dir = tempfile::tempdir().unwrap();
        Some(Self { dir, address, topic: test.to_owned(), webhook: String::new(), silent_after_ms: 0 })
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn hub(&self, name: &str) -> Hub {
        let socket = self.socket(name);
        let (address, topic, webhook) = (&self.address, &self.topic, &self.webhook);
        let text = format!(
            "{{grpc: {{bind_address: '', unix_socket: '{socket}'}}, webserver: {{listen_port: 0}}, \
             fleet: {{path: '{socket}.fleet', silent_after_ms: {silent_after_ms}}}, history: {{enabled: false}}, \
             log: {{kind: kafka, kafka: {{hostport: '{address}', topic: '{topic}', replication: 1}}}}, \
             integrations: {{webhook: {{address: '{webhook}'}}}}}}",
            socket = socket.display(),
            silent_after_ms = self.silent_after_ms,
        );
        let config: Config = serde_saphyr::from_str(&text).unwrap();
        Hub::start(config).await.unwrap()
    }

    async fn client(&self, name: &str) -> Client {
        client_at(&self.socket(name)).await
    }

    async fn sensor(&self, name: &str) -> Sensor {
        Sensor::connect(connect(self.socket(name)).await, "s").await
    }

    /// Everything that the log has, read from one hub. A hub that greets a sensor has read all of it.
    async fn all(&self, name: &str) -> Vec<String> {
        self.sensor(name).await;
        let entries = self.client(name).await.get(GetOptions::default()).await.unwrap();
        entries.map(|alert| alert.unwrap().output).collect().await
    }
}

fn expected(sequences: std::ops::RangeInclusive<u64>) -> Vec<String> {
    sequences.map(|sequence| format!("alert {sequence}")).collect()
}

/// How many alerts a hub has counted for `falco_events`.
async fn counted(hub: &Hub) -> u64 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(hub.http_address().unwrap()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with("falco_events{") && line.contains("rule=\"R\""));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn each_alert_is_forwarded_and_counted_once_while_hubs_come_and_go() {
    let Some(mut fleet) = Fleet::new("forwarded_once") else { return };
    let sink = Sink::default();
    fleet.webhook = sink.start().await;
    let one = fleet.hub("one").await;
    // The first time it forwards from now on: so it has to be there.
    let mut last = 0;
    let mut sensor = fleet.sensor("one").await;
    while sink.0.lock().unwrap().is_empty() {
        last += 1;
        sensor.send(last..=last).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let other = fleet.hub("other").await;
    sensor.send(last + 1..=last + 200).await;
    // The hub that forwards stops in the middle of it; the other goes on, and then has a companion again.
    let before = counted(&one).await;
    one.stop().await;
    let mut sensor = fleet.sensor("other").await;
    sensor.send(last + 201..=last + 400).await;
    let third = fleet.hub("third").await;
    sensor.send(last + 401..=last + 500).await;
    let total = usize::try_from(last).unwrap() + 500;
    let first = sink.0.lock().unwrap()[0].clone();
    let skipped = usize::try_from(first["alert ".len()..].parse::<u64>().unwrap()).unwrap() - 1;
    let forwarded = sink.alerts(total - skipped).await;
    assert_eq!(forwarded, expected(1..=total as u64)[skipped..]);
    // What the first hub has counted behind `before` is gone with it; nothing is counted twice.
    let after = counted(&other).await + counted(&third).await;
    assert!(before + after <= total as u64, "{before} + {after} of {total}");
    assert!(after >= 300, "{after}");
    other.stop().await;
    third.stop().await;
}

#[tokio::test]
async fn a_consumer_that_changes_hub_goes_on_where_it_was() {
    let Some(fleet) = Fleet::new("consumer_moves") else { return };
    let (one, other) = (fleet.hub("one").await, fleet.hub("other").await);
    fleet.sensor("one").await.send(1..=100).await;
    let take = async |name: &str, count: usize| {
        let options = SubscribeOptions { manual: true, ..SubscribeOptions::durable("moving") };
        let mut alerts = fleet.client(name).await.subscribe(options);
        let mut outputs = Vec::new();
        while outputs.len() < count {
            let entry = tokio::time::timeout(PATIENCE, alerts.next()).await.unwrap().unwrap().unwrap();
            outputs.push(entry.output);
            alerts.acknowledge(entry.position);
        }
        // The acknowledgement is on its way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        outputs
    };
    // Its first time makes the cursor; what comes then is for it.
    let first = take("one", 40).await;
    assert_eq!(first, expected(1..=40));
    assert_eq!(take("other", 60).await, expected(41..=100));
    fleet.sensor("other").await.send(101..=110).await;
    assert_eq!(take("one", 10).await, expected(101..=110));
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_sensor_that_changes_hub_in_mid_batch_leaves_nothing_twice() {
    let Some(fleet) = Fleet::new("sensor_moves") else { return };
    let hubs = [fleet.hub("one").await, fleet.hub("other").await];
    let mut next = 1;
    for round in 0..10 {
        let name = ["one", "other"][round % 2];
        let sensor = fleet.sensor(name).await;
        assert!(sensor.acknowledged < next);
        // What was acknowledged is there; everything else is sent again, and more.
        let first = sensor.acknowledged + 1;
        next = first + 500;
        for start in (first..next).step_by(50) {
            let alerts = (start..start + 50).map(|sequence| alert("s", sequence)).collect();
            sensor.hand_in(Batch { first_sequence: start, alerts }).await;
        }
        // It goes without waiting for an answer.
        tokio::time::sleep(Duration::from_millis(7 * round as u64)).await;
    }
    let mut sensor = fleet.sensor("one").await;
    let first = sensor.acknowledged + 1;
    sensor.send(first..=first + 499).await;
    let last = first + 499;
    for name in ["one", "other"] {
        let all = fleet.all(name).await;
        assert!(all == expected(1..=last), "{name} has {} of {last}: {all:?}", all.len());
    }
    let fresh = fleet.hub("fresh").await;
    assert!(fleet.all("fresh").await == expected(1..=last));
    for hub in hubs.into_iter().chain([fresh]) {
        hub.stop().await;
    }
}

#[tokio::test]
async fn a_sensor_that_has_changed_hub_falls_silent_once() {
    let Some(mut fleet) = Fleet::new("silent_once") else { return };
    fleet.silent_after_ms = 3000;
    let hubs = [fleet.hub("one").await, fleet.hub("other").await];
    let greet = async |hub: &str, sensor: &str| {
        let hello = Hello { sensor: sensor.to_owned(), epoch: 1, ..Hello::default() };
        Sensor::greet(connect(fleet.socket(hub)).await, hello).await
    };
    // Both hubs know the one that moves, and it is the second one's. The others show that each looks.
    let stays = [greet("one", "stays-1").await, greet("other", "stays-2").await];
    drop(greet("one", "moves").await);
    let moved = greet("other", "moves").await;
    drop((stays, moved));
    let silent = async || {
        let entries = fleet.client("one").await.get(GetOptions::default()).await.unwrap();
        let alerts: Vec<_> = entries.map(Result::unwrap).collect().await;
        let mut names: Vec<String> =
            alerts.iter().map(|alert| alert.output_fields.get("sensor").unwrap().to_owned()).collect();
        assert!(alerts.iter().all(|alert| alert.rule == "Cadge internal: sensor silent"), "{alerts:?}");
        names.sort();
        names
    };
    let expected = ["moves", "stays-1", "stays-2"];
    let deadline = Instant::now() + PATIENCE;
    while silent().await.len() < expected.len() {
        assert!(Instant::now() < deadline, "{:?}", silent().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // As long again: nobody says it once more.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(silent().await, expected);
    for hub in hubs {
        hub.stop().await;
    }
}
