//! Puts alerts into Elasticsearch or `OpenSearch`, many at a time.

use std::collections::BTreeMap;

use cadge_proto::Alert;
use cadge_proto::json::{self, FieldKinds};
use reqwest::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::Section;
use super::post::{Batch, Post};
use crate::format::{canonical, uuid};
use crate::http::Reply;
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::{Answer, Integration, SendError, Setup, http};

/// So many that the answer about each of them is read to its end.
const BATCH: Batch = Batch { alerts: 200, bytes: 5 << 20, frame: ["", "", ""] };

/// Parts of the answer that are asked for.
const ANSWERED: &str = "errors,items.*.status,items.*.error.type,items.*.error.reason";

keys! {
    /// The section `elasticsearch`.
    pub(crate) struct Config {
        /// Where it is, such as `https://elasticsearch:9200`.
        hostport: String = "",
        /// The index, or the beginning of its name.
        index: String = "falco",
        /// Unused: since version 7 there is only `_doc`.
        r#type: String = "_doc",
        /// What the index's name ends with, by the alert's own time: `daily`, `monthly`, `annually` or `none`.
        suffix: String = "daily",
        /// The ingest pipeline, if not the index's own.
        pipeline: String = "",
        /// The user.
        username: String = "",
        /// Its password.
        password: Secret = "",
        /// An API key, in place of user and password.
        apikey: Secret = "",
        /// Whether dots in the names of fields become `_`.
        flattenfields: bool = false,
        /// Dots become `_` as falcosidekick's template has them. The template itself is not created: put it there
        /// before.
        createindextemplate: bool = false,
        /// Unused: shards are for the template to say.
        numberofshards: u32 = 3,
        /// Unused: replicas are for the template to say.
        numberofreplicas: u32 = 3,
        /// Unused: requests are not compressed.
        enablecompression: bool = false,
        /// Unused: what is waiting goes in one request, always.
        batching: BTreeMap<String, String> = {},
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "elasticsearch";
    const ABOUT: &'static str = "Puts alerts into Elasticsearch or OpenSearch.";
    const EXAMPLE: &'static str =
        "elasticsearch:\n  hostport: URL\n  apikey: T0KEN\n  pipeline: enrich\n  flattenfields: true\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("suffix", &self.suffix, &["daily", "monthly", "annually", "none"])?;
        if self.index.is_empty() || self.index.chars().any(char::is_uppercase) {
            return Err("`index` is no name of an index: those have small letters".to_owned());
        }
        let mut address = http::below("hostport", &self.hostport, "_bulk")?;
        address.query_pairs_mut().append_pair("filter_path", ANSWERED);
        if !self.pipeline.is_empty() {
            address.query_pairs_mut().append_pair("pipeline", &self.pipeline);
        }
        let (config, kinds) = (self.clone(), setup.kinds);
        let post =
            Post::new(http::client(&self.tls, setup)?, address, move |alert| config.lines(alert, kinds));
        let post = post.batched(BATCH).checked(check).told(told).content_type("application/x-ndjson");
        let post = if self.apikey.is_empty() {
            post.basic(&self.username, "password", &self.password)?
        } else {
            post.header(AUTHORIZATION, "apikey", &format!("ApiKey {}", self.apikey.reveal()))?
        };
        Ok(post.custom(&self.customheaders)?.boxed())
    }
}

impl Config {
    /// What to do, and the document. It has the alert's id: one that comes again is known.
    fn lines(&self, alert: &Alert, kinds: FieldKinds) -> String {
        let action = json!({"create": {"_index": self.index_of(alert), "_id": uuid(alert)}});
        let document = canonical(alert, kinds);
        let mut document = document.trim_end().to_owned();
        if self.flattenfields || self.createindextemplate {
            document = flattened(&document);
        }
        document.truncate(document.len() - 1);
        format!("{action}\n{document},\"@timestamp\":\"{}\"}}\n", json::time(alert))
    }

