//! Makes alerts of the events in a request, one by one.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cadge_proto::cadge::v1::Event;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::{PushRequest, RefusedEvent};
use cadge_proto::{ALERT_BYTES_MAX, Alert, BATCH_ALERTS_MAX, BATCH_BYTES_MAX, Priority};
use prost::Message as _;

use crate::error::CallError;
use crate::readable::is_date;
use crate::unordered::{Defaults, FIELDS_MAX, TAGS_MAX, make};

/// The source of an event that names none.
const SOURCE: &str = "input";

/// What becomes of the events of a request.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Those that can be kept, with their identities.
    pub(super) alerts: Vec<(u64, RawAlert)>,
    /// The others.
    pub(super) refused: Vec<RefusedEvent>,
}

/// Who hands events in.
pub(super) struct Caller<'a> {
    /// The name under which they are kept.
    pub(super) sensor: &'a str,
    /// The host of those that name none.
    pub(super) name: &'a str,
}

/// An error for a request that is too large as a whole.
pub(super) fn check(request: &PushRequest) -> Result<(), CallError> {
    if request.excess > 0 {
        let count = request.events.len() + request.excess;
        let text =
            format!("{count} events in one request: send them in several, of {BATCH_ALERTS_MAX} at most");
        return Err(CallError::Request(text));
    }
    let bytes = bytes(request);
    if bytes > BATCH_BYTES_MAX && request.events.len() > 1 {
        let text = format!(
            "{bytes} bytes of events in one request: send them in several, of {BATCH_BYTES_MAX} at most"
        );
        return Err(CallError::Request(text));
    }
    Ok(())
}

/// Bytes of a request's events.
pub(super) fn bytes(request: &PushRequest) -> usize {
    request.events.iter().map(Bytes::len).sum()
}

/// Makes alerts of all events. `before` had come in the stream already.
pub(super) fn take(request: &PushRequest, before: u64, caller: &Caller<'_>) -> Taken {
    let (mut taken, mut now) = (Taken::default(), SystemTime::now());
    for (number, event) in (before + 1..).zip(&request.events) {
        // Events of one request that say no time are told apart by it, and so is their order.
        now += Duration::from_nanos(1);
        match alert(event, now, caller) {
            Ok(alert) => taken.alerts.push(alert),
            Err(reason) => taken.refused.push(RefusedEvent { number, reason }),
        }
    }
    taken
}

