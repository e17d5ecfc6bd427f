//! `jevt.*` and `json.*`: events that are JSON objects.

use serde_json::Value as Json;

use super::row::{made, number, row, text};
use super::{Field, FieldArg, Get, Type, Value};
use crate::Event;

/// Sorted by name.
pub(super) const JEVT: &[Field] = &[
    made("jevt.obj", "the whole object, as JSON", object),
    number("jevt.rawtime", Type::Abstime, "when it happened, in nanoseconds since 1970", |e| {
        e.json.map(|_| Value::number(e.time_ns))
    }),
    row(
        "jevt.value",
        Type::Charbuf,
        "the value at a JSON pointer: jevt.value[/user/name]",
        Get::Made(pointed),
    )
    .needs_arg(),
];

/// Sorted by name.
pub(super) const JSON: &[Field] = &[
    made("json.obj", "the whole object, as JSON", object),
    number("json.rawtime", Type::Abstime, "when it happened, in nanoseconds since 1970", |e| {
        e.json.map(|_| Value::number(e.time_ns))
    }),
    text("json.type", "always `object`, where there is one", |e| e.json.map(|_| Value::text("object"))),
    row(
        "json.value",
        Type::Charbuf,
        "the value at a JSON pointer: json.value[/user/name]",
        Get::Made(pointed),
    )
    .needs_arg(),
];

fn object<'a>(event: &Event<'a>, _: &FieldArg, out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    written(event.json?, out)
}

/// RFC 6901: `/a/0/b`, with `~1` for `/` and `~0` for `~`.
fn pointed<'a>(event: &Event<'a>, which: &FieldArg, out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    written(event.json?.pointer(&which.text)?, out)
}

/// A value as text: what is no text as JSON. `null` is missing.
pub(super) fn written<'a>(json: &'a Json, out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(Value::text(text)),
        other => {
            serde_json::to_writer(&mut *out, other).ok()?;
            Some(Value::Text(out))
        }
    }
}

/// Hands over each value at a path, in which `*` stands for every item of an array. Answers whether the
/// path leads anywhere.
pub(super) fn each(json: &Json, path: &str, see: &mut dyn FnMut(&Json)) -> bool {
    let Some((part, rest)) = path.split_once('/').or((!path.is_empty()).then_some((path, ""))) else {
        if !json.is_null() {
            see(json);
        }
        return !json.is_null();
    };
    match (part, json) {
        ("", _) => each(json, rest, see),
        ("*", Json::Array(items)) => {
            for item in items {
                each(item, rest, see);
            }
            true
        }
        (key, Json::Object(map)) => {
            let key = if key.contains('~') { &*key.replace("~1", "/").replace("~0", "~") } else { key };
            map.get(key).is_some_and(|value| each(value, rest, see))
        }
        _ => false,
    }
}
