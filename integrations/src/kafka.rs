//! Writes each alert to a Kafka topic: acknowledged by every replica, once, in order for each sensor.

use std::time::Duration;

use cadge_proto::json::FieldKinds;
use cadge_proto::priority_name;
use futures_util::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde::Deserialize;

use crate::event::canonical;
use crate::{Delivery, Integration, SendError, Settings};

/// The client itself tries for so long before it gives a record back.
const RECORD_TIMEOUT_MS: &str = "10000";

/// The section `kafka`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Brokers to begin with: `host:port`, several with commas. Not empty: it is switched on.
    pub hostport: String,
    /// The topic.
    pub topic: String,
    /// The name under which the client shows up at the broker.
    pub clientid: String,
    /// `NONE` or `GZIP`.
    pub compression: String,
    /// Alerts less urgent than this are not sent.
    pub minimumpriority: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostport: String::new(),
            topic: String::new(),
            clientid: "cadge".to_owned(),
            compression: "NONE".to_owned(),
            minimumpriority: String::new(),
        }
    }
}

impl Settings for Config {
    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn minimum_priority(&self) -> &str {
        &self.minimumpriority
    }
}

/// The destination.
pub(crate) struct Kafka {
    producer: FutureProducer,
    topic: String,
    kinds: FieldKinds,
}

impl Integration for Kafka {
    type Config = Config;
    const BATCH: usize = 500;

    fn new(config: Config, kinds: FieldKinds) -> Result<Self, String> {
        if config.topic.is_empty() {
            return Err("`topic` is missing".to_owned());
        }
        let compression = match config.compression.to_ascii_uppercase().as_str() {
            "" | "NONE" => "none",
            "GZIP" => "gzip",
            other => return Err(format!("`compression: {other}` is neither NONE nor GZIP")),
        };
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &config.hostport)
            .set("client.id", &config.clientid)
            .set("compression.type", compression)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", RECORD_TIMEOUT_MS)
            .set("linger.ms", "5")
            .create()
            .map_err(|error| format!("the Kafka client can't be made: {error}"))?;
        Ok(Self { producer, topic: config.topic, kinds })
    }

    async fn send(&mut self, alerts: &[Delivery]) -> Result<(), SendError> {
        let sends = alerts.iter().map(|delivery| {
            let alert = &delivery.alert;
            let body = canonical(alert, self.kinds);
            let headers = OwnedHeaders::new()
                .insert(Header { key: "rule", value: Some(&alert.rule) })
                .insert(Header { key: "priority", value: Some(priority_name(alert.priority)) });
            let (producer, topic) = (self.producer.clone(), self.topic.clone());
            async move {
                let record = FutureRecord::to(&topic).key(&alert.sensor).payload(&body).headers(headers);
                producer.send(record, Duration::from_secs(1)).await.map(|_| ()).map_err(|(error, _)| error)
            }
        });
        // All are waited for, so that what is tried again is known.
        join_all(sends).await.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(outcome(&error)))
    }
}

/// A record that is too large never fits; everything else may be different later.
fn outcome(error: &KafkaError) -> SendError {
    let cause = error.to_string();
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord) => {
            SendError::Drop { cause }
        }
        _ => SendError::retry(cause),
    }
}
