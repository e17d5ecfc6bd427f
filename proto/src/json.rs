//! An alert as Falco's JSON: one object on one line, key for key what Falco ≥ 0.36 prints with
//! `json_output`.
//!
//! `output_fields` is text on the wire. The rule engine's field table knows which of them are
//! numbers or booleans, and the caller passes that knowledge in.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::Alert;

/// How a field's text becomes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A JSON string.
    Text,
    /// A JSON number, if the text is one.
    Number,
    /// `true` or `false`, if the text is one of them.
    Bool,
}

/// Tells a field's kind from its name, such as `proc.pid` or `proc.aname[2]`.
pub type FieldKinds = fn(&str) -> FieldKind;

/// The text that stands for a missing value: it becomes `null`.
pub const MISSING: &str = "<NA>";

/// Renders Falco's object, keys in alphabetical order, without a line end.
pub fn to_falco(alert: &Alert, kinds: FieldKinds) -> String {
    to_value(alert, kinds).to_string()
}

/// As [`to_falco`], for whoever adds keys of its own.
pub fn to_value(alert: &Alert, kinds: FieldKinds) -> Value {
    let mut object = Map::new();
    object.insert("hostname".into(), alert.hostname.clone().into());
    object.insert("output".into(), alert.output.clone().into());
    object.insert("output_fields".into(), fields(alert, kinds).into());
    object.insert("priority".into(), crate::priority_name(alert.priority).into());
    object.insert("rule".into(), alert.rule.clone().into());
    object.insert("source".into(), alert.source.clone().into());
    object.insert("tags".into(), alert.tags.clone().into());
    object.insert("time".into(), time(alert).into());
    object.into()
}

/// `output_fields` alone.
pub fn fields(alert: &Alert, kinds: FieldKinds) -> Map<String, Value> {
    alert.output_fields.iter().map(|(name, text)| (name.clone(), field(text, kinds(name)))).collect()
}

/// The alert's time in UTC with nine digits, as Falco writes it. A time that no calendar has
/// reads as 1970.
pub fn time(alert: &Alert) -> String {
    let time = alert.time.unwrap_or_default();
    let time = Timestamp::new(time.seconds, time.nanos).unwrap_or_default();
    format!("{time:.9}")
}

fn field(text: &str, kind: FieldKind) -> Value {
    let typed = match kind {
        FieldKind::Text => None,
        // `parse` keeps integers whole: a time in nanoseconds does not fit a double.
        FieldKind::Number => text.parse::<serde_json::Number>().ok().map(Value::Number),
        FieldKind::Bool => text.parse().ok().map(Value::Bool),
    };
    match typed {
        Some(value) => value,
        None if text == MISSING => Value::Null,
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(name: &str) -> FieldKind {
        match name {
            "evt.time" | "proc.pid" => FieldKind::Number,
            "fd.connected" => FieldKind::Bool,
            _ => FieldKind::Text,
        }
    }

    #[test]
    fn is_falcos_object_key_for_key() {
        let fields = [
            ("evt.time", "1690000000123456789"),
            ("proc.pid", "<NA>"),
            ("proc.name", "ca\"t"),
            ("fd.connected", "true"),
        ];
        let alert = Alert {
            time: Some(prost_types::Timestamp { seconds: 1_690_000_000, nanos: 5 }),
            priority: 6,
            rule: "R".into(),
            output: "o".into(),
            hostname: "h".into(),
            source: "syscall".into(),
            tags: vec!["a".into()],
            output_fields: fields.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..Alert::default()
        };
        assert_eq!(
            to_falco(&alert, kinds),
            r#"{"hostname":"h","output":"o","output_fields":{"evt.time":1690000000123456789,"fd.connected":true,"proc.name":"ca\"t","proc.pid":null},"priority":"Informational","rule":"R","source":"syscall","tags":["a"],"time":"2023-07-22T04:26:40.000000005Z"}"#
        );
    }
}
