//! What chats have in common: which lines a message has, in which colour, and how long it may be.

use std::borrow::Cow;

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, priority_name};
use serde_json::{Map, Value, json};

use super::post::Post;
use crate::event::text_fields;
use crate::settings::{Secret, Tls, keys, one_of};
use crate::template::Template;
use crate::text::{by_priority, go_time};
use crate::{Integration, Setup, http};

/// Colours by priority, most urgent first, of Slack and its like. falcosidekick's.
const COLOURS: [&str; 8] =
    ["#e20b0b", "#ff5400", "#ff5400", "#e20b0b", "#ffc700", "#5bffb5", "#68c2ff", "#ccfff2"];

/// Characters up to which two lines stand side by side.
const SHORT: usize = 36;

/// A line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) value: Cow<'a, str>,
    /// Whether it is a field of the alert's output.
    pub(super) is_field: bool,
}

/// The lines of an alert in an order, in which `fields` stands for its fields that are text. What is empty has no
/// line.
pub(super) fn lines<'a>(alert: &'a Alert, kinds: FieldKinds, order: &[&'a str]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for name in order {
        let value: Cow<'_, str> = match *name {
            "rule" => alert.rule.as_str().into(),
            "priority" => priority_name(alert.priority).into(),
            "source" => alert.source.as_str().into(),
            "hostname" => alert.hostname.as_str().into(),
            "tags" => alert.tags.join(", ").into(),
            "time" => go_time(alert).into(),
            _ => {
                let field = |(name, value)| Line { name, value: Cow::Borrowed(value), is_field: true };
                lines.extend(text_fields(alert, kinds).into_iter().map(field));
                continue;
            }
        };
        lines.push(Line { name, value, is_field: false });
    }
    lines.retain(|line| !line.value.is_empty());
    lines
}

/// The template of the key `messageformat`. `None`: there is none.
pub(super) fn message_format(text: &str) -> Result<Option<Template>, String> {
    let template = Template::new(text).map_err(|error| format!("`messageformat`: {error}"))?;
    Ok((!template.is_empty()).then_some(template))
}

keys! {
    /// What messages with an attachment have, as Slack began them.
    pub(super) struct Message {
        /// The name under which it posts.
        username: String = "Cadge",
        /// The picture's address.
        icon: String = "",
        /// What a message has: `all`, `text` or `fields`.
        outputformat: String = "all",
        /// A text above, as a Go template over the alert, such as `{{ .Rule }} on {{ .Hostname }}`.
        messageformat: String = "",
    }
}

/// How a message with an attachment is made.
pub(super) struct Attachment {
    message: Message,
    format: Option<Template>,
    order: &'static [&'static str],
    kinds: FieldKinds,
    /// Empty: the webhook's own.
    pub(super) channel: String,
    /// The line below; empty: none.
    pub(super) footer: String,
}

impl Message {
    /// Messages whose lines have an order.
    pub(super) fn attachment(
        &self,
        order: &'static [&'static str],
        kinds: FieldKinds,
    ) -> Result<Attachment, String> {
        one_of("outputformat", &self.outputformat, &["all", "text", "fields"])?;
        let format = message_format(&self.messageformat)?;
        let (channel, footer) = (String::new(), String::new());
        Ok(Attachment { message: self.clone(), format, order, kinds, channel, footer })
    }
}

impl Attachment {
    /// Posts them to a webhook.
    pub(super) fn post(
        self,
        webhookurl: &Secret,
        tls: &Tls,
        setup: &Setup,
    ) -> Result<Box<dyn Integration>, String> {
        let address = http::url("webhookurl", webhookurl.reveal())?;
        let client = http::client(tls, setup)?;
        Ok(Post::new(client, address, move |alert| self.payload(alert)).boxed())
    }

    /// The message about an alert.
    fn payload(&self, alert: &Alert) -> String {
        let format = self.message.outputformat.as_str();
        let mut attachment = Map::new();
        attachment.insert("fallback".to_owned(), alert.output.clone().into());
        attachment.insert("color".to_owned(), by_priority(alert, &COLOURS).into());
        if format != "fields" {
            attachment.insert("text".to_owned(), alert.output.clone().into());
        }
        let fields = if format == "text" { Value::Null } else { self.fields(alert) };
        attachment.insert("fields".to_owned(), fields);
        if format != "text" && !self.footer.is_empty() {
            attachment.insert("footer".to_owned(), self.footer.clone().into());
        }
        let mut payload = Map::new();
        let text = self.format.as_ref().map(|template| template.render(alert, self.kinds));
        for (key, text) in [
            ("username", self.message.username.as_str()),
            ("icon_url", &self.message.icon),
            ("channel", &self.channel),
            ("text", &text.unwrap_or_default()),
        ] {
            if !text.is_empty() {
                payload.insert(key.to_owned(), text.into());
            }
        }
        payload.insert("attachments".to_owned(), json!([attachment]));
        Value::from(payload).to_string()
    }

    fn fields(&self, alert: &Alert) -> Value {
        let field = |line: Line<'_>| {
            let is_short = line.name != "time" && line.value.chars().count() < SHORT;
            json!({"title": line.name, "value": line.value, "short": is_short})
        };
        lines(alert, self.kinds, self.order).into_iter().map(field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_has_no_line() {
        let alert = Alert { rule: "R".to_owned(), priority: 99, ..Alert::default() };
        let kinds = |_: &str| cadge_proto::json::FieldKind::Text;
        let found = lines(&alert, kinds, &["rule", "source", "fields", "tags"]);
        assert_eq!(found, [Line { name: "rule", value: "R".into(), is_field: false }]);
        assert_eq!(by_priority(&alert, &[0, 1, 2, 3, 4, 5, 6, 7]), 7);
    }
}
