//! Events that are handed in, each a slice of the buffer that it came in: one that is no event costs no other.

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len,
    skip_field,
};
use prost::{DecodeError, Message};

use crate::BATCH_ALERTS_MAX;
use crate::raw::malformed;

/// The field number of `cadge.v1.PushRequest`.
const EVENTS: u32 = 1;

/// `cadge.v1.PushRequest`. Its events are not looked into: millions that are empty would take a hundred times
/// the memory of the request once they are decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushRequest {
    /// The events, encoded: at most [`BATCH_ALERTS_MAX`].
    pub events: Vec<Bytes>,
    /// How many more there were. They are not kept.
    pub excess: usize,
}

impl Message for PushRequest {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        for event in &self.events {
            encode_key(EVENTS, WireType::LengthDelimited, buf);
            encode_varint(event.len() as u64, buf);
            buf.put_slice(event);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        match (tag, wire_type) {
            (EVENTS, WireType::LengthDelimited) => match usize::try_from(decode_varint(buf)?) {
                Ok(length) if length <= buf.remaining() => {
                    if self.events.len() < BATCH_ALERTS_MAX {
                        self.events.push(buf.copy_to_bytes(length));
                    } else {
                        buf.advance(length);
                        self.excess += 1;
                    }
                    Ok(())
                }
                _ => Err(malformed()),
            },
            (EVENTS, _) => Err(malformed()),
            _ => skip_field(wire_type, tag, buf, context),
        }
    }

    fn encoded_len(&self) -> usize {
        let event = |event: &Bytes| key_len(EVENTS) + encoded_len_varint(event.len() as u64) + event.len();
        self.events.iter().map(event).sum()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cadge::v1 as typed;

    proptest! {
        #[test]
        fn is_the_request_of_the_proto_file(rules: Vec<String>) {
            let events = rules.into_iter().map(|rule| typed::Event { rule, ..Default::default() }).collect();
            let typed = typed::PushRequest { events };
            let request = PushRequest::decode(typed.encode_to_vec().as_slice()).unwrap();
            prop_assert_eq!(request.events.len(), typed.events.len());
            prop_assert_eq!(request.encoded_len(), typed.encoded_len());
            prop_assert_eq!(request.encode_to_vec(), typed.encode_to_vec());
        }

        #[test]
        fn takes_what_the_typed_one_takes(bytes: Vec<u8>) {
            if typed::PushRequest::decode(bytes.as_slice()).is_ok() {
                prop_assert!(PushRequest::decode(bytes.as_slice()).is_ok());
            }
        }
    }

    #[test]
    fn more_events_than_may_be_are_counted_only() {
        let bytes = [0x0a, 0x00].repeat(BATCH_ALERTS_MAX + 3);
        let request = PushRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!((request.events.len(), request.excess), (BATCH_ALERTS_MAX, 3));
    }
}
