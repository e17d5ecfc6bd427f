//! What only the log in Kafka does: several hubs at once, checkpoints, topics that are none.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::super::tests::{InTopic, Place as _, append, batch, send, texts};
use super::super::{Append, Appended, Log, UNORDERED};
use super::record::Number;
use super::{Kafka, KafkaSecurity, KafkaSettings};

/// A topic of the test's own, or `None` where there is no broker.
fn settings(test: &str) -> Option<KafkaSettings> {
    InTopic::new(test).map(|place| place.0)
}

async fn open(settings: &KafkaSettings) -> Arc<Kafka> {
    Arc::new(Kafka::open(settings.clone()).await.unwrap())
}

/// Writes a batch past what this hub knows, as a hub does that does not know of another's yet.
async fn write_blindly(log: &Kafka, batch: Append) {
    use rdkafka::producer::{FutureProducer, FutureRecord};
    let producer: FutureProducer = log.shared.broker.config().set("acks", "all").create().unwrap();
    for (sequence, alert) in &batch.alerts {
        let headers = Number { epoch: batch.epoch, sequence: *sequence }.headers_with(alert.as_bytes());
        let record = FutureRecord::to(log.shared.broker.topic())
            .key(&batch.sensor)
            .payload(&alert.as_bytes()[..])
            .headers(headers);
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test]
async fn two_hubs_agree_on_what_is_there_twice() {
    let Some(settings) = settings("two_hubs_agree") else { return };
    let (one, other) = (open(&settings).await, open(&settings).await);
    let logs: [Arc<dyn Log>; 2] = [Arc::clone(&one) as _, Arc::clone(&other) as _];
    append(&logs[0], batch("a", 1, 1..=5)).await;
    // What one hub has written, the other knows by the time it has greeted the sensor.
    assert_eq!(other.high_water("a", 1).await.unwrap(), 5);
    assert_eq!(append(&logs[1], batch("a", 1, 4..=6)).await.duplicates, 2);
    write_blindly(&one, batch("a", 1, 4..=8)).await;
    write_blindly(&other, batch("b", UNORDERED, 7..=7)).await;
    write_blindly(&one, batch("b", UNORDERED, 7..=7)).await;
    append(&logs[0], batch("a", 1, 9..=9)).await;
    let expected: Vec<String> = (1..=8)
        .map(|sequence| format!("a/1/{sequence}"))
        .chain(["b/0/7".to_owned(), "a/1/9".to_owned()])
        .collect();
    let late: Arc<dyn Log> = open(&settings).await;
    for log in [&logs[0], &logs[1], &late] {
        assert_eq!(log.high_water("a", 1).await.unwrap(), 9);
        assert_eq!(texts(log, 0).await, expected);
        assert_eq!(texts(log, 6).await, expected[6..]);
    }
    // What is left out has a place: positions are the same everywhere.
    assert_eq!(*late.head().borrow(), 14);
}

#[tokio::test]
async fn a_start_goes_on_from_the_last_checkpoint() {
    let Some(settings) = settings("a_start_from_a_checkpoint") else { return };
    let log = open(&settings).await;
    let as_log: Arc<dyn Log> = Arc::clone(&log) as _;
    append(&as_log, batch("a", 1, 1..=5)).await;
    let marks = log.shared.marks().clone();
    log.state.save_one(marks.next(), &marks.save()).await.unwrap();
    append(&as_log, batch("a", 1, 6..=7)).await;
    // A sensor that only the checkpoint knows tells that it was used.
    let mut marks = log.shared.marks().clone();
    let (next, head) = (marks.next(), marks.head());
    marks.take(next - 1, "ghost", Some(Number { epoch: 1, sequence: 9 }), true);
    assert_eq!((marks.next(), marks.head()), (next, head));
    log.state.save_one(next, &marks.save()).await.unwrap();
    drop((log, as_log));
    let log = open(&settings).await;
    assert_eq!(log.state.saved.load(std::sync::atomic::Ordering::Relaxed), next);
    let log: Arc<dyn Log> = log;
    assert_eq!(append(&log, batch("a", 1, 7..=8)).await.duplicates, 1);
    assert_eq!(log.high_water("ghost", 1).await.unwrap(), 9);
    assert_eq!(texts(&log, 0).await.len(), 8);
}

#[tokio::test]
async fn a_stream_that_was_forgotten_begins_anew() {
    let Some(settings) = settings("a_stream_that_was_forgotten") else { return };
    let log: Arc<dyn Log> = open(&settings).await;
    send(&log, 0, 1..=2).await.unwrap();
    // So many other spools of the same sensor that this one is not remembered any more.
    for epoch in 2..=9 {
        append(&log, batch("a", epoch, 1..=1)).await;
    }
    assert_eq!(log.high_water("a", 1).await.unwrap(), 0);
    // It can't be told from one whose batch before was not kept. It is refused, so its sensor connects
    // again, and what comes first in the new stream is taken.
    let refused = send(&log, 2, 3..=4).await.unwrap_err().to_string();
    assert!(refused.contains("send both again"), "{refused}");
    let appended = send(&log, 0, 3..=4).await.unwrap();
    assert_eq!(appended, Appended { high_water: 4, duplicates: 0, missing: 0 });
    assert_eq!(send(&log, 4, 5..=6).await.unwrap().high_water, 6);
    assert_eq!(log.high_water("a", 1).await.unwrap(), 6);
    assert_eq!(texts(&log, 0).await.len(), 14);
}

#[tokio::test]
async fn one_hub_has_a_claim_until_it_gives_it_back() {
    let Some(settings) = settings("one_hub_has_a_claim") else { return };
    let (one, other) = (open(&settings).await, open(&settings).await);
    let claim = one.claim("integration/x").await.unwrap();
    let waiting = tokio::spawn(async move {
        let claim = other.claim("integration/x").await.unwrap();
        (claim, other)
    });
    // A name is not another's.
    drop(one.claim("integration/y").await.unwrap());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!waiting.is_finished() && !claim.lost.is_cancelled());
    drop(claim);
    let (claim, _other) = tokio::time::timeout(Duration::from_mins(1), waiting).await.unwrap().unwrap();
    assert!(!claim.lost.is_cancelled());
}

