//! Posts each alert to Datadog as an event.

use std::time::SystemTime;

use cadge_proto::Alert;
use cadge_proto::json::MISSING;
use reqwest::header::HeaderName;
use serde_json::{Value, json};

use super::Section;
use super::post::Post;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::{by_priority, cut};
use crate::{Integration, Setup, http};

/// Types by priority, most urgent first.
const TYPES: [&str; 8] = ["error", "error", "error", "error", "warning", "info", "info", "info"];

/// Datadog takes so many characters.
const TITLE_MAX: usize = 100;
const TEXT_MAX: usize = 4000;

/// Datadog refuses an event that is older than 18 hours, in seconds. Without a time it takes it as one of now.
const AGE_MAX: i64 = 17 * 3600;

keys! {
    /// The section `datadog`.
    pub(crate) struct Config {
        /// The API key.
        apikey: Secret = "",
        /// Datadog's site, such as `https://api.datadoghq.eu`.
        host: String = "https://api.datadoghq.com",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "datadog";
    const ABOUT: &'static str = "Posts each alert to Datadog as an event.";
    const EXAMPLE: &'static str = "datadog:\n  apikey: T0KEN\n  host: URL\n";

    fn is_on(&self) -> bool {
        !self.apikey.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let address = http::below("host", &self.host, "/api/v1/events")?;
        let post = Post::new(http::client(&self.tls, setup)?, address, |alert| payload(alert).to_string());
        // Not in the address, as falcosidekick has it: those are logged on the way.
        let key = HeaderName::from_static("dd-api-key");
        Ok(post.header(key, "apikey", self.apikey.reveal())?.boxed())
    }
}

fn payload(alert: &Alert) -> Value {
    let mut payload = json!({
        "title": cut(&alert.rule, TITLE_MAX),
        "text": cut(&alert.output, TEXT_MAX),
        "alert_type": by_priority(alert, &TYPES),
        "source_type_name": "falco",
        "tags": tags(alert),
    });
    if !alert.hostname.is_empty() {
        payload["host"] = alert.hostname.clone().into();
    }
    let seconds = alert.time.unwrap_or_default().seconds;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    if i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(seconds) < AGE_MAX {
        payload["date_happened"] = seconds.into();
    }
    payload
}

/// Fields, where it is from, and the rule's tags, as falcosidekick names them.
pub(super) fn tags(alert: &Alert) -> Vec<String> {
    let fields = alert.output_fields.iter().filter(|(_, value)| *value != MISSING);
    let mut tags: Vec<String> = fields.map(|(name, value)| format!("{name}:{value}")).collect();
    tags.sort_unstable();
    tags.extend([format!("source:{}", alert.source), "source:falco".to_owned()]);
    if !alert.hostname.is_empty() {
        tags.push(format!("hostname:{}", alert.hostname));
    }
    let mut own = alert.tags.clone();
    own.sort_unstable();
    tags.extend(own);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_that_datadog_takes_is_sent() {
        let at = |time: SystemTime| payload(&Alert { time: Some(time.into()), ..Alert::default() });
        let now = SystemTime::now();
        assert!(at(now)["date_happened"].is_i64());
        assert!(at(now - std::time::Duration::from_hours(19))["date_happened"].is_null());
    }
}
