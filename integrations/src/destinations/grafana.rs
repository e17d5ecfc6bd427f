//! Posts each alert to Grafana as an annotation.

use std::collections::BTreeMap;

use cadge_proto::json::MISSING;
use cadge_proto::{Alert, priority_name};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::Section;
use super::post::Post;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::nanoseconds;
use crate::{Integration, Setup, http};

keys! {
    /// The section `grafana`.
    pub(crate) struct Config {
        /// Where Grafana is, such as `http://grafana:3000`.
        hostport: String = "",
        /// A token of a service account that may write annotations.
        apikey: Secret = "",
        /// The number of the dashboard to annotate. 0: all of them.
        dashboardid: u32 = 0,
        /// The number of its panel. 0: all of them.
        panelid: u32 = 0,
        /// Whether the values of fields and the rule's tags become tags, too.
        allfieldsastags: bool = false,
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "grafana";
    const ABOUT: &'static str = "Posts each alert to Grafana as an annotation.";
    const EXAMPLE: &'static str =
        "grafana:\n  hostport: URL\n  apikey: T0KEN\n  dashboardid: 3\n  allfieldsastags: true\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        if self.apikey.is_empty() {
            return Err("`apikey` is missing".to_owned());
        }
        let address = http::below("hostport", &self.hostport, "/api/annotations")?;
        let config = self.clone();
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            config.annotation(alert).to_string()
        });
        let token = format!("Bearer {}", self.apikey.reveal());
        let post = post.content_type("application/json").header(AUTHORIZATION, "apikey", &token)?;
        Ok(post.custom(&self.customheaders)?.boxed())
    }
}

impl Config {
    fn annotation(&self, alert: &Alert) -> Value {
        let mut tags = vec!["falco", priority_name(alert.priority), &alert.rule, &alert.source];
        if self.allfieldsastags {
            let fields = alert.output_fields.iter().filter(|(_, value)| *value != MISSING);
            // By their names, so that an alert that comes again is the same.
            let values: BTreeMap<_, _> = fields.collect();
            tags.extend(values.into_values().map(String::as_str));
            tags.extend(alert.tags.iter().map(String::as_str));
        }
        tags.insert(4, &alert.hostname);
        tags.retain(|tag| !tag.is_empty());
        let time = i64::try_from(nanoseconds(alert) / 1_000_000).unwrap_or_default();
        let mut annotation = json!({"time": time, "timeEnd": time, "tags": tags, "text": alert.output});
        for (name, number) in [("dashboardId", self.dashboardid), ("panelId", self.panelid)] {
            if number != 0 {
                annotation[name] = number.into();
            }
        }
        annotation
    }
}
