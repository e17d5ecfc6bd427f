//! What the destinations by `OpenTelemetry`'s protocol have in common: where and how requests go, what is answered.

mod grpc;
pub(super) mod logs;
pub(super) mod metrics;
mod status;

use std::collections::BTreeMap;

use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde::Serialize;
use serde_json::Value;

use self::grpc::Grpc;
use crate::settings::{Secret, Tls, keys};
use crate::{Answer, SendError, Setup, http};

keys! {
    /// What logs and metrics have alike.
    pub(crate) struct Target {
        /// How: `http/protobuf`, `http/json` or `grpc`.
        protocol: String = "http/protobuf",
        /// Headers to add to each request, such as `authorization=Bearer%20x,tenant=7`.
        headers: Secret = "",
        /// Unused: the endpoint's `http` or `https` says it.
        tls: bool = true,
        /// Unused: `timeoutms` is every destination's.
        timeout: u64 = 10_000,
        /// Unused: nothing here reads environment variables of OpenTelemetry's.
        extraenvvars: BTreeMap<String, String> = {},
    }
}

/// Where and how requests go.
enum Exporter {
    Http(Http),
    Grpc(Box<Grpc>),
}

/// What differs between logs and metrics.
struct Signal {
    /// Where a collector takes it by HTTP.
    path: &'static str,
    /// The method that takes it by gRPC.
    method: &'static str,
}

struct Http {
    client: Client,
    address: Url,
    headers: HeaderMap,
    is_json: bool,
}

impl Exporter {
    fn new(
        endpoint: &str,
        target: &Target,
        signal: &Signal,
        tls: &Tls,
        setup: &Setup,
    ) -> Result<Self, String> {
        let is_json = match target.protocol.as_str() {
            "grpc" => {
                let grpc = Grpc::new(endpoint, target, signal.method, tls, setup)?;
                return Ok(Self::Grpc(Box::new(grpc)));
            }
            "http/json" => true,
            "" | "http/protobuf" => false,
            other => {
                return Err(format!(
                    "`protocol: {other}` is none of http/protobuf and http/json, which a collector takes at port \
                     4318, and grpc, which it takes at 4317"
                ));
            }
        };
        let mut address = http::url("endpoint", endpoint)?;
        if address.path() == "/" {
            address.set_path(signal.path);
        }
        let mut headers = headers(target.headers.reveal())?;
        let kind = if is_json { "application/json" } else { "application/x-protobuf" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(Self::Http(Http { client: http::client(tls, setup)?, address, headers, is_json }))
    }

    async fn export(&self, request: impl Message + Serialize + 'static) -> Result<Answer, SendError> {
        match self {
            Self::Http(http) => http.export(&request).await,
            Self::Grpc(grpc) => grpc.export(request).await,
        }
    }
}

impl Http {
    async fn export(&self, request: &(impl Message + Serialize)) -> Result<Answer, SendError> {
        let body = if self.is_json {
            serde_json::to_vec(request).map_err(|error| SendError::Refused(error.to_string()))?
        } else {
            request.encode_to_vec()
        };
        let post = self.client.post(self.address.clone()).headers(self.headers.clone()).body(body);
        let (reply, bytes) = http::exchange_bytes(post).await?;
        let answer = reply.judge()?;
        rejected(&bytes).map_or(Ok(answer), |cause| Err(SendError::Refused(cause)))
    }
}

/// `name=value` with commas between, values as in addresses.
fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("`headers` has a part without `=`")?;
        let name = name.trim();
        let key: HeaderName =
            name.parse().map_err(|_| format!("`headers`: `{name}` is no name of a header"))?;
        let value = HeaderValue::from_bytes(&decoded(value.trim()));
        let mut value = value.map_err(|_| format!("`headers`: `{name}` has no valid value"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Text in which `%20` is a space. A `%` without a number stays one.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|two| *first == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        let number = digits.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(number.unwrap_or(*first));
        rest = if number.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

/// The answer to a request that was taken. Those to logs and to metrics differ in names alone.
#[derive(Clone, PartialEq, prost::Message)]
struct Taken {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error: String,
}

impl Taken {
    /// Why a part of what was taken was not.
    fn rejected(self) -> Option<String> {
        let Partial { rejected, error } = self.partial_success?;
        (rejected > 0).then(|| format!("it has rejected {rejected} of what it was sent: {error}"))
    }
}

/// The same of an answer by HTTP. One that cannot be read says nothing.
fn rejected(answer: &[u8]) -> Option<String> {
    if answer.first() != Some(&b'{') {
        return Taken::decode(answer).ok()?.rejected();
    }
    let body: Value = serde_json::from_slice(answer).ok()?;
    let partial = &body["partialSuccess"];
    let count = ["rejectedLogRecords", "rejectedDataPoints"].iter().find_map(|name| partial.get(name))?;
    // The protocol's JSON has numbers of 64 bits as text.
    let rejected = count.as_i64().or_else(|| count.as_str()?.parse().ok())?;
    let error = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    Taken { partial_success: Some(Partial { rejected, error }) }.rejected()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_rejected_in_part_is_told_in_both_encodings() {
        let taken = |rejected, error: &str| {
            let partial_success = Some(Partial { rejected, error: error.to_owned() });
            Taken { partial_success }.encode_to_vec()
        };
        // Numbers and lengths of several bytes are no UTF-8.
        let error = "x".repeat(300);
        assert_eq!(
            rejected(&taken(200, &error)),
            Some(format!("it has rejected 200 of what it was sent: {error}"))
        );
        assert_eq!((rejected(&taken(0, "a warning")), rejected(b""), rejected(b"fine")), (None, None, None));
        let json = br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#;
        assert_eq!(rejected(json).as_deref(), Some("it has rejected 3 of what it was sent: too old"));
        let json = br#"{"partialSuccess":{"rejectedDataPoints":1}}"#;
        assert!(rejected(json).is_some());
        assert!(rejected(br#"{"partialSuccess":{}}"#).is_none());
    }

    #[test]
    fn headers_are_written_as_in_opentelemetrys_variables() {
        let found = headers("authorization=Bearer%20T0KEN, x-tenant = 7%,").unwrap();
        assert_eq!(
            (&found["authorization"], &found["x-tenant"]),
            (&"Bearer T0KEN".parse().unwrap(), &"7%".parse().unwrap())
        );
        for wrong in ["T0KEN", "a b=T0KEN", "a=%0aT0KEN"] {
            assert!(!headers(wrong).unwrap_err().contains("T0KEN"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[%=,a-f0-9]{0,20}") {
            let _ = (rejected(&bytes), headers(&text));
        }
    }
}
