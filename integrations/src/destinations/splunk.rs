//! Posts alerts to Splunk's HTTP Event Collector, many at a time.

use std::collections::BTreeMap;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use super::Section;
use super::post::{Batch, Post};
use crate::format::canonical;
use crate::http::Reply;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Integration, SendError, Setup, http};

/// The collector takes 1 MB and more. Events stand one behind the other, and it takes all or none.
const BATCH: Batch = Batch { alerts: 500, bytes: 800 << 10, frame: ["", "\n", ""] };

keys! {
    /// The section `splunk`.
    pub(crate) struct Config {
        /// The collector's address, such as `https://splunk:8088/services/collector/event`.
        host: String = "",
        /// The collector's token.
        token: Secret = "",
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "splunk";
    const ABOUT: &'static str = "Posts alerts to Splunk's HTTP Event Collector.";
    const EXAMPLE: &'static str = "splunk:\n  host: URL\n  token: T0KEN\n";

    fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        if self.token.is_empty() {
            return Err("`token` is missing".to_owned());
        }
        let address = http::url("host", &self.host)?;
        let kinds = setup.kinds;
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| event(alert, kinds));
        let token = format!("Splunk {}", self.token.reveal());
        let post = post.batched(BATCH).checked(check).header(AUTHORIZATION, "token", &token)?;
        Ok(post.custom(&self.customheaders)?.boxed())
    }
}

/// The time is the alert's own: without it Splunk would take that of its arrival. The source type is the one that
/// searches are written for.
fn event(alert: &Alert, kinds: FieldKinds) -> String {
    let time = alert.time.unwrap_or_default();
    let (seconds, milliseconds) = (time.seconds, time.nanos.clamp(0, 999_999_999) / 1_000_000);
    let event = canonical(alert, kinds);
    let event = event.trim_end();
    format!("{{\"time\":{seconds}.{milliseconds:03},\"event\":{event},\"sourcetype\":\"falcosidekick\"}}")
}

/// The collector says by a code of its own what is the matter: 0 is nothing.
fn check(reply: &Reply) -> Result<Answer, SendError> {
    let answer = reply.judge()?;
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    match body["code"].as_u64() {
        None | Some(0) => Ok(answer),
        // An error within, or busy.
        Some(8 | 9) => Err(SendError::Retry { after: reply.after, cause: reply.to_string() }),
        Some(_) => Err(SendError::Refused(reply.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn the_collectors_code_counts() {
        let checked =
            |text: &str| check(&Reply { status: StatusCode::OK, after: None, text: text.to_owned() });
        assert!(checked(r#"{"text":"Success","code":0}"#).is_ok() && checked("").is_ok());
        assert!(matches!(checked(r#"{"text":"Server is busy","code":9}"#), Err(SendError::Retry { .. })));
        assert!(matches!(checked(r#"{"text":"Incorrect index","code":7}"#), Err(SendError::Refused(_))));
    }
}
