//! Publishes alerts to a topic of Google Cloud Pub/Sub, many in a request.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use reqwest::Url;
use serde_json::{Value, json};

use super::{Account, Service};
use crate::destinations::aws::signature::encoded;
use crate::destinations::post::Batch;
use crate::destinations::taken::Taken;
use crate::destinations::{Section, bearer};
use crate::format::canonical;
use crate::http;
use crate::settings::{Common, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// What a request may have: Pub/Sub takes a thousand, and ten million bytes.
const BATCH: Batch = Batch { alerts: 1000, bytes: 9_000_000, frame: ["{\"messages\":[", ",", "]}"] };

/// Bytes of an ordering key at most.
const KEY_BYTES_MAX: usize = 1024;

keys! {
    /// The section `gcp.pubsub`.
    pub(crate) struct Config {
        /// The project.
        projectid: String = "",
        /// The topic: its name, not the whole path.
        topic: String = "",
        /// Attributes that each alert is sent with.
        customattributes: BTreeMap<String, String> = {},
        /// Whether alerts carry their sensor as ordering key: a subscription that keeps order then has those of one
        /// sensor in order. Pub/Sub takes 1 MB a second of each.
        ordered: bool = false,
        + account: Account,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "gcp.pubsub";
    const ABOUT: &'static str = "Publishes alerts to a topic of Google Cloud Pub/Sub.";
    const EXAMPLE: &'static str = "gcp:\n  pubsub:\n    projectid: fleet\n    topic: alerts\n    customattributes:\n      team: blue\n    ordered: true\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.projectid.is_empty() && !self.topic.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let scope = "https://www.googleapis.com/auth/pubsub";
        let server = "https://pubsub.googleapis.com";
        let service = Service::new(server, scope, &self.account, &self.tls, setup)?;
        let (project, topic) = (encoded(&self.projectid, false), encoded(&self.topic, false));
        let path = format!("v1/projects/{project}/topics/{topic}:publish");
        let address = http::below("topic", &service.address, &path)?;
        let (config, kinds) = (self.clone(), setup.kinds);
        Ok(Box::new(PubSub { service, address, config, kinds, taken: Taken::default() }))
    }
}

struct PubSub {
    service: Service,
    address: Url,
    config: Config,
    kinds: FieldKinds,
    taken: Taken,
}

impl Integration for PubSub {
    fn batch(&self) -> usize {
        BATCH.alerts
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            let entry = |delivery: &Delivery| self.entry(delivery).to_string();
            for (positions, body) in BATCH.bodies(&self.taken.left(alerts), entry) {
                answer = bearer::judge(&self.service.post(&self.address, body).await?)?;
                self.taken.keep(positions);
            }
            self.taken.forget(alerts);
            Ok(answer)
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}

impl PubSub {
    fn entry(&self, delivery: &Delivery) -> Value {
        let text = canonical(&delivery.alert, self.kinds);
        let mut entry = json!({"data": STANDARD.encode(text.trim_end())});
        if !self.config.customattributes.is_empty() {
            entry["attributes"] = json!(self.config.customattributes);
        }
        if self.config.ordered {
            let sensor = delivery.alert.sensor.as_str();
            // Alerts of no sensor keep their order, too.
            let key = if sensor.is_empty() { "hub" } else { sensor };
            entry["orderingKey"] = key[..key.floor_char_boundary(KEY_BYTES_MAX)].into();
        }
        entry
    }
}
