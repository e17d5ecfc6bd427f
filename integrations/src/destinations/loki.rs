//! Pushes alerts to Grafana Loki, many at a time.

use std::collections::BTreeMap;

use cadge_proto::json::{FieldKinds, MISSING};
use cadge_proto::{Alert, priority_name};
use reqwest::header::HeaderName;
use serde_json::json;

use super::Section;
use super::post::{Batch, Post};
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::text::{label_name, nanoseconds};
use crate::{Integration, Setup, http};

/// Fields that are labels without being asked for.
const FIELDS: [&str; 2] = ["k8s.ns.name", "k8s.pod.name"];

/// Loki takes 4 MiB. Of what it refuses for one alert's sake it takes the rest, and it knows a line that comes again.
const BATCH: Batch = Batch { alerts: 500, bytes: 1 << 20, frame: ["{\"streams\":[", ",", "]}"] };

keys! {
    /// The section `loki`.
    pub(crate) struct Config {
        /// Where Loki is, such as `http://loki:3100`.
        hostport: String = "",
        /// The path to push to.
        endpoint: String = "/loki/api/v1/push",
        /// The user, such as the number of an instance at Grafana Cloud.
        user: String = "",
        /// Its password.
        apikey: Secret = "",
        /// The tenant, as `X-Scope-OrgID`.
        tenant: String = "",
        /// What a line is: `text` or `json`.
        format: String = "text",
        /// Fields that become labels, besides `customfields` and `templatedfields`, which do anyway. Each value makes a
        /// stream: name none with many.
        extralabels: Vec<String> = [],
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "loki";
    const ABOUT: &'static str = "Pushes alerts to Grafana Loki.";
    const EXAMPLE: &'static str =
        "loki:\n  hostport: URL\n  user: '7'\n  apikey: T0KEN\n  tenant: team\n  extralabels: [proc.name]\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("format", &self.format, &["text", "json"])?;
        let address = http::below("hostport", &self.hostport, &self.endpoint)?;
        let (config, kinds, added) = (self.clone(), setup.kinds, setup.added_fields.clone());
        let mut post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            config.stream(alert, &added, kinds)
        })
        .batched(BATCH)
        .content_type("application/json")
        .basic(&self.user, "apikey", &self.apikey)?;
        if !self.tenant.is_empty() {
            post = post.header(HeaderName::from_static("x-scope-orgid"), "tenant", &self.tenant)?;
        }
        Ok(post.custom(&self.customheaders)?.boxed())
    }
}

impl Config {
    fn stream(&self, alert: &Alert, added: &[String], kinds: FieldKinds) -> String {
        let mut labels = BTreeMap::new();
        let wanted = added.iter().chain(&self.extralabels).map(String::as_str);
        for name in FIELDS.into_iter().chain(wanted) {
            if let Some(value) = alert.output_fields.get(name).filter(|value| *value != MISSING) {
                labels.insert(label_name(name), value.replace('"', ""));
            }
        }
        for (name, value) in [
            ("rule", alert.rule.clone()),
            ("priority", priority_name(alert.priority).to_owned()),
            ("source", alert.source.clone()),
            ("hostname", alert.hostname.clone()),
            ("tags", alert.tags.join(",")),
        ] {
            labels.insert(name.to_owned(), value);
        }
        labels.retain(|_, value| !value.is_empty());
        let line = if self.format == "json" {
            canonical(alert, kinds).trim_end().to_owned()
        } else {
            alert.output.clone()
        };
        json!({"stream": labels, "values": [[nanoseconds(alert).to_string(), line]]}).to_string()
    }
}
