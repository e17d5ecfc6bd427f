//! Posts alerts to Datadog as logs, many at a time.

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use reqwest::header::HeaderName;
use serde_json::json;

use super::Section;
use super::datadog::tags;
use super::post::{Batch, Post};
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::{by_priority, nanoseconds};
use crate::{Integration, Setup, http};

/// Datadog takes 1000 logs and 5 MB.
const BATCH: Batch = Batch { alerts: 500, bytes: 4 << 20, frame: ["[", ",", "]"] };

/// Statuses by priority, most urgent first.
const STATUSES: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

keys! {
    /// The section `datadoglogs`.
    pub(crate) struct Config {
        /// The API key.
        apikey: Secret = "",
        /// The intake of Datadog's site, such as `https://http-intake.logs.datadoghq.eu`.
        host: String = "https://http-intake.logs.datadoghq.com",
        /// The service that logs are of.
        service: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "datadoglogs";
    const ABOUT: &'static str = "Posts alerts to Datadog as logs.";
    const EXAMPLE: &'static str = "datadoglogs:\n  apikey: T0KEN\n  host: URL\n  service: nodes\n";

    fn is_on(&self) -> bool {
        !self.apikey.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let address = http::below("host", &self.host, "/api/v2/logs")?;
        let (service, kinds) = (self.service.clone(), setup.kinds);
        let post =
            Post::new(http::client(&self.tls, setup)?, address, move |alert| entry(alert, &service, kinds));
        let key = HeaderName::from_static("dd-api-key");
        Ok(post.batched(BATCH).header(key, "apikey", self.apikey.reveal())?.boxed())
    }
}

/// What Datadog knows by name, and the alert itself as an attribute. The time is the alert's own, in milliseconds.
fn entry(alert: &Alert, service: &str, kinds: FieldKinds) -> String {
    let known = json!({
        "ddsource": "falco",
        "ddtags": tags(alert).join(","),
        "hostname": alert.hostname,
        "service": service,
        "status": by_priority(alert, &STATUSES),
        "timestamp": i64::try_from(nanoseconds(alert) / 1_000_000).unwrap_or_default(),
        "message": alert.output,
    })
    .to_string();
    let event = canonical(alert, kinds);
    format!("{},\"falco\":{}}}", known.trim_end_matches('}'), event.trim_end())
}
