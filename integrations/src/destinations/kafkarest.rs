//! Writes alerts to a Kafka topic by Confluent's REST proxy, many at a time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use serde_json::{Value, json};

use super::Section;
use super::post::{Batch, Post};
use crate::format::canonical;
use crate::http::Reply;
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Integration, SendError, Setup, http};

/// The answer has a part for each record, and is read to its end.
const BATCH: Batch = Batch { alerts: 200, bytes: 1 << 20, frame: ["{\"records\":[", ",", "]}"] };

/// The proxy's code for a failure of Kafka's that is worth another try.
const TRANSIENT: u64 = 2;

keys! {
    /// The section `kafkarest`.
    pub(crate) struct Config {
        /// The topic at the proxy, such as `http://kafka-rest:8082/topics/falco`.
        address: String = "",
        /// The version of the proxy's API: 1 or 2.
        version: u32 = 2,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "kafkarest";
    const ABOUT: &'static str = "Writes alerts to a Kafka topic by the REST proxy, in order for each sensor.";
    const EXAMPLE: &'static str = "kafkarest:\n  address: URL\n";

    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let content_type = match self.version {
            1 => "application/vnd.kafka.binary.v1+json",
            2 => "application/vnd.kafka.binary.v2+json",
            other => return Err(format!("`version: {other}` is neither 1 nor 2")),
        };
        let address = http::url("address", &self.address)?;
        let kinds = setup.kinds;
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| record(alert, kinds));
        Ok(post.batched(BATCH).checked(check).told(told).content_type(content_type).boxed())
    }
}

/// The alert as Falco writes it. The key is its sensor, so that a sensor's alerts stay in one partition.
fn record(alert: &Alert, kinds: FieldKinds) -> String {
    let value = STANDARD.encode(canonical(alert, kinds).trim_end());
    json!({"key": STANDARD.encode(&alert.sensor), "value": value}).to_string()
}

/// The proxy answers 200 and says of each record whether Kafka has taken it.
fn check(reply: &Reply) -> Result<Answer, SendError> {
    let answer = reply.judge()?;
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let mut refused = None;
    for offset in body["offsets"].as_array().into_iter().flatten() {
        let cause = || format!("it answered {} to a record: {}", offset["error_code"], offset["error"]);
        match offset["error_code"].as_u64() {
            None => {}
            Some(TRANSIENT) => return Err(SendError::Retry { after: reply.after, cause: cause() }),
            Some(_) => refused = refused.or_else(|| Some(cause())),
        }
    }
    refused.map_or(Ok(answer), |cause| Err(SendError::Refused(cause)))
}

/// The records that Kafka has taken.
fn told(reply: &Reply) -> Vec<usize> {
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let offsets = body["offsets"].as_array().into_iter().flatten().enumerate();
    let has = |offset: &Value| offset["offset"].is_number() && offset["error_code"].is_null();
    offsets.filter(|(_, offset)| has(offset)).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn what_kafka_says_of_each_record_counts() {
        let checked =
            |text: &str| check(&Reply { status: StatusCode::OK, after: None, text: text.to_owned() });
        let taken = r#"{"partition":0,"offset":7,"error_code":null,"error":null}"#;
        let (wrong, busy) =
            (r#"{"error_code":1,"error":"too large"}"#, r#"{"error_code":2,"error":"no leader"}"#);
        let offsets = |all: &[&str]| format!(r#"{{"offsets":[{}]}}"#, all.join(","));
        assert!(checked(&offsets(&[taken, taken])).is_ok());
        assert!(matches!(checked(&offsets(&[wrong, busy])), Err(SendError::Retry { .. })));
        let Err(SendError::Refused(cause)) = checked(&offsets(&[taken, wrong])) else { panic!("taken") };
        assert!(cause.contains("too large"), "{cause}");
        let text = offsets(&[wrong, taken, busy]);
        assert_eq!(told(&Reply { status: StatusCode::OK, after: None, text }), [1]);
    }
}
