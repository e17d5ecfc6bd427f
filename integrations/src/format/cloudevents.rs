//! `CloudEvents` 1.0: as one JSON object (structured mode), or as headers around Falco's JSON (binary mode), with
//! falcosidekick's type, source and extensions.

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};

use super::falco::{length, push_object, uuid};
use super::text::push_string;

/// The `type` of every alert.
pub const TYPE: &str = "falco.rule.output.v1";

/// The `source` of every alert. Which host it is from is in `subject` and `hostname`.
pub const SOURCE: &str = "https://falco.org";

/// Structured mode: `application/cloudevents+json`. `data` is Falco's JSON.
pub fn cloudevent(alert: &Alert, kinds: FieldKinds) -> String {
    let mut out = String::with_capacity(512 + length(alert));
    for (name, text) in attributes(alert) {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_string(name, &mut out);
        out.push(':');
        push_string(&text, &mut out);
    }
    out.push_str(",\"datacontenttype\":\"application/json\",\"data\":");
    push_object(alert, kinds, &mut out);
    out.push('}');
    out
}

/// The headers of binary mode over HTTP, whose body is [`super::canonical`]: `content-type` and `ce-…`. What a
/// header cannot hold is percent-encoded, as the HTTP binding says.
pub fn cloudevent_headers(alert: &Alert) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(attributes(alert).into_iter().map(|(name, text)| (format!("ce-{name}"), encoded(&text))));
    headers
}

/// Every attribute but the content type. `id` is the same for each delivery.
fn attributes(alert: &Alert) -> Vec<(&'static str, String)> {
    let mut attributes = vec![
        ("specversion", "1.0".to_owned()),
        ("id", uuid(alert)),
        ("source", SOURCE.to_owned()),
        ("type", TYPE.to_owned()),
        ("time", json::time(alert)),
        ("priority", priority_name(alert.priority).to_owned()),
    ];
    let texts = [
        ("subject", &alert.hostname),
        ("rule", &alert.rule),
        ("eventsource", &alert.source),
        ("hostname", &alert.hostname),
    ];
    let present = texts.into_iter().filter(|(_, text)| !text.is_empty());
    attributes.extend(present.map(|(name, text)| (name, text.chars().map(allowed).collect())));
    attributes
}

/// Attributes hold neither control characters nor what Unicode calls no character.
fn allowed(character: char) -> char {
    let is_none = matches!(character, '\u{fdd0}'..='\u{fdef}') || u32::from(character) & 0xfffe == 0xfffe;
    if character.is_control() || is_none { ' ' } else { character }
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'%') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
