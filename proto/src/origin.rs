//! Whose an alert is, and what decides whether every client can read it: found without decoding it.
//!
//! A hub asks this of each alert. To decode one allocates some thirty strings; this walk allocates nothing.

use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::raw::RawAlert;

/// What names an alert for ever, and what not every client can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The sensor's name.
    pub sensor: std::borrow::Cow<'a, str>,
    /// The epoch of its spool.
    pub epoch: u64,
    /// The number in that epoch.
    pub sequence: u64,
    /// The source's name.
    pub source: std::borrow::Cow<'a, str>,
    /// The source's number.
    pub source_number: i32,
    /// The priority's number.
    pub priority: i32,
    /// The time's seconds and nanoseconds.
    pub time: Option<(i64, i32)>,
}

impl RawAlert {
    /// Whose it is. An error if it can't be decoded.
    pub fn origin(&self) -> Result<Origin<'_>, DecodeError> {
        // What is unusual, such as a field of tomorrow, is decoded after all.
        if let Some(origin) = walk(self.as_bytes()) {
            return Ok(origin);
        }
        let alert = self.decode()?;
        Ok(Origin {
            sensor: alert.sensor.into(),
            epoch: alert.epoch,
            sequence: alert.sequence,
            source: alert.source.into(),
            source_number: alert.source_deprecated,
            priority: alert.priority,
            time: alert.time.map(|time| (time.seconds, time.nanos)),
        })
    }
}

/// Goes through the fields of `cadge.v1.Alert`. `None` for anything but what a sensor writes.
fn walk(mut bytes: &[u8]) -> Option<Origin<'_>> {
    let mut origin = Origin::default();
    while !bytes.is_empty() {
        match decode_key(&mut bytes).ok()? {
            (1, WireType::LengthDelimited) => {
                let time = origin.time.get_or_insert_default();
                moment(slice(&mut bytes)?, time)?;
            }
            (2, WireType::Varint) => origin.priority = narrow(decode_varint(&mut bytes).ok()?),
            (3, WireType::Varint) => origin.source_number = narrow(decode_varint(&mut bytes).ok()?),
            (4 | 5 | 7 | 8, WireType::LengthDelimited) => drop(text(&mut bytes)?),
            (9, WireType::LengthDelimited) => origin.source = text(&mut bytes)?.into(),
            (6, WireType::LengthDelimited) => entry(slice(&mut bytes)?)?,
            (16, WireType::LengthDelimited) => origin.sensor = text(&mut bytes)?.into(),
            (17, WireType::Varint) => origin.epoch = decode_varint(&mut bytes).ok()?,
            (18, WireType::Varint) => origin.sequence = decode_varint(&mut bytes).ok()?,
            _ => return None,
        }
    }
    Some(origin)
}

/// The fields of a timestamp: of several the last counts.
fn moment(mut bytes: &[u8], (seconds, nanos): &mut (i64, i32)) -> Option<()> {
    while !bytes.is_empty() {
        let (number, WireType::Varint) = decode_key(&mut bytes).ok()? else { return None };
        let value = decode_varint(&mut bytes).ok()?;
        match number {
            1 => *seconds = value.cast_signed(),
            2 => *nanos = narrow(value),
            _ => return None,
        }
    }
    Some(())
}

/// A number of 32 bits, as protobuf takes it from a wider one.
#[allow(clippy::cast_possible_truncation, reason = "protobuf cuts too")]
fn narrow(value: u64) -> i32 {
    value as i32
}

/// The key and the value of an output field.
fn entry(mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        let (1 | 2, WireType::LengthDelimited) = decode_key(&mut bytes).ok()? else { return None };
        text(&mut bytes)?;
    }
    Some(())
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    str::from_utf8(slice(bytes)?).ok()
}

fn slice<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    let (slice, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(slice)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn alert() -> impl Strategy<Value = crate::Alert> {
        let texts = (".*", ".*", proptest::collection::vec(".*", 0..4));
        let fields = proptest::collection::hash_map(".*", ".*", 0..4);
        let numbers = (any::<u64>(), any::<u64>(), any::<i32>(), any::<i64>(), any::<i32>());
        (texts, fields, numbers).prop_map(|((rule, sensor, tags), output_fields, numbers)| {
            let (epoch, sequence, priority, seconds, nanos) = numbers;
            let time = Some(prost_types::Timestamp { seconds, nanos });
            crate::Alert {
                time,
                priority,
                source_deprecated: priority ^ 1,
                source: rule.clone(),
                rule,
                sensor,
                tags,
                output_fields,
                epoch,
                sequence,
                ..Default::default()
            }
        })
    }

    /// The walk agrees with prost wherever it answers.
    fn agrees(bytes: &[u8]) -> Option<()> {
        let origin = walk(bytes)?;
        let alert = crate::Alert::decode(bytes).expect("what the walk takes can be decoded");
        assert_eq!(
            (&*origin.sensor, origin.epoch, origin.sequence),
            (&*alert.sensor, alert.epoch, alert.sequence)
        );
        let time = alert.time.map(|time| (time.seconds, time.nanos));
        assert_eq!(
            (&*origin.source, origin.source_number, origin.priority, origin.time),
            (&*alert.source, alert.source_deprecated, alert.priority, time)
        );
        Some(())
    }

    proptest! {
        #[test]
        fn answers_for_what_a_sensor_writes(alert in alert()) {
            prop_assert!(agrees(&alert.encode_to_vec()).is_some());
        }

        #[test]
        fn agrees_on_what_was_garbled(alert in alert(), at: prop::sample::Index, byte: u8) {
            let mut bytes = alert.encode_to_vec();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = agrees(&bytes);
            prop_assert_eq!(RawAlert::new(bytes.clone()).origin().is_ok(), crate::Alert::decode(bytes.as_slice()).is_ok());
        }

        #[test]
        fn agrees_on_any_bytes(bytes: Vec<u8>) {
            let _ = agrees(&bytes);
        }
    }

    #[test]
    fn what_is_unusual_is_decoded() {
        // A field with the number 100, of another version.
        let mut bytes = crate::Alert { sensor: "a".to_owned(), epoch: 2, sequence: 3, ..Default::default() }
            .encode_to_vec();
        bytes.extend_from_slice(&[0xa0, 0x06, 0x01]);
        assert_eq!(walk(&bytes), None);
        let alert = RawAlert::new(bytes);
        assert_eq!(
            alert.origin().unwrap(),
            Origin { sensor: "a".into(), epoch: 2, sequence: 3, ..Origin::default() }
        );
        assert!(RawAlert::new(vec![0x22, 0x01, 0xff]).origin().is_err(), "not UTF-8");
    }
}
