//! What a status of gRPC means for what was sent, as the protocol's specification says.

use std::error::Error;
use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Status};

use crate::SendError;

/// Bytes of a status's text that are shown.
const TEXT_BYTES_MAX: usize = 200;

/// What may go well at another time, and what never will.
pub(super) fn judge(status: &Status) -> SendError {
    // The collector's own words have no cause here; those of a connection that failed do.
    if let Some(cause) = status.source() {
        return SendError::broken(cause);
    }
    let text = status.message().trim();
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let cause = format!("it answered {:?}: {text}", status.code());
    let told = RetryInfo::of(status.details());
    // At once is what the usual pause is for.
    let after = told.filter(|after| !after.is_zero());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => SendError::Retry { after, cause },
        // Without a word about when, the request is too large for it at any time.
        Code::ResourceExhausted if told.is_some() => SendError::Retry { after, cause },
        _ => SendError::Refused(cause),
    }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RetryInfo {
    /// When to come again: at once, if nothing is said of when. `None`: nothing is said of coming again.
    fn of(details: &[u8]) -> Option<Duration> {
        let details = Details::decode(details).ok()?.details;
        let found = details.iter().find(|detail| detail.kind.ends_with("/google.rpc.RetryInfo"))?;
        let delay = Self::decode(found.value.as_slice()).ok()?.delay.unwrap_or_default();
        let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
        Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A status's details that hold what `kind` says.
    fn details(kind: &str, delay: Option<Delay>) -> Vec<u8> {
        let other = Detail { kind: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(), value: vec![8, 1] };
        let kind = format!("type.googleapis.com/google.rpc.{kind}");
        let detail = Detail { kind, value: RetryInfo { delay }.encode_to_vec() };
        Details { details: vec![other, detail] }.encode_to_vec()
    }

    fn judged(code: Code, details: Vec<u8>) -> SendError {
        judge(&Status::with_details(code, "its words", details.into()))
    }

    #[test]
    fn codes_are_tried_again_as_the_specification_says() {
        for number in 1..=16 {
            let code = Code::from_i32(number);
            let is_retried = matches!(judged(code, Vec::new()), SendError::Retry { after: None, .. });
            assert_eq!(is_retried, [1, 4, 10, 11, 14, 15].contains(&number), "{code:?}");
        }
        let refused = judged(Code::PermissionDenied, Vec::new());
        assert_eq!(refused, SendError::Refused("it answered PermissionDenied: its words".to_owned()));
    }

    #[test]
    fn a_collector_says_when_to_come_again() {
        let (long, none) = (Delay { seconds: 2, nanos: 500_000_000 }, Delay::default());
        for (code, delay, expected) in [
            (Code::Unavailable, Some(long), Some(Duration::from_millis(2500))),
            (Code::ResourceExhausted, Some(long), Some(Duration::from_millis(2500))),
            (Code::ResourceExhausted, Some(none), None),
            (Code::ResourceExhausted, None, None),
        ] {
            let error = judged(code, details("RetryInfo", delay));
            assert!(matches!(error, SendError::Retry { after, .. } if after == expected), "{error:?}");
        }
        let error = judged(Code::ResourceExhausted, details("Help", Some(long)));
        assert!(matches!(error, SendError::Refused(_)), "{error:?}");
    }

    #[test]
    fn what_the_connection_says_is_not_the_collectors_word() {
        let broken = std::io::Error::other("no route");
        let error = judge(&Status::from_error(Box::new(broken)));
        assert!(matches!(&error, SendError::Unreachable(cause) if cause.contains("no route")), "{error:?}");
    }

    proptest! {
        #[test]
        fn any_details_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60),
            seconds: i64, nanos: i32, text in ".{0,300}") {
            let _ = judged(Code::ResourceExhausted, bytes);
            let _ = judge(&Status::new(Code::Unavailable, text));
            let _ = judged(Code::Unavailable, details("RetryInfo", Some(Delay { seconds, nanos })));
        }
    }
}
