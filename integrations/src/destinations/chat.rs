//! What chats have in common: which lines a message has, in which colour, and how long it may be.

use std::borrow::Cow;

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, priority_name};
use serde_json::{Map, Value, json};

use crate::event::text_fields;
use crate::template::Template;
use crate::text::go_time;

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

/// What stands for the alert's priority.
pub(super) fn by_priority<T: Copy>(alert: &Alert, all: &[T; 8]) -> T {
    let number = usize::try_from(alert.priority).ok();
    number.and_then(|number| all.get(number)).copied().unwrap_or(all[7])
}

/// At most so many characters. What is cut ends with `…`.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect::<String>().into(),
    }
}

/// Refuses a value that is none of those there are.
pub(super) fn one_of(key: &str, value: &str, all: &[&str]) -> Result<(), String> {
    if value.is_empty() || all.contains(&value) {
        return Ok(());
    }
    Err(format!("`{key}: {value}` is none of {}", all.join(", ")))
}

/// The template of the key `messageformat`. `None`: there is none.
pub(super) fn message_format(text: &str) -> Result<Option<Template>, String> {
    let template = Template::new(text).map_err(|error| format!("`messageformat`: {error}"))?;
    Ok((!template.is_empty()).then_some(template))
}

/// A message with an attachment, as Slack began it.
pub(super) struct Attachment {
    pub(super) username: String,
    pub(super) icon: String,
    pub(super) channel: String,
    pub(super) footer: String,
    pub(super) outputformat: String,
    pub(super) message: Option<Template>,
    pub(super) order: &'static [&'static str],
    pub(super) kinds: FieldKinds,
}

impl Attachment {
    /// The message about an alert.
    pub(super) fn payload(&self, alert: &Alert) -> String {
        let format = self.outputformat.as_str();
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
        let text = self.message.as_ref().map(|template| template.render(alert, self.kinds));
        for (key, text) in [
            ("username", self.username.as_str()),
            ("icon_url", &self.icon),
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
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("äöü", 3), cut("äöü", 2), cut("", 0)), ("äöü".into(), "ä…".into(), "".into()));
        assert!(matches!(cut("abc", 3), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_empty_has_no_line() {
        let alert = Alert { rule: "R".to_owned(), priority: 99, ..Alert::default() };
        let kinds = |_: &str| cadge_proto::json::FieldKind::Text;
        let found = lines(&alert, kinds, &["rule", "source", "fields", "tags"]);
        assert_eq!(found, [Line { name: "rule", value: "R".into(), is_field: false }]);
        assert_eq!(by_priority(&alert, &[0, 1, 2, 3, 4, 5, 6, 7]), 7);
    }
}
