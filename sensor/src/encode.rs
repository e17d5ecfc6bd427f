//! An alert as the bytes that it is from here on: in the spool, in the hub's log, at every consumer.

use cadge_engine::Alert;
use cadge_proto::{ALERT_BYTES_MAX, source_number};
use jiff::tz::TimeZone;
use prost::Message as _;

/// Bytes of one field that are kept when an alert is too large.
const CUT_FIELD_BYTES: usize = 1024;

/// Bytes of the output that are kept then.
const CUT_OUTPUT_BYTES: usize = 64 << 10;

/// What all alerts of this sensor have in common.
#[derive(Debug)]
pub struct Encoder {
    sensor: String,
    hostname: String,
    epoch: u64,
    zone: TimeZone,
}

impl Encoder {
    /// For a sensor, its host's name, and the epoch of its spool. Takes the time zone of the system.
    pub fn new(sensor: &str, hostname: &str, epoch: u64) -> Self {
        Self { sensor: sensor.to_owned(), hostname: hostname.to_owned(), epoch, zone: TimeZone::system() }
    }

    /// The alert's bytes, and whether something was cut to make it fit.
    pub(crate) fn encode(&self, alert: &Alert, sequence: u64) -> (Vec<u8>, bool) {
        let mut wire = self.wire(alert, sequence);
        let is_large = wire.encoded_len() > ALERT_BYTES_MAX;
        if is_large {
            cut(&mut wire.output, CUT_OUTPUT_BYTES);
            for text in wire.output_fields.values_mut() {
                cut(text, CUT_FIELD_BYTES);
            }
        }
        (wire.encode_to_vec(), is_large)
    }

    /// The alert as a message of the wire.
    pub fn wire(&self, alert: &Alert, sequence: u64) -> cadge_proto::Alert {
        let seconds = i64::try_from(alert.time_ns / 1_000_000_000).unwrap_or(i64::MAX);
        let nanos = i32::try_from(alert.time_ns % 1_000_000_000).unwrap_or_default();
        let offset = jiff::Timestamp::new(seconds, 0).map_or(0, |time| self.zone.to_offset(time).seconds());
        let fields = alert.output_fields.iter().map(|(name, text)| (name.to_string(), text.clone()));
        let time = ("evt.time".to_owned(), alert.time_ns.to_string());
        cadge_proto::Alert {
            time: Some(prost_types::Timestamp { seconds, nanos }),
            priority: alert.priority as i32,
            source_deprecated: source_number(&alert.source).into(),
            rule: alert.rule.to_string(),
            output: alert.output(offset),
            output_fields: fields.chain([time]).collect(),
            hostname: self.hostname.clone(),
            tags: alert.tags.iter().map(ToString::to_string).collect(),
            source: alert.source.to_string(),
            sensor: self.sensor.clone(),
            epoch: self.epoch,
            sequence,
        }
    }
}

fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadge_engine::Priority;
    use std::sync::Arc;

    fn alert(message: String) -> Alert {
        Alert {
            time_ns: 1_700_000_000_000_000_001,
            priority: Priority::Warning,
            rule: "R".into(),
            message,
            output_fields: vec![("proc.name".into(), "cat".into())],
            tags: Arc::from([Arc::from("a")]),
            source: "syscall".into(),
        }
    }

    #[test]
    fn the_wire_has_all_of_it() {
        let encoder = Encoder::new("s", "h", 7);
        let (bytes, cut) = encoder.encode(&alert("message".to_owned()), 3);
        let decoded = cadge_proto::Alert::decode(bytes.as_slice()).unwrap();
        assert!(!cut);
        assert!(decoded.output.ends_with(".000000001: Warning message"), "{}", decoded.output);
        assert_eq!((decoded.epoch, decoded.sequence, decoded.priority), (7, 3, 4));
        assert_eq!(decoded.output_fields["evt.time"], "1700000000000000001");
    }

    #[test]
    fn no_alert_is_too_large_for_the_hub() {
        let (bytes, cut) = Encoder::new("s", "h", 7).encode(&alert("é".repeat(ALERT_BYTES_MAX)), 1);
        assert!(cut && bytes.len() <= ALERT_BYTES_MAX);
    }
}