    fn index_of(&self, alert: &Alert) -> String {
        let time = json::time(alert);
        let date = time.split('T').next().unwrap_or_default().replace('-', ".");
        // From behind, since a year may have more than four digits.
        let mut parts = date.rsplitn(3, '.');
        let (day, month, year) = (parts.next(), parts.next(), parts.next());
        let suffix = match (self.suffix.as_str(), year, month, day) {
            ("none", ..) => return self.index.clone(),
            ("annually", Some(year), ..) => year.to_owned(),
            ("monthly", Some(year), Some(month), _) => format!("{year}.{month}"),
            _ => date.clone(),
        };
        format!("{}-{suffix}", self.index)
    }
}

/// The document with names of fields that make no objects in objects.
fn flattened(document: &str) -> String {
    let mut value: Value = serde_json::from_str(document).unwrap_or_default();
    if let Some(fields) = value["output_fields"].as_object_mut() {
        let flat: Map<String, Value> =
            std::mem::take(fields).into_iter().map(|(name, value)| (name.replace('.', "_"), value)).collect();
        *fields = flat;
    }
    value.to_string()
}

/// The documents that it has: just now, or since before.
fn told(reply: &Reply) -> Vec<usize> {
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let items = body["items"].as_array().into_iter().flatten().enumerate();
    let has = |item: &Value| matches!(item["create"]["status"].as_u64(), Some(200..=299 | 409));
    items.filter(|(_, item)| has(item)).map(|(place, _)| place).collect()
}

/// The answer speaks of each document. Those that were taken are known if they come again: then that they are there
/// already is no error. So the rest can be told apart by sending fewer.
fn check(reply: &Reply) -> Result<Answer, SendError> {
    let answer = reply.judge()?;
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let retry = |cause: String| Err(SendError::Retry { after: reply.after, cause });
    match body["errors"].as_bool() {
        Some(false) => return Ok(answer),
        Some(true) => {}
        None => return retry(format!("its answer is none to a bulk request: {reply}")),
    }
    let mut refused = None;
    for item in body["items"].as_array().into_iter().flatten() {
        let shown =
            || format!("it answered {} to a document: {}", item["create"]["status"], item["create"]["error"]);
        match item["create"]["status"].as_u64() {
            Some(200..=299 | 409) => {}
            Some(408 | 429 | 500..=599) => return retry(shown()),
            _ => refused = refused.or_else(|| Some(shown())),
        }
    }
    refused.map_or(Ok(answer), |cause| Err(SendError::Refused(cause)))
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn partial_failures_are_told_apart() {
        let checked = |items: &str| {
            let text = format!(r#"{{"errors":true,"items":[{items}]}}"#);
            check(&Reply { status: StatusCode::OK, after: None, text })
        };
        let (taken, there) = (r#"{"create":{"status":201}}"#, r#"{"create":{"status":409}}"#);
        let (busy, wrong) = (r#"{"create":{"status":429}}"#, r#"{"create":{"status":400,"error":"x"}}"#);
        assert!(checked(&[taken, there].join(",")).is_ok());
        let of_each = |items: &str| {
            let text = format!(r#"{{"errors":true,"items":[{items}]}}"#);
            told(&Reply { status: StatusCode::OK, after: None, text })
        };
        assert_eq!(of_each(&[taken, busy, there, wrong].join(",")), [0, 2]);
        assert!(told(&Reply { status: StatusCode::OK, after: None, text: "<".to_owned() }).is_empty());
        assert!(matches!(checked(&[wrong, busy].join(",")), Err(SendError::Retry { .. })));
        let Err(SendError::Refused(cause)) = checked(&[taken, wrong].join(",")) else { panic!("taken") };
        assert!(cause.contains("400") && cause.contains('x'), "{cause}");
        let page = Reply { status: StatusCode::OK, after: None, text: "<html>".to_owned() };
        assert!(matches!(check(&page), Err(SendError::Retry { .. })));
    }

    #[test]
    fn the_index_is_that_of_the_alerts_own_day() {
        let time = Some(prost_types::Timestamp { seconds: 1_718_200_000, nanos: 0 });
        let alert = Alert { time, ..Alert::default() };
        let index = |suffix: &str| Config { suffix: suffix.to_owned(), ..Config::default() }.index_of(&alert);
        let found = ["daily", "monthly", "annually", "none"].map(index);
        assert_eq!(found, ["falco-2024.06.12", "falco-2024.06", "falco-2024", "falco"]);
    }
}
