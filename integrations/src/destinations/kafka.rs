//! Writes each alert to a Kafka topic: acknowledged by every replica, once, in order for each sensor.

use std::time::Duration;

use cadge_proto::json::FieldKinds;
use cadge_proto::priority_name;
use futures_util::future::{BoxFuture, join_all};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Section;
use crate::format::canonical;
use crate::settings::{Common, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// The client itself tries for so long before it gives a record back.
const RECORD_TIMEOUT_MS: &str = "10000";

/// Alerts that are on their way together.
const BATCH: usize = 500;

keys! {
    /// The section `kafka`.
    pub(crate) struct Config {
        /// Brokers to begin with: `host:port`, several with commas.
        hostport: Vec<String> = "",
        /// The topic.
        topic: String = "",
        /// The name under which the client shows up at the broker.
        clientid: String = "cadge",
        /// `NONE` or `GZIP`.
        compression: String = "NONE",
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "kafka";
    const ABOUT: &'static str =
        "Writes each alert to a Kafka topic, in order for each sensor, acknowledged by every replica.";
    const EXAMPLE: &'static str = "kafka:\n  hostport: ADDRESS\n  topic: alerts\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        if self.topic.is_empty() {
            return Err("`topic` is missing".to_owned());
        }
        let compression = match self.compression.to_ascii_uppercase().as_str() {
            "" | "NONE" => "none",
            "GZIP" => "gzip",
            other => return Err(format!("`compression: {other}` is neither NONE nor GZIP")),
        };
        let producer = ClientConfig::new()
            .set("bootstrap.servers", self.hostport.join(","))
            .set("client.id", &self.clientid)
            .set("compression.type", compression)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", RECORD_TIMEOUT_MS)
            .set("linger.ms", "5")
            .create()
            .map_err(|error| format!("the Kafka client can't be made: {error}"))?;
        Ok(Box::new(Kafka { producer, topic: self.topic.clone(), kinds: setup.kinds }))
    }
}

struct Kafka {
    producer: FutureProducer,
    topic: String,
    kinds: FieldKinds,
}

impl Integration for Kafka {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            // All are waited for, so that what is tried again is known.
            let mut answer = Answer::default();
            for written in join_all(alerts.iter().map(|delivery| self.write(delivery))).await {
                answer = written?;
            }
            Ok(answer)
        })
    }
}

impl Kafka {
    async fn write(&self, delivery: &Delivery) -> Result<Answer, SendError> {
        let alert = &delivery.alert;
        let body = canonical(alert, self.kinds);
        let headers = OwnedHeaders::new()
            .insert(Header { key: "rule", value: Some(&alert.rule) })
            .insert(Header { key: "priority", value: Some(priority_name(alert.priority)) });
        let record = FutureRecord::to(&self.topic).key(&alert.sensor).payload(&body).headers(headers);
        match self.producer.send(record, Duration::from_secs(1)).await {
            Ok(place) => {
                Ok(Answer(format!("written to partition {} at offset {}", place.partition, place.offset)))
            }
            Err((error, _)) => Err(failed(&error)),
        }
    }
}

/// A record that is too large never fits; everything else may be different later.
fn failed(error: &KafkaError) -> SendError {
    let cause = error.to_string();
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord) => {
            SendError::Refused(cause)
        }
        _ => SendError::Unreachable(cause),
    }
}
