//! An alert in falcosidekick's canonical JSON, which webhook, Kafka and others send.

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};
use serde_json::Value;

/// One JSON object and a line end. Keys in falcosidekick's order; `<`, `>` and `&` escaped as Go does.
pub(crate) fn canonical(alert: &Alert, kinds: FieldKinds) -> String {
    let value = json::to_value(alert, kinds);
    let mut out = String::from("{");
    let mut member = |name: &str, value: &Value| {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&format!("\"{name}\":"));
        escape(&value.to_string(), &mut out);
    };
    member("uuid", &uuid(alert).into());
    for name in ["output", "priority", "rule", "time", "output_fields", "source"] {
        member(name, &value[name]);
    }
    if !alert.tags.is_empty() {
        member("tags", &value["tags"]);
    }
    if !alert.hostname.is_empty() {
        member("hostname", &value["hostname"]);
    }
    out.push_str("}\n");
    out
}

/// These characters stand in strings only, so that the whole text can be gone through.
fn escape(json: &str, out: &mut String) {
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
}

/// The alert's own id: the same for each delivery, so that a receiver can tell a repetition. Made of
/// what names the alert, in the shape of RFC 9562's version 8.
pub(crate) fn uuid(alert: &Alert) -> String {
    let mut high = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a, 64 bits
    for byte in alert.sensor.bytes().chain(alert.epoch.to_le_bytes()) {
        high = (high ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let low = alert.sequence;
    format!(
        "{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// An alert's fields that are text, by name: chats show no numbers.
pub(crate) fn text_fields(alert: &Alert, kinds: FieldKinds) -> Vec<(&str, &str)> {
    let fields = alert.output_fields.iter().filter(|(name, text)| {
        kinds(name) == json::FieldKind::Text && *text != json::MISSING && *name != "evt.time"
    });
    let mut fields: Vec<_> = fields.map(|(name, text)| (name.as_str(), text.as_str())).collect();
    fields.sort_unstable();
    fields
}

/// The number of a priority that a configuration names; `None` if it is no priority.
pub(crate) fn priority_number(name: &str) -> Option<i32> {
    if name.eq_ignore_ascii_case("info") {
        return Some(6);
    }
    (0..8).find(|number| priority_name(*number).eq_ignore_ascii_case(name))
}
