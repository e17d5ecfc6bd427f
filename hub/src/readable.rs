//! Makes an alert one that Falco's old clients can read, whatever a sensor has put into it.
//!
//! The Python client looks up priority and source by number, and turns the time into a date: what it does
//! not know ends its stream. No client is to be stopped by an alert.

use cadge_proto::raw::RawAlert;
use cadge_proto::{Alert, Origin, Priority, source_number};
use prost::Message as _;

/// The source of an alert that names none: Falco's own.
const SOURCE: &str = "syscall";

/// Seconds since 1970 that are a date in every client, in any time zone: within the years 1 to 9999.
const SECONDS: std::ops::Range<i64> = -62_135_000_000..253_402_000_000;

/// Nanoseconds of a second.
const NANOS: std::ops::Range<i32> = 0..1_000_000_000;

/// Whether every client can read it as it is.
pub(crate) fn is_readable(origin: &Origin<'_>) -> bool {
    !origin.source.is_empty()
        && origin.source_number == i32::from(source_number(&origin.source))
        && Priority::try_from(origin.priority).is_ok()
        && origin.time.is_none_or(|(seconds, nanos)| is_date(seconds, nanos))
}

/// The same with what had to be amended. `None` if it is no alert.
pub(crate) fn amended(encoded: &RawAlert) -> Option<RawAlert> {
    let mut alert = encoded.decode().ok()?;
    amend(&mut alert);
    Some(RawAlert::new(alert.encode_to_vec()))
}

/// Whether a time is a date in every client.
pub(crate) fn is_date(seconds: i64, nanos: i32) -> bool {
    SECONDS.contains(&seconds) && NANOS.contains(&nanos)
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
    if alert.time.is_some_and(|time| !is_date(time.seconds, time.nanos)) {
        alert.time = None;
        is_amended = true;
    }
    is_amended
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What becomes of an alert.
    fn readable(raw: &RawAlert) -> RawAlert {
        if is_readable(&raw.origin().unwrap()) { raw.clone() } else { amended(raw).unwrap() }
    }

    fn encoded(alert: &Alert) -> RawAlert {
        RawAlert::new(alert.encode_to_vec())
    }

    #[test]
    fn what_can_be_read_keeps_its_bytes() {
        // A field that is not known: decoding and encoding again would lose it.
        let mut bytes = Alert { source: "okta".to_owned(), priority: 7, ..Alert::default() }.encode_to_vec();
        bytes.extend([0x98, 0x06, 0x01]);
        let raw = RawAlert::new(bytes);
        assert_eq!(readable(&raw), raw);
    }

    #[test]
    fn a_plugins_source_is_not_sent_by_its_number() {
        let alert = Alert { source: "okta".to_owned(), source_deprecated: 3, ..Alert::default() };
        let amended = readable(&encoded(&alert)).decode().unwrap();
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
            let read = readable(&encoded(&alert)).decode().unwrap();
            prop_assert!((0..=7).contains(&read.priority) && (0..=2).contains(&read.source_deprecated));
            prop_assert!(!read.source.is_empty());
            prop_assert!(read.time.is_none_or(|time| SECONDS.contains(&time.seconds)));
            prop_assert_eq!(read.sequence, sequence);
            prop_assert!(!amend(&mut read.clone()) && is_readable(&encoded(&read).origin().unwrap()));
            prop_assert_eq!(is_readable(&encoded(&alert).origin().unwrap()), !amend(&mut alert.clone()));
        }
    }
}
