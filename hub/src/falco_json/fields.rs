//! The lists within an alert: output fields and tags, both bounded while they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Formatter;

use cadge_proto::json::MISSING;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::unordered::{FIELDS_MAX, TAGS_MAX};

/// How deep a field's value may nest: as deep as `serde_json` reads anything.
const DEPTH_MAX: usize = 128;

/// Output fields, as text: numbers stand as they were written, so that none loses a digit, and a
/// value that is missing is `<NA>`, as Falco's own gRPC output had it.
#[derive(Default)]
pub(super) struct Fields(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object of output fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if fields.len() == FIELDS_MAX {
                return Err(A::Error::custom(format!("more than {FIELDS_MAX} output fields")));
            }
            let value = text(members.next_value::<&RawValue>()?.get()).map_err(A::Error::custom)?;
            fields.insert(name.into_owned(), value);
        }
        Ok(Fields(fields))
    }
}

/// A value as text.
fn text(json: &str) -> Result<String, String> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map_err(|error| error.to_string()),
        Some(b'n') => Ok(MISSING.to_owned()),
        Some(b'{' | b'[') if depth(json) > DEPTH_MAX => {
            Err(format!("an output field nests more than {DEPTH_MAX} deep"))
        }
        _ => Ok(json.to_owned()),
    }
}

/// How deep valid JSON nests.
fn depth(json: &str) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A rule's tags.
#[derive(Default)]
pub(super) struct Tags(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_seq(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags;

    fn expecting(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.write_str("an array of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tags, A::Error> {
        let mut tags = Vec::new();
        while let Some(tag) = list.next_element()? {
            if tags.len() == TAGS_MAX {
                return Err(A::Error::custom(format!("more than {TAGS_MAX} tags")));
            }
            tags.push(tag);
        }
        Ok(Tags(tags))
    }
}
