//! Other programs' events, through `kill -9` of the hub.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cadge_proto::cadge::v1::inputs_client::InputsClient;
use cadge_proto::cadge::v1::{Event, PushRequest};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::Endpoint;

use crate::support::{Site, cadge, stderr, stdout, wait_for};

/// How often the hub is killed.
const ROUNDS: u64 = 5;

/// Events of a round, in requests of 20: more than are on disk when the hub is killed.
const EVENTS: u64 = 100_000;

fn event(number: u64) -> Event {
    Event {
        time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        rule: "Deploy".to_owned(),
        output: format!("event {number}"),
        ..Event::default()
    }
}

/// Sends events, the first of which is `first`, until the hub is gone. Says how many it has acknowledged.
async fn push(socket: PathBuf, first: u64, acknowledged: Arc<AtomicU64>) {
    let connect = tower::service_fn(move |_: tonic::transport::Uri| {
        let path = socket.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(connect).await.unwrap();
    let requests = (0..EVENTS / 20).map(move |request| {
        let first = first + request * 20;
        PushRequest { events: (first..first + 20).map(event).collect() }
    });
    let mut answers =
        InputsClient::new(channel).push(tokio_stream::iter(requests)).await.unwrap().into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        assert!(answer.refused.is_empty(), "{answer:?}");
        acknowledged.store(answer.acknowledged, Ordering::Relaxed);
    }
}

#[test]
fn what_was_acknowledged_is_there_once_however_often_the_hub_is_killed() {
    let site = Site::new("");
    let socket = site.path("cadge.sock");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mut next, mut cut_short) = (1, 0);
    for round in 0..ROUNDS {
        let mut hub = site.hub();
        // From the first one that was not acknowledged: what the hub had of those already it must recognise.
        let acknowledged = Arc::new(AtomicU64::new(0));
        let pushing = runtime.spawn(push(socket.clone(), next, Arc::clone(&acknowledged)));
        let so_many = || acknowledged.load(Ordering::Relaxed);
        wait_for("acknowledgement", || (so_many() > 500 * round).then_some(()));
        hub.kill();
        runtime.block_on(pushing).unwrap();
        cut_short += u64::from(so_many() < EVENTS);
        next += so_many();
    }
    assert!(cut_short > 0, "killed while events came");
    let _hub = site.hub();
    let log = cadge().args(["get", "--after", "0", "--socket"]).arg(&socket).output().unwrap();
    let log = stdout(&log);
    let numbers: Vec<u64> =
        log.lines().filter_map(|line| line.rsplit("event ").next()?.parse().ok()).collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert!(numbers.len() as u64 >= next - 1, "{} of {next} acknowledged", numbers.len());
    assert_eq!(numbers, expected, "each once, in their order");
}

#[test]
fn a_script_hands_in_events_by_the_command_line() {
    let site = Site::new("");
    let _hub = site.hub();
    let socket = site.path("cadge.sock");
    let push = |args: &[&str]| cadge().arg("push").args(args).arg("--socket").arg(&socket).output().unwrap();
    let plain = push(&["Deploy finished", "shop 1.2 is live", "deploy.version=1.2", "note=a=b"]);
    assert!(plain.status.success() && plain.stdout.is_empty(), "{}", stderr(&plain));
    let flags = ["--priority", "Critical", "--tag", "b", "--tag", "a", "--source", "cron", "--host", "db-1"];
    let full = push(&[&flags[..], &["Backup failed", "exit code 1"]].concat());
    assert!(full.status.success(), "{}", stderr(&full));
    let log = cadge().args(["get", "--after", "0", "--json", "--socket"]).arg(&socket).output().unwrap();
    let alerts: Vec<serde_json::Value> =
        stdout(&log).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    let [deploy, backup] = &alerts[..] else { unreachable!() };
    assert_eq!((&deploy["rule"], &deploy["output"]), (&"Deploy finished".into(), &"shop 1.2 is live".into()));
    assert_eq!((&deploy["priority"], &deploy["source"]), (&"Notice".into(), &"input".into()));
    assert_eq!(deploy["output_fields"], serde_json::json!({"deploy.version": "1.2", "note": "a=b"}));
    assert_eq!((&backup["priority"], &backup["hostname"]), (&"Critical".into(), &"db-1".into()));
    assert_eq!((&backup["source"], &backup["tags"]), (&"cron".into(), &serde_json::json!(["a", "b"])));

    // What is refused is told, and what is mistyped does not get as far.
    for (args, text) in [
        (&["", "no rule"][..], "the rule's name is empty"),
        (&["R", "o", "no field"], "`user.name=root`"),
        (&["R", "o", "--priority", "loud"], "informational"),
    ] {
        let output = push(args);
        assert!(!output.status.success() && stderr(&output).contains(text), "{}", stderr(&output));
    }
    let consumer = cadge().args(["push", "R", "o"]).args(site.client("consumer")).output().unwrap();
    assert!(!consumer.status.success(), "a consumer hands in nothing");
    assert!(stderr(&consumer).contains("needs the role sensor"), "{}", stderr(&consumer));
    let sensor = cadge().args(["push", "R", "o"]).args(site.client("sensor")).output().unwrap();
    assert!(sensor.status.success(), "{}", stderr(&sensor));
}
