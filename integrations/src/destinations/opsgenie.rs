//! Creates an alert of Opsgenie from each alert.

use cadge_proto::Alert;
use cadge_proto::json::MISSING;
use cadge_proto::priority_name;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::Section;
use super::post::Post;
use crate::format::uuid;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::{by_priority, cut};
use crate::{Integration, Setup, http};

/// Where the API is, by region.
const REGIONS: [(&str, &str); 2] =
    [("us", "https://api.opsgenie.com"), ("eu", "https://api.eu.opsgenie.com")];

/// Opsgenie's priorities by ours, most urgent first.
const PRIORITIES: [&str; 8] = ["P1", "P1", "P2", "P3", "P4", "P5", "P5", "P5"];

/// Characters that Opsgenie takes.
const MESSAGE_MAX: usize = 130;
const DESCRIPTION_MAX: usize = 15_000;

keys! {
    /// The section `opsgenie`.
    pub(crate) struct Config {
        /// The key of an API integration.
        apikey: Secret = "",
        /// Where the account is: `us` or `eu`.
        region: String = "us",
        /// Where the API is, if not in the region.
        apiurl: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "opsgenie";
    const ABOUT: &'static str = "Creates an alert of Opsgenie from each alert.";
    const EXAMPLE: &'static str = "opsgenie:\n  apikey: T0KEN\n  apiurl: URL\n";

    fn is_on(&self) -> bool {
        !self.apikey.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let server = http::in_region(&REGIONS, &self.region, &self.apiurl)?;
        let address = http::below("apiurl", server, "v2/alerts")?;
        let post =
            Post::new(http::client(&self.tls, setup)?, address, move |alert| payload(alert).to_string());
        let key = format!("GenieKey {}", self.apikey.reveal());
        Ok(post.header(AUTHORIZATION, "apikey", &key)?.boxed())
    }
}

/// The alias, by which Opsgenie knows a repetition, is the alert's id. Details are text, as Opsgenie asks for.
fn payload(alert: &Alert) -> Value {
    let present = alert.output_fields.iter().filter(|(_, text)| *text != MISSING);
    let mut details: std::collections::BTreeMap<&str, String> =
        present.map(|(name, text)| (name.as_str(), text.clone())).collect();
    for (name, text) in [
        ("rule", alert.rule.as_str()),
        ("priority", priority_name(alert.priority)),
        ("source", &alert.source),
        ("hostname", &alert.hostname),
        ("tags", &alert.tags.join(", ")),
    ] {
        if !text.is_empty() {
            details.insert(name, text.to_owned());
        }
    }
    json!({
        "message": cut(&alert.output, MESSAGE_MAX),
        "alias": uuid(alert),
        "entity": "Cadge",
        "description": cut(&alert.output, DESCRIPTION_MAX),
        "details": details,
        "priority": by_priority(alert, &PRIORITIES),
    })
}