#[tokio::test]
async fn nobody_waits_for_what_has_expired() {
    let Some(settings) = settings("nobody_waits_for_what_has_expired") else { return };
    let log: Arc<dyn Log> = open(&settings).await;
    append(&log, batch("a", 1, 1..=5)).await;
    drop(log);
    let admin: AdminClient<DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &settings.hostport).create().unwrap();
    let all = super::follow::place(&settings.topic, 5);
    admin.delete_records(&all, &AdminOptions::new()).await.unwrap();
    let log: Arc<dyn Log> = open(&settings).await;
    assert_eq!((log.status().await.unwrap().first, *log.head().borrow()), (6, 5));
    // Sooner than the brokers' patience ends: a consumer that is far behind goes on at once.
    let read = tokio::time::timeout(super::broker::PATIENCE / 2, log.read(0, 10, 1000));
    assert_eq!(read.await.unwrap().unwrap(), []);
    append(&log, batch("a", 1, 6..=6)).await;
    let entries = log.read(0, 10, 1000).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.position).collect::<Vec<_>>(), [6]);
}

#[tokio::test]
async fn topics_that_are_no_log_are_refused() {
    let Some(settings) = settings("no_log") else { return };
    let admin: AdminClient<DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &settings.hostport).create().unwrap();
    let many = NewTopic::new("many", 3, TopicReplication::Fixed(1));
    let compacted =
        NewTopic::new("compacted", 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    let small = NewTopic::new("small", 1, TopicReplication::Fixed(1)).set("max.message.bytes", "1000");
    for outcome in admin.create_topics([&many, &compacted, &small], &AdminOptions::new()).await.unwrap() {
        outcome.unwrap();
    }
    for (topic, text) in [
        ("many", "3 partitions"),
        ("compacted", "cleanup.policy=compact"),
        ("small", "max.message.bytes=1000"),
    ] {
        let settings = KafkaSettings { topic: topic.to_owned(), ..settings.clone() };
        let Err(error) = Kafka::open(settings).await else { panic!("{topic} was taken") };
        let error = error.to_string();
        assert!(error.contains(text) && error.contains(&format!("`{topic}`")), "{error}");
    }
}

#[tokio::test]
async fn brokers_that_are_away_are_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let settings = KafkaSettings {
        hostport: closed.clone(),
        topic: "t".to_owned(),
        clientid: "test".to_owned(),
        replication: 1,
        bytes_max: 1 << 30,
        security: KafkaSecurity::default(),
    };
    let Err(error) = Kafka::open(settings).await else { panic!("nobody was there") };
    let error = error.to_string();
    assert!(error.contains(&closed) && error.contains("`log.kafka.hostport`"), "{error}");
}
