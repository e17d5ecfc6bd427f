//! Alerts out of a response's bytes, without the types between: half of a consumer's time would go into making
//! those and taking them apart.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::alert::Alert;
use crate::fields::Fields;
use crate::priority::Priority;
use crate::time;

/// Bytes that are none of this kind.
#[derive(Debug)]
pub(crate) struct Malformed;

impl From<prost::DecodeError> for Malformed {
    fn from(_: prost::DecodeError) -> Self {
        Self
    }
}

/// A response with alerts: its `entries`, and the other fields by their numbers. All of those are numbers in
/// `SubscribeResponse` and in `SearchResponse`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    pub(crate) alerts: Vec<Alert>,
    numbers: [Option<u64>; 6],
}

impl Batch {
    /// The field with this number, if it is there.
    pub(crate) fn number(&self, field: usize) -> Option<u64> {
        self.numbers.get(field).copied().flatten()
    }

    /// A `cadge.v1.SubscribeResponse` or `cadge.v1.SearchResponse`.
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut batch = Self::default();
        let mut pairs = Vec::new();
        while !bytes.is_empty() {
            match decode_key(&mut bytes)? {
                (1, WireType::LengthDelimited) => {
                    let entry = entry(slice(&mut bytes)?, &mut pairs)?;
                    batch.alerts.extend(entry);
                }
                (field @ 2..=5, WireType::Varint) => {
                    batch.numbers[field as usize] = Some(decode_varint(&mut bytes)?);
                }
                (1..=5, _) => return Err(Malformed),
                (field, wire) => skip_field(wire, field, &mut bytes, DecodeContext::default())?,
            }
        }
        Ok(batch)
    }

    /// A `falco.outputs.response` or `cadge.v1.Alert`, alone.
    pub(crate) fn decode_one(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut alert = Alert::default();
        let mut draft = Draft { pairs: &mut Vec::new(), time: (0, 0) };
        draft.merge(&mut alert, bytes)?;
        draft.finish(&mut alert);
        Ok(Self { alerts: vec![alert], ..Self::default() })
    }
}

/// A `cadge.v1.Entry`. `None` if it has no alert.
fn entry<'a>(mut bytes: &'a [u8], pairs: &mut Vec<(&'a str, &'a str)>) -> Result<Option<Alert>, Malformed> {
    let (mut alert, mut is_there) = (Alert::default(), false);
    pairs.clear();
    let mut draft = Draft { pairs, time: (0, 0) };
    while !bytes.is_empty() {
        match decode_key(&mut bytes)? {
            (1, WireType::Varint) => alert.position = decode_varint(&mut bytes)?,
            (2, WireType::LengthDelimited) => {
                is_there = true;
                // A second one is merged into the first, as protobuf wants it.
                draft.merge(&mut alert, slice(&mut bytes)?)?;
            }
            (1 | 2, _) => return Err(Malformed),
            (field, wire) => skip_field(wire, field, &mut bytes, DecodeContext::default())?,
        }
    }
    draft.finish(&mut alert);
    Ok(is_there.then_some(alert))
}

/// What of an alert is put together at its end.
struct Draft<'a, 'b> {
    pairs: &'b mut Vec<(&'a str, &'a str)>,
    /// Seconds and nanoseconds.
    time: (i64, i32),
}

impl<'a> Draft<'a, '_> {
    /// The fields of `cadge.v1.Alert`.
    fn merge(&mut self, alert: &mut Alert, mut bytes: &'a [u8]) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            let (field, wire) = decode_key(&mut bytes)?;
            match (field, wire) {
                (1, WireType::LengthDelimited) => moment(slice(&mut bytes)?, &mut self.time)?,
                (2, WireType::Varint) => {
                    alert.priority = Priority::from_number(narrow(decode_varint(&mut bytes)?));
                }
                (3, WireType::Varint) => drop(decode_varint(&mut bytes)?),
                (4, WireType::LengthDelimited) => text(&mut bytes)?.clone_into(&mut alert.rule),
                (5, WireType::LengthDelimited) => text(&mut bytes)?.clone_into(&mut alert.output),
                (6, WireType::LengthDelimited) => self.pairs.push(pair(slice(&mut bytes)?)?),
                (7, WireType::LengthDelimited) => text(&mut bytes)?.clone_into(&mut alert.hostname),
                (8, WireType::LengthDelimited) => alert.tags.push(text(&mut bytes)?.to_owned()),
                (9, WireType::LengthDelimited) => text(&mut bytes)?.clone_into(&mut alert.source),
                (16, WireType::LengthDelimited) => text(&mut bytes)?.clone_into(&mut alert.sensor),
                (17, WireType::Varint) => alert.epoch = decode_varint(&mut bytes)?,
                (18, WireType::Varint) => alert.sequence = decode_varint(&mut bytes)?,
                (1..=9 | 16..=18, _) => return Err(Malformed),
                (field, wire) => skip_field(wire, field, &mut bytes, DecodeContext::default())?,
            }
        }
        Ok(())
    }

    fn finish(self, alert: &mut Alert) {
        alert.time = time::moment(self.time.0, self.time.1);
        alert.output_fields = Fields::from_pairs(self.pairs);
    }
}

/// The fields of a timestamp.
fn moment(mut bytes: &[u8], (seconds, nanos): &mut (i64, i32)) -> Result<(), Malformed> {
    while !bytes.is_empty() {
        match decode_key(&mut bytes)? {
            (1, WireType::Varint) => *seconds = decode_varint(&mut bytes)?.cast_signed(),
            (2, WireType::Varint) => *nanos = narrow(decode_varint(&mut bytes)?),
            (1 | 2, _) => return Err(Malformed),
            (field, wire) => skip_field(wire, field, &mut bytes, DecodeContext::default())?,
        }
    }
    Ok(())
}

/// The key and the value of a map's entry.
fn pair(mut bytes: &[u8]) -> Result<(&str, &str), Malformed> {
    let mut pair = ("", "");
    while !bytes.is_empty() {
        match decode_key(&mut bytes)? {
            (1, WireType::LengthDelimited) => pair.0 = text(&mut bytes)?,
            (2, WireType::LengthDelimited) => pair.1 = text(&mut bytes)?,
            (1 | 2, _) => return Err(Malformed),
            (field, wire) => skip_field(wire, field, &mut bytes, DecodeContext::default())?,
        }
    }
    Ok(pair)
}

/// A number of 32 bits, as protobuf takes it from a wider one.
#[allow(clippy::cast_possible_truncation, reason = "protobuf cuts too")]
fn narrow(value: u64) -> i32 {
    value as i32
}

fn text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    str::from_utf8(slice(bytes)?).map_err(|_| Malformed)
}

fn slice<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(decode_varint(bytes)?).map_err(|_| Malformed)?;
    let (slice, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
    *bytes = rest;
    Ok(slice)
}

#[cfg(test)]
mod tests;
