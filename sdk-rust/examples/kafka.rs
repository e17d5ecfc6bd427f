//! Forwards every alert to a Kafka topic, and acknowledges only what the broker has.
//!
//! `cargo run --example kafka localhost:9092 alerts my-cursor`

mod program;

use std::process::ExitCode;

use cadge_client::{Alert, Client, Error, SubscribeOptions};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("kafka", kafka().await)
}

async fn kafka() -> Result<(), Error> {
    let mut stop = program::Stop::listen();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, cursor] = arguments.as_slice() else {
        return Err(program::usage("kafka BROKERS TOPIC CURSOR"));
    };
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        // Every replica has a record before it counts as delivered, and none is there twice.
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .create()
        .map_err(|error| Error::InvalidRequest(format!("Kafka's settings: {error}")))?;
    let client = Client::from_env().await?;
    let options = SubscribeOptions { manual: true, ..SubscribeOptions::durable(cursor) };
    let mut alerts = client.subscribe(options);
    loop {
        // Whole batches: the records of one are on their way together.
        let batch = tokio::select! {
            Some(batch) = alerts.next_batch() => batch?,
            () = stop.asked() => return alerts.close().await,
        };
        tokio::select! {
            delivered = deliver(&producer, topic, &batch) => delivered?,
            () = stop.asked() => return alerts.close().await,
        }
        alerts.acknowledge(batch.last().map_or(0, |alert| alert.position));
    }
}

/// Waits until the brokers have all of these.
async fn deliver(producer: &FutureProducer, topic: &str, batch: &[Alert]) -> Result<(), Error> {
    let failed = |error| Error::Closed(format!("Kafka does not take alerts: {error}"));
    let mut on_their_way = Vec::new();
    for alert in batch {
        let (key, value) = (alert.id(), alert.to_json());
        let record = FutureRecord::to(topic).key(&key).payload(&value);
        on_their_way.push(producer.send_result(record).map_err(|(error, _)| failed(error))?);
    }
    for delivery in on_their_way {
        let delivered = delivery.await.map_err(|_| Error::Closed("the producer has ended".to_owned()))?;
        delivered.map_err(|(error, _)| failed(error))?;
    }
    Ok(())
}
