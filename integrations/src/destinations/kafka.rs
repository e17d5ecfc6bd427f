//! Writes each alert to a Kafka topic: acknowledged by every replica, once, in order for each sensor.

mod client;

use std::time::Duration;

use cadge_proto::json::FieldKinds;
use cadge_proto::priority_name;
use futures_util::future::{BoxFuture, join_all};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::OnceCell;

use super::Section;
use super::taken::Taken;
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};
use client::{Reasons, Topics};

/// Alerts that are on their way together.
const BATCH: usize = 500;

keys! {
    /// The section `kafka`.
    pub(crate) struct Config {
        /// Brokers to begin with: `host:port`, several with commas.
        hostport: Vec<String> = "",
        /// The topic.
        topic: String = "",
        /// How to log in: `PLAIN`, `SCRAM_SHA256` or `SCRAM_SHA512`. Empty: not at all.
        sasl: String = "",
        /// The user.
        username: String = "",
        /// The password. With `PLAIN` and without `tls` everybody on the way can read it.
        password: Secret = "",
        /// Whether connections are encrypted.
        tls: bool = false,
        /// With `mutualtls`: the certificate to show, if not that of the common folder.
        certfile: String = "",
        /// With `mutualtls`: its key, if not that of the common folder.
        keyfile: String = "",
        /// The authority to trust in place of the system's.
        cacertfile: String = "",
        /// The name under which the client shows up at the broker.
        clientid: String = "cadge",
        /// `NONE`, `GZIP`, `SNAPPY` or `LZ4`.
        compression: String = "NONE",
        /// How a sensor's partition is found: `crc32`, `crc32_random`, `murmur2` or `murmur2_random` keep each sensor's
        /// alerts in one and so in order. `round_robin` and `least_bytes` spread them evenly, in no order.
        balancer: String = "crc32_random",
        /// Who has an alert before it counts as delivered: `ALL` replicas, `ONE` broker, or `NONE`. With `ONE` and
        /// `NONE`, alerts can get lost at the brokers, and come twice.
        requiredacks: String = "ALL",
        /// Whether to make the topic if it is not there, with the brokers' usual settings.
        topiccreation: bool = false,
        /// Unused: alerts are written many at a time, and the brokers' answers are always waited for.
        r#async: bool = false,
        + certificates: Tls,
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
        let client = client::settings(self, setup)?;
        let failed = |error: KafkaError| format!("the Kafka client can't be made: {error}");
        let topics = self.topiccreation.then(|| Topics::new(&client)).transpose().map_err(failed)?;
        let reasons = Reasons::default();
        let producer = client.create_with_context(reasons.clone()).map_err(failed)?;
        let (topic, kinds) = (self.topic.clone(), setup.kinds);
        let (is_made, taken) = (OnceCell::new(), Taken::default());
        Ok(Box::new(Kafka { producer, reasons, topic, kinds, topics, is_made, taken }))
    }
}

struct Kafka {
    producer: FutureProducer<Reasons>,
    reasons: Reasons,
    topic: String,
    kinds: FieldKinds,
    /// Makes the topic.
    topics: Option<Topics>,
    is_made: OnceCell<()>,
    taken: Taken,
}

impl Integration for Kafka {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            if let Some(topics) = &self.topics {
                self.is_made.get_or_try_init(|| topics.make(&self.topic)).await?;
            }
            // All are waited for, so that what is tried again is known.
            let left = self.taken.left(alerts);
            let written = join_all(left.iter().map(|delivery| self.write(delivery))).await;
            let mut outcome = Ok(Answer::default());
            for (delivery, written) in left.iter().zip(written) {
                match written {
                    Ok(answer) => {
                        self.taken.keep([delivery.position]);
                        outcome = outcome.map(|_| answer);
                    }
                    Err(error @ SendError::Refused(_)) => outcome = outcome.and(Err(error)),
                    // Those behind it come again even if they were taken: it is to come before them.
                    Err(error) => return Err(error),
                }
            }
            if outcome.is_ok() {
                self.reasons.forget();
                self.taken.forget(alerts);
            }
            outcome
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
            Err((error, _)) => Err(failed(&error, &self.reasons)),
        }
    }
}

/// A record that is too large never fits; everything else may be different later.
fn failed(error: &KafkaError, reasons: &Reasons) -> SendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord) => {
            SendError::Refused(error.to_string())
        }
        _ => SendError::Unreachable(reasons.explain(error)),
    }
}
