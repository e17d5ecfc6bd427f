//! An alert as a record: its key is the sensor, its value the alert's bytes, and its headers say the
//! rule, the priority, and its number.

use cadge_proto::priority_name;
use prost::Message as _;
use rdkafka::message::{Header, Headers as _, OwnedHeaders};

/// The header with epoch and sequence number.
const NUMBER: &str = "number";

/// The little of an alert that its headers say: the rest is skipped.
#[derive(Clone, PartialEq, prost::Message)]
struct Heading {
    #[prost(int32, tag = "2")]
    priority: i32,
    #[prost(string, tag = "4")]
    rule: String,
}

/// Epoch and sequence number of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) epoch: u64,
    pub(super) sequence: u64,
}

impl Number {
    /// Reads `epoch/sequence`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (epoch, sequence) = std::str::from_utf8(text).ok()?.split_once('/')?;
        Some(Self { epoch: epoch.parse().ok()?, sequence: sequence.parse().ok()? })
    }

    /// The number that a record says; `None` if no hub has written it.
    pub(super) fn of(record: &impl rdkafka::Message) -> Option<Self> {
        let headers = record.headers()?;
        let last = headers.count().checked_sub(1)?;
        let header = headers.get(last);
        (header.key == NUMBER).then(|| Self::parse(header.value?)).flatten()
    }

    /// The headers of a record without an alert.
    pub(super) fn headers(self) -> OwnedHeaders {
        self.add_to(OwnedHeaders::new_with_capacity(1))
    }

    /// The headers of an alert's record.
    pub(super) fn headers_with(self, alert: &[u8]) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new_with_capacity(3);
        if let Ok(Heading { priority, rule }) = Heading::decode(alert) {
            headers = headers
                .insert(Header { key: "rule", value: Some(&rule) })
                .insert(Header { key: "priority", value: Some(priority_name(priority)) });
        }
        self.add_to(headers)
    }

    /// Always as the last, so that it is found at once.
    fn add_to(self, headers: OwnedHeaders) -> OwnedHeaders {
        let text = format!("{}/{}", self.epoch, self.sequence);
        headers.insert(Header { key: NUMBER, value: Some(&text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_say_rule_priority_and_number() {
        let alert = cadge_proto::Alert { rule: "R".to_owned(), priority: 4, ..Default::default() };
        let number = Number { epoch: 7, sequence: 9 };
        let headers = number.headers_with(&alert.encode_to_vec());
        let texts: Vec<_> =
            headers.iter().map(|header| (header.key, header.value.unwrap().to_vec())).collect();
        let expected = [("rule", &b"R"[..]), ("priority", b"Warning"), ("number", b"7/9")];
        assert_eq!(texts, expected.map(|(key, value)| (key, value.to_vec())));
    }

    proptest! {
        #[test]
        fn a_number_comes_back(epoch: u64, sequence: u64) {
            let number = Number { epoch, sequence };
            let headers = number.headers();
            prop_assert_eq!(Number::parse(headers.get(0).value.unwrap()), Some(number));
        }

        #[test]
        fn no_bytes_bring_it_down(text: Vec<u8>) {
            let _ = Number::parse(&text);
            let _ = Number { epoch: 1, sequence: 1 }.headers_with(&text);
        }
    }
}
