//! Makes an alert one that Falco's old clients can read, whatever a sensor has put into it.
//!
//! The Python client looks up priority and source by number, and turns the time into a date: what it does
//! not know ends its stream. No client is to be stopped by an alert.

use cadge_proto::raw::RawAlert;
use cadge_proto::{Alert, Priority, source_number};
use prost::Message as _;

/// The source of an alert that names none: Falco's own.
const SOURCE: &str = "syscall";

/// Seconds since 1970 that are a date in every client, in any time zone: within the years 1 to 9999.
const SECONDS: std::ops::Range<i64> = -62_135_000_000..253_402_000_000;

/// Nanoseconds of a second.
const NANOS: std::ops::Range<i32> = 0..1_000_000_000;

/// The same bytes, unless something has to be amended.
pub(crate) fn readable(encoded: RawAlert, mut alert: Alert) -> RawAlert {
    if amend(&mut alert) { RawAlert::new(alert.encode_to_vec()) } else { encoded }
}

/// Puts in what every client knows for what some do not. Answers whether there was anything.
pub(crate) fn amend(alert: &mut Alert) -> bool {
    let mut is_amended = false;
    if alert.source.is_empty() {
        SOURCE.clone_into(&mut alert.source);
        is_amended = true;
    }
    let number = i32::from(source_number(&alert.source));
    if alert.source_deprecated != number {
        alert.source_deprecated = number;
        is_amended = true;
    }
    if Priority::try_from(alert.priority).is_err() {
        alert.priority = alert.priority.clamp(Priority::Emergency.into(), Priority::Debug.into());
        is_amended = true;
    }
    let is_date =
        |time: &prost_types::Timestamp| SECONDS.contains(&time.seconds) && NANOS.contains(&time.nanos);
    if alert.time.is_some_and(|time| !is_date(&time)) {
        alert.time = None;
        is_amended = true;
    }
    is_amended
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(alert: &Alert) -> RawAlert {
        RawAlert::new(alert.encode_to_vec())
    }

    #[test]
    fn what_can_be_read_keeps_its_bytes() {
        // A field that is not known: decoding and encoding again would lose it.
        let mut bytes = Alert { source: "okta".to_owned(), priority: 7, ..Alert::default() }.encode_to_vec();
        bytes.extend([0x98, 0x06, 0x01]);
        let raw = RawAlert::new(bytes);
        assert_eq!(readable(raw.clone(), raw.decode().unwrap()), raw);
    }

    #[test]
    fn a_plugins_source_is_not_sent_by_its_number() {
        let alert = Alert { source: "okta".to_owned(), source_deprecated: 3, ..Alert::default() };
        let amended = readable(encoded(&alert), alert).decode().unwrap();
        assert_eq!((amended.source_deprecated, amended.source.as_str()), (0, "okta"));
    }

    proptest! {
        #[test]
        fn any_alert_can_be_read_and_keeps_its_identity(
            (priority, number, source) in (any::<i32>(), any::<i32>(), "[a-z_]{0,9}"),
            time in proptest::option::of((any::<i64>(), any::<i32>())),
            sequence in any::<u64>(),
        ) {
            let time = time.map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos });
            let alert =
                Alert { priority, source_deprecated: number, source, time, sequence, ..Alert::default() };
            let read = readable(encoded(&alert), alert).decode().unwrap();
            prop_assert!((0..=7).contains(&read.priority) && (0..=2).contains(&read.source_deprecated));
            prop_assert!(!read.source.is_empty());
            prop_assert!(read.time.is_none_or(|time| SECONDS.contains(&time.seconds)));
            prop_assert_eq!(read.sequence, sequence);
            prop_assert!(!amend(&mut read.clone()));
        }
    }
}
