//! Triggers an incident of `PagerDuty` with each alert.

use cadge_proto::Alert;
use cadge_proto::json::{self, FieldKinds};
use serde_json::{Value, json};

use super::Section;
use super::post::Post;
use crate::format::uuid;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::{by_priority, cut};
use crate::{Integration, Setup, http};

/// Where the Events API is, by region.
const REGIONS: [(&str, &str); 2] =
    [("us", "https://events.pagerduty.com"), ("eu", "https://events.eu.pagerduty.com")];

/// Severities by priority, most urgent first. falcosidekick says `critical` of everything.
const SEVERITIES: [&str; 8] =
    ["critical", "critical", "critical", "error", "warning", "warning", "info", "info"];

/// Characters of a summary that `PagerDuty` takes.
const SUMMARY_MAX: usize = 1024;

keys! {
    /// The section `pagerduty`.
    pub(crate) struct Config {
        /// The integration key of a service, for the Events API v2.
        routingkey: Secret = "",
        /// Where the account is: `us` or `eu`.
        region: String = "us",
        /// Where the Events API is, if not in the region.
        apiurl: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "pagerduty";
    const ABOUT: &'static str = "Triggers an incident of PagerDuty with each alert.";
    const EXAMPLE: &'static str = "pagerduty:\n  routingkey: T0KEN\n  apiurl: URL\n";

    fn is_on(&self) -> bool {
        !self.routingkey.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let server = http::in_region(&REGIONS, &self.region, &self.apiurl)?;
        let address = http::below("apiurl", server, "v2/enqueue")?;
        let (key, kinds) = (self.routingkey.clone(), setup.kinds);
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            payload(alert, &key, kinds).to_string()
        });
        Ok(post.boxed())
    }
}

/// The key by which `PagerDuty` knows a repetition is the alert's id.
fn payload(alert: &Alert, key: &Secret, kinds: FieldKinds) -> Value {
    let value = json::to_value(alert, kinds);
    let mut details = value["output_fields"].as_object().cloned().unwrap_or_default();
    for name in ["rule", "priority", "source", "hostname", "tags"] {
        details.insert(name.to_owned(), value[name].clone());
    }
    json!({
        "routing_key": key.reveal(),
        "event_action": "trigger",
        "dedup_key": uuid(alert),
        "client": "Cadge",
        "payload": {
            "summary": cut(&alert.output, SUMMARY_MAX),
            "source": if alert.hostname.is_empty() { "falco" } else { &alert.hostname },
            "severity": by_priority(alert, &SEVERITIES),
            "timestamp": json::time(alert),
            "class": alert.rule,
            "custom_details": details,
        },
    })
}
