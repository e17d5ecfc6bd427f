//! Posts each alert to a Slack incoming webhook.

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::event::text_fields;
use crate::{Delivery, Integration, Secret, SendError, Settings, http};

/// Colours by priority, most urgent first. falcosidekick's.
const COLOURS: [&str; 8] =
    ["#e20b0b", "#ff5400", "#ff5400", "#e20b0b", "#ffc700", "#5bffb5", "#68c2ff", "#ccfff2"];

/// Characters up to which two fields stand side by side.
const SHORT: usize = 36;

/// The section `slack`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The incoming webhook's address. Not empty: it is switched on.
    pub webhookurl: Secret,
    /// The channel, if it is not the webhook's own.
    pub channel: String,
    /// The name under which it posts.
    pub username: String,
    /// The picture's address.
    pub icon: String,
    /// The line below.
    pub footer: String,
    /// `all`, `text` or `fields`.
    pub outputformat: String,
    /// Whether the other side's certificate is checked.
    pub checkcert: bool,
    /// Alerts less urgent than this are not sent.
    pub minimumpriority: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            webhookurl: Secret::default(),
            channel: String::new(),
            username: "Cadge".to_owned(),
            icon: String::new(),
            footer: String::new(),
            outputformat: "all".to_owned(),
            checkcert: true,
            minimumpriority: String::new(),
        }
    }
}

impl Settings for Config {
    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn minimum_priority(&self) -> &str {
        &self.minimumpriority
    }
}

/// The destination.
pub(crate) struct Slack {
    client: Client,
    address: reqwest::Url,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Slack {
    type Config = Config;
    const BATCH: usize = 1;

    fn new(config: Config, kinds: FieldKinds) -> Result<Self, String> {
        let address =
            config.webhookurl.reveal().parse().map_err(|error| format!("`webhookurl` is no URL: {error}"))?;
        if !["", "all", "text", "fields"].contains(&config.outputformat.as_str()) {
            return Err(format!("`outputformat: {}` is none of all, text, fields", config.outputformat));
        }
        Ok(Self { client: http::client(config.checkcert)?, address, config, kinds })
    }

    async fn send(&mut self, alerts: &[Delivery]) -> Result<(), SendError> {
        for delivery in alerts {
            let request = self.client.post(self.address.clone());
            let body = self.payload(&delivery.alert).to_string();
            http::send(request.header("content-type", "application/json; charset=utf-8").body(body)).await?;
        }
        Ok(())
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
