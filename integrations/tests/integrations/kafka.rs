//! A real Kafka broker.

use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::{Headers as _, Message as _};

use super::broker::Broker;
use super::feed::{Log, alert};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn alerts_arrive_in_order_with_key_and_headers() {
    let Some(broker) = Broker::get("alerts_arrive_in_order_with_key_and_headers") else { return };
    let (address, log) = (broker.address(), Log::default());
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
}
