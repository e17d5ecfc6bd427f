//! Falco's JSON as falcosidekick sends it on, which webhook, Kafka and others get.

use cadge_proto::json::{self, FieldKind, FieldKinds, MISSING};
use cadge_proto::{Alert, priority_name};

use super::text::{push_hex, push_string};

/// One JSON object and a line end. Keys in falcosidekick's order; `<`, `>` and `&` escaped as Go does.
pub fn canonical(alert: &Alert, kinds: FieldKinds) -> String {
    let mut out = String::with_capacity(length(alert));
    push_object(alert, kinds, &mut out);
    out.push('\n');
    out
}

/// The object alone, for whoever puts it into another.
pub(super) fn push_object(alert: &Alert, kinds: FieldKinds, out: &mut String) {
    out.push_str("{\"uuid\":\"");
    out.push_str(&uuid(alert));
    out.push_str("\",\"output\":");
    push_string(&alert.output, out);
    out.push_str(",\"priority\":\"");
    out.push_str(priority_name(alert.priority));
    out.push_str("\",\"rule\":");
    push_string(&alert.rule, out);
    out.push_str(",\"time\":\"");
    out.push_str(&json::time(alert));
    out.push_str("\",\"output_fields\":");
    push_fields(alert, kinds, out);
    out.push_str(",\"source\":");
    push_string(&alert.source, out);
    if !alert.tags.is_empty() {
        out.push_str(",\"tags\":");
        push_list(&alert.tags, out);
    }
    if !alert.hostname.is_empty() {
        out.push_str(",\"hostname\":");
        push_string(&alert.hostname, out);
    }
    out.push('}');
}

/// About how long it gets, so that it seldom has to be moved while it grows.
pub(super) fn length(alert: &Alert) -> usize {
    let fields: usize = alert.output_fields.iter().map(|(name, text)| name.len() + text.len() + 6).sum();
    let tags: usize = alert.tags.iter().map(|tag| tag.len() + 3).sum();
    let texts = [&alert.output, &alert.rule, &alert.source, &alert.hostname];
    // 256: what is always there, and some characters that are escaped.
    256 + fields + tags + texts.map(String::len).iter().sum::<usize>()
}

fn push_fields(alert: &Alert, kinds: FieldKinds, out: &mut String) {
    let mut fields: Vec<(&str, &str)> =
        alert.output_fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    fields.sort_unstable();
    out.push('{');
    for (index, (name, text)) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(name, out);
        out.push(':');
        push_field(text, kinds(name), out);
    }
    out.push('}');
}

fn push_list(texts: &[String], out: &mut String) {
    out.push('[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(text, out);
    }
    out.push(']');
}

/// Agrees with [`json::to_value`].
fn push_field(text: &str, kind: FieldKind, out: &mut String) {
    match kind {
        FieldKind::Number if is_plain_integer(text) => return out.push_str(text),
        FieldKind::Number => {
            if let Ok(number) = text.parse::<serde_json::Number>() {
                return out.push_str(&number.to_string());
            }
        }
        FieldKind::Bool if matches!(text, "true" | "false") => return out.push_str(text),
        FieldKind::Bool | FieldKind::Text => {}
    }
    if text == MISSING { out.push_str("null") } else { push_string(text, out) }
}

/// Whether the text is how JSON writes this integer, and the integer has 64 bits: all with up to 18 digits do.
/// The longest that matters, a time in nanoseconds, has 19, which fit without a sign.
fn is_plain_integer(text: &str) -> bool {
    let (digits, most) = text.strip_prefix('-').map_or((text, 19), |digits| (digits, 18));
    match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < most && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The alert's own id: the same for each delivery, so that a receiver can tell a repetition. Made of
/// what names the alert, in the shape of RFC 9562's version 8.
pub fn uuid(alert: &Alert) -> String {
    let mut high = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a, 64 bits
    for byte in alert.sensor.bytes().chain(alert.epoch.to_le_bytes()) {
        high = (high ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let low = alert.sequence;
    let bits = u128::from(high >> 16) << 80
        | u128::from(0x8000 | (high & 0xfff)) << 64
        | u128::from(0x8000 | (low >> 48 & 0x3fff)) << 48
        | u128::from(low & 0xffff_ffff_ffff);
    let mut text = String::with_capacity(36);
    for (place, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(byte, &mut text);
    }
    text
}