/// An alert of an event, or why there is none.
fn alert(event: &Bytes, now: SystemTime, caller: &Caller<'_>) -> Result<(u64, RawAlert), String> {
    if event.len() > ALERT_BYTES_MAX {
        return Err(format!("it has {} bytes; {ALERT_BYTES_MAX} are allowed", event.len()));
    }
    let event = Event::decode(event.clone()).map_err(|error| format!("it can't be read: {error}"))?;
    if Priority::try_from(event.priority).is_err() {
        return Err(format!("unknown priority {}: expected 0 (Emergency) to 7 (Debug)", event.priority));
    }
    let time = event.time.unwrap_or_else(|| now.into());
    if !is_date(time.seconds, time.nanos) {
        let text =
            "is no time: expected seconds since 1970, within the years 1 to 9999, and 0 to 999999999 ns";
        return Err(format!("`{} s {} ns` {text}", time.seconds, time.nanos));
    }
    let lists =
        [("output fields", event.output_fields.len(), FIELDS_MAX), ("tags", event.tags.len(), TAGS_MAX)];
    if let Some((what, count, most)) = lists.into_iter().find(|(_, count, most)| count > most) {
        return Err(format!("{count} {what}: {most} are allowed"));
    }
    let alert = Alert {
        time: Some(time),
        priority: event.priority,
        rule: event.rule,
        output: event.output,
        output_fields: event.output_fields,
        hostname: event.hostname,
        tags: event.tags,
        source: event.source,
        sensor: caller.sensor.to_owned(),
        ..Alert::default()
    };
    make(alert, Defaults { hostname: caller.name, source: SOURCE }).map_err(|unfit| unfit.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CALLER: Caller<'static> = Caller { sensor: "input/c", name: "c" };

    fn request(events: &[Event]) -> PushRequest {
        PushRequest { events: events.iter().map(|event| event.encode_to_vec().into()).collect(), excess: 0 }
    }

    fn event() -> Event {
        Event { rule: "R".to_owned(), output: "o".to_owned(), ..Event::default() }
    }

    fn refusal(event: Event) -> String {
        let mut taken = take(&request(&[event]), 0, &CALLER);
        assert_eq!((taken.alerts.len(), taken.refused.len()), (0, 1));
        taken.refused.remove(0).reason
    }

    #[test]
    fn what_an_event_leaves_out_is_filled_in() {
        let tags = vec!["b".to_owned(), "a".to_owned()];
        let taken = take(&request(&[Event { tags, priority: 5, ..event() }, event()]), 0, &CALLER);
        let alerts: Vec<_> = taken.alerts.iter().map(|(_, alert)| alert.decode().unwrap()).collect();
        let alert = &alerts[0];
        assert_eq!((&*alert.sensor, &*alert.hostname, &*alert.source), ("input/c", "c", "input"));
        assert_eq!((alert.priority, alert.epoch, &*alert.rule, &*alert.output), (5, 0, "R", "o"));
        assert_eq!(alert.tags, ["a", "b"]);
        let later = |alert: &Alert| alert.time.map(|time| (time.seconds, time.nanos));
        assert!(later(&alerts[1]) > later(alert), "in their order");
    }

    #[test]
    fn each_refusal_says_why() {
        let at = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
        let many = |count: usize| (0..count).map(|number| number.to_string());
        let fields = many(1025).map(|number| (number, String::new())).collect();
        for (bad, why) in [
            (Event { rule: String::new(), ..event() }, "the rule's name is empty"),
            (Event { priority: 8, ..event() }, "unknown priority 8"),
            (Event { priority: -1, ..event() }, "unknown priority -1"),
            (Event { time: at(i64::MAX, 0), ..event() }, "is no time"),
            (Event { time: at(0, 1_000_000_000), ..event() }, "is no time"),
            (Event { time: at(0, -1), ..event() }, "is no time"),
            (Event { output: "x".repeat(ALERT_BYTES_MAX), ..event() }, "262144 are allowed"),
            (Event { tags: many(257).collect(), ..event() }, "257 tags: 256 are allowed"),
            (Event { output_fields: fields, ..event() }, "1025 output fields: 1024 are allowed"),
            (Event { rule: String::new(), time: at(0, 0), ..event() }, "empty"),
        ] {
            let reason = refusal(bad);
            assert!(reason.contains(why), "{reason}, not {why}");
        }
        // The sensor's name and the source come on top of what was sent.
        let near = Event { output: "x".repeat(ALERT_BYTES_MAX - 20), ..event() };
        assert!(refusal(near).contains("262144 are allowed"));
    }

    #[test]
    fn refused_ones_have_their_numbers_and_cost_no_other() {
        let mut request = request(&[event(), Event::default(), event()]);
        request.events.push(Bytes::from_static(&[0x12, 0x01, 0xff]));
        let taken = take(&request, 10, &CALLER);
        assert_eq!(taken.alerts.len(), 2);
        assert_eq!(taken.refused.iter().map(|refused| refused.number).collect::<Vec<_>>(), [12, 14]);
        assert!(taken.refused[1].reason.starts_with("it can't be read: "), "{:?}", taken.refused);
    }

    #[test]
    fn a_request_is_bounded() {
        let events = |count, length: usize| vec![Bytes::from(vec![0; length]); count];
        let checked =
            |events, excess| check(&PushRequest { events, excess }).map_err(|error| error.to_string());
        assert!(checked(events(4096, 512), 0).is_ok());
        assert!(checked(events(4096, 1), 1).unwrap_err().contains("4097 events in one request"));
        assert!(checked(events(4096, 513), 0).unwrap_err().contains("2101248 bytes of events"));
        // One that is too large is refused by its number.
        assert!(checked(events(1, 3 << 20), 0).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let time = Some(prost_types::Timestamp { seconds: 1, nanos: 2 });
            let mut garbled = Event { time, tags: vec!["t".to_owned()], ..event() }.encode_to_vec();
            let at = at.index(garbled.len());
            garbled[at] = byte;
            let events = vec![bytes.into(), garbled.into()];
            let taken = take(&PushRequest { events, excess: 0 }, 0, &CALLER);
            prop_assert_eq!(taken.alerts.len() + taken.refused.len(), 2);
        }
    }
}
