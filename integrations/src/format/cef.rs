//! `ArcSight`'s Common Event Format: one line, as falcosidekick sends it, with the escaping that it lacks and always
//! in the same order.

use cadge_proto::json::{self, MISSING};
use cadge_proto::{Alert, priority_name};

use super::falco::uuid;

/// One line, without a line end.
pub fn cef(alert: &Alert) -> String {
    let mut out = String::from("CEF:0|Falcosecurity|Falco|1.0|Falco Event|");
    push_header(&alert.rule, &mut out);
    out.push_str(&format!("|{}|uuid={}", severity(alert.priority), uuid(alert)));
    out.push_str(&format!(" start={} msg=", json::time(alert)));
    push_value(&alert.output, &mut out);
    out.push_str(" source=");
    push_value(&alert.source, &mut out);
    if !alert.hostname.is_empty() {
        out.push_str(" hostname=");
        push_value(&alert.hostname, &mut out);
    }
    push_fields(alert, &mut out);
    if !alert.tags.is_empty() {
        out.push_str(" tags=");
        push_value(&alert.tags.join(","), &mut out);
    }
    out
}

/// `name:text` for each field that is there, by name.
fn push_fields(alert: &Alert, out: &mut String) {
    let mut fields: Vec<_> = alert.output_fields.iter().filter(|(_, text)| *text != MISSING).collect();
    fields.sort_unstable();
    for (index, (name, text)) in fields.into_iter().enumerate() {
        out.push_str(if index == 0 { " outputfields=" } else { " " });
        push_value(name, out);
        out.push(':');
        push_value(text, out);
    }
}

/// From 0 to 10.
pub(super) fn severity(priority: i32) -> u8 {
    match priority_name(priority) {
        "Emergency" => 10,
        "Alert" => 9,
        "Critical" => 8,
        "Error" => 7,
        "Warning" => 6,
        "Notice" => 4,
        "Informational" => 3,
        _ => 0,
    }
}

/// A header's field ends at a bar, and has no way to say a line end.
fn push_header(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '|' => out.push_str("\\|"),
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
}

fn push_value(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '=' => out.push_str("\\="),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
}
