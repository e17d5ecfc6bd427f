//! Posts each alert to a Slack incoming webhook.

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};
use futures_util::future::BoxFuture;
use reqwest::Client;
use serde_json::{Map, Value, json};

use super::Section;
use crate::event::text_fields;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup, http};

/// Colours by priority, most urgent first. falcosidekick's.
const COLOURS: [&str; 8] =
    ["#e20b0b", "#ff5400", "#ff5400", "#e20b0b", "#ffc700", "#5bffb5", "#68c2ff", "#ccfff2"];

/// Characters up to which two fields stand side by side.
const SHORT: usize = 36;

keys! {
    /// The section `slack`.
    pub(crate) struct Config {
        /// The incoming webhook's address.
        webhookurl: Secret = "",
        /// The channel, if it is not the webhook's own.
        channel: String = "",
        /// The name under which it posts.
        username: String = "Cadge",
        /// The picture's address.
        icon: String = "",
        /// The line below.
        footer: String = "",
        /// What a message has: `all`, `text` or `fields`.
        outputformat: String = "all",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "slack";
    const ABOUT: &'static str = "Posts each alert to a Slack incoming webhook.";
    const EXAMPLE: &'static str = "slack:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        if !["", "all", "text", "fields"].contains(&self.outputformat.as_str()) {
            return Err(format!("`outputformat: {}` is none of all, text, fields", self.outputformat));
        }
        Ok(Box::new(Slack {
            client: http::client(&self.tls, setup)?,
            address: http::url("webhookurl", self.webhookurl.reveal())?,
            config: self.clone(),
            kinds: setup.kinds,
        }))
    }
}

struct Slack {
    client: Client,
    address: reqwest::Url,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Slack {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for delivery in alerts {
                let body = self.payload(&delivery.alert).to_string();
                answer = http::send(http::json(self.client.post(self.address.clone()), body)).await?;
            }
            Ok(answer)
        })
    }
}

impl Slack {
    fn payload(&self, alert: &Alert) -> Value {
        let format = self.config.outputformat.as_str();
        let colour = usize::try_from(alert.priority).ok().and_then(|number| COLOURS.get(number));
        let mut attachment = Map::new();
        attachment.insert("fallback".to_owned(), alert.output.clone().into());
        attachment.insert("color".to_owned(), (*colour.unwrap_or(&COLOURS[7])).into());
        if format != "fields" {
            attachment.insert("text".to_owned(), alert.output.clone().into());
        }
        let fields = if format == "text" { Value::Null } else { self.fields(alert) };
        attachment.insert("fields".to_owned(), fields);
        if format != "text" && !self.config.footer.is_empty() {
            attachment.insert("footer".to_owned(), self.config.footer.clone().into());
        }
        let mut payload = Map::new();
        for (key, text) in [
            ("username", &self.config.username),
            ("icon_url", &self.config.icon),
            ("channel", &self.config.channel),
        ] {
            if !text.is_empty() {
                payload.insert(key.to_owned(), text.clone().into());
            }
        }
        payload.insert("attachments".to_owned(), json!([attachment]));
        payload.into()
    }

    fn fields(&self, alert: &Alert) -> Value {
        let short = |title: &str, value: &str| json!({"title": title, "value": value, "short": value.chars().count() < SHORT});
        let mut fields = vec![
            short("rule", &alert.rule),
            short("priority", priority_name(alert.priority)),
            short("source", &alert.source),
        ];
        if !alert.hostname.is_empty() {
            fields.push(short("hostname", &alert.hostname));
        }
        if !alert.tags.is_empty() {
            fields.push(short("tags", &alert.tags.join(", ")));
        }
        fields.extend(text_fields(alert, self.kinds).into_iter().map(|(name, text)| short(name, text)));
        // Go's way to print a time, which is what receivers are used to.
        let time = json::time(alert).replace('T', " ").replace('Z', " +0000 UTC");
        fields.push(json!({"title": "time", "value": time, "short": false}));
        fields.into()
    }
}
