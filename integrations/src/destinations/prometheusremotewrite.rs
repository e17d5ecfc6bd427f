//! Writes to Prometheus, or to what takes its remote write, how often each rule matched.

use std::collections::BTreeMap;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use prost::Message as _;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use tokio::sync::Mutex;

use super::Section;
use crate::format::Matches;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup, http};

/// Counting so many more is one request.
const BATCH: usize = 1000;

keys! {
    /// The section `prometheusremotewrite`.
    pub(crate) struct Config {
        /// Where to write to, such as `http://prometheus:9090/api/v1/write`.
        endpoint: String = "",
        /// A token to show.
        bearertoken: Secret = "",
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "prometheusremotewrite";
    const ABOUT: &'static str = "Writes to Prometheus how often each rule matched: \
        `falcosecurity_falco_rules_matches_total`, from the hub's start on.";
    const EXAMPLE: &'static str = "prometheusremotewrite:\n  endpoint: http://prometheus:9090/api/v1/write\n";

    fn is_on(&self) -> bool {
        !self.endpoint.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !self.bearertoken.is_empty() {
            let token = http::secret_value(&format!("Bearer {}", self.bearertoken.reveal()));
            let token =
                token.map_err(|_| "`bearertoken` has characters that no header can hold".to_owned())?;
            headers.insert(AUTHORIZATION, token);
        }
        headers.extend(http::headers(&self.customheaders)?);
        let address = http::url("endpoint", &self.endpoint)?;
        let client = http::client(&self.tls, setup)?;
        Ok(Box::new(Writer {
            client,
            address,
            headers,
            matches: Mutex::new(Matches::new(0).labelled(&setup.custom_fields)),
        }))
    }
}

struct Writer {
    client: Client,
    address: Url,
    headers: HeaderMap,
    /// What Prometheus knows. One request at a time: a later one has later counts.
    matches: Mutex<Matches>,
}

impl Integration for Writer {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut known = self.matches.lock().await;
            let next = known.with(alerts);
            let body = snap::raw::Encoder::new().compress_vec(&request(&next).encode_to_vec());
            let body = body.map_err(|error| SendError::Refused(error.to_string()))?;
            let post = self.client.post(self.address.clone()).headers(self.headers.clone()).body(body);
            let answer = http::send(post).await?;
            *known = next;
            Ok(answer)
        })
    }
}

fn request(matches: &Matches) -> WriteRequest {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let timestamp = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let series = |(labels, count): (Vec<(&str, String)>, u32)| {
        let labels = labels.into_iter().map(|(name, value)| Label { name: name.to_owned(), value });
        TimeSeries { labels: labels.collect(), samples: vec![Sample { value: count.into(), timestamp }] }
    };
    WriteRequest { timeseries: matches.series().map(series).collect() }
}

/// The parts of `prometheus.WriteRequest` that are used. Field numbers are the published ones.
#[derive(Clone, PartialEq, prost::Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}
