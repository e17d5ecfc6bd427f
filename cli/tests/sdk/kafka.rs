//! The example that forwards to Kafka, with a real broker: whatever it acknowledges is in the topic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use cadge_proto::Alert;
use nix::sys::signal::Signal;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use crate::broker::Broker;
use crate::language::{LANGUAGES, Language};
use crate::log;
use crate::program::Program;
use crate::stage::{QUIET, Way};
use crate::support::{PATIENCE, Site, cadge, stderr, stdout};
use crate::synthetic::Sensor;

/// Alerts before it is started, and those that come later.
const BEFORE: u64 = 600;
const ALERTS: u64 = 1000;

/// What a topic has, by key.
fn topic(broker: &Broker, name: &str) -> BTreeMap<String, Value> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let (_, end) = consumer.fetch_watermarks(name, 0, PATIENCE).unwrap();
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(name, 0, Offset::Beginning).unwrap();
    consumer.assign(&place).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (mut records, mut read) = (BTreeMap::new(), 0);
    while read < end {
        assert!(Instant::now() < deadline, "{read} of {end} records");
        let Some(record) = consumer.poll(Duration::from_secs(1)) else { continue };
        let record = record.unwrap();
        read = record.offset() + 1;
        let key = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
        records.insert(key, serde_json::from_slice(record.payload().unwrap()).unwrap());
    }
    records
}

/// How far the hub has a cursor.
fn acknowledged(socket: &Path, cursor: &str) -> u64 {
    let output = cadge().args(["hub", "status", "--json", "--socket"]).arg(socket).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let status: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let cursors = status["consumers"].as_array().unwrap();
    let found = cursors.iter().find(|found| found["name"].as_str().unwrap().ends_with(cursor));
    found.map_or(0, |found| found["position"].as_u64().unwrap())
}

/// What Falco's JSON says of an alert.
fn said(record: &Value) -> [String; 4] {
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    [text("rule"), text("output"), text("source"), record["output_fields"]["proc.pid"].to_string()]
}

fn expected(alert: &Alert) -> [String; 4] {
    let pid = alert.output_fields.get("proc.pid").map_or(Value::Null, |pid| Value::from(pid.as_str()));
    [alert.rule.clone(), alert.output.clone(), alert.source.clone(), pid.to_string()]
}

/// Kills it in the middle, and starts it again: what is acknowledged is in the topic, and at the end all is.
fn forward(site: &Site, sensor: &mut Sensor, broker: &Broker, language: Language, way: Way) {
    let socket = site.path("cadge.sock");
    let name = format!("{}-{way:?}", language.name()).to_lowercase();
    let start = || {
        let mut command = language.example("kafka", &way.to(site, "consumer"));
        Program::start(command.args([&broker.address(), &name, &name]))
    };
    let mut program = start();
    program.wait_for("an acknowledgement", |_| (acknowledged(&socket, &name) > 0).then_some(()));
    program.kill();
    let reached = acknowledged(&socket, &name);
    let records = topic(broker, &name);
    let entries = log::entries(&socket);
    let first = entries.iter().filter(|entry| entry.position <= reached);
    for id in first.map(|entry| log::id(entry.alert.as_ref().unwrap())) {
        assert!(records.contains_key(&id), "{name}: `{id}` was acknowledged, and is not in the topic");
    }
    sensor.send_up_to(sensor.acknowledged + ALERTS - BEFORE);
    let alerts = log::alerts(&socket);
    let head = log::entries(&socket).last().unwrap().position;
    let mut program = start();
    program.wait_for("all alerts", |_| (acknowledged(&socket, &name) == head).then_some(()));
    program.end(Signal::SIGTERM);
    assert_eq!(program.stdout(), "");
    let records = topic(broker, &name);
    let ids: BTreeSet<String> = alerts.iter().map(log::id).collect();
    let keys: BTreeSet<String> = records.keys().cloned().collect();
    let wrong: Vec<_> = keys.symmetric_difference(&ids).take(5).collect();
    assert!(wrong.is_empty(), "{name}: missing or foreign are {wrong:?} and perhaps others");
    for alert in &alerts {
        assert_eq!(said(&records[&log::id(alert)]), expected(alert), "{name}");
    }
}

#[test]
fn what_is_acknowledged_is_in_the_topic() {
    let test = "what_is_acknowledged_is_in_the_topic";
    let Some(broker) = Broker::get(test) else { return };
    let site = Site::new(QUIET);
    let _hub = site.hub();
    let mut sensor = Sensor::connect(&site.path("cadge.sock"));
    sensor.send_up_to(BEFORE);
    for language in LANGUAGES.into_iter().filter(|language| language.is_here(test)) {
        for way in [Way::Tls, Way::Socket] {
            forward(&site, &mut sensor, broker, language, way);
        }
    }
}
