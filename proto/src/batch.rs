//! A batch whose alerts are slices of the buffer that it came in.

use bytes::{Buf, BufMut};
use prost::DecodeError;
use prost::Message;
use prost::encoding::{
    DecodeContext, WireType, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len,
    skip_field, uint64,
};

use crate::raw::{RawAlert, malformed};

/// The field numbers of `cadge.v1.Batch`.
const FIRST_SEQUENCE: u32 = 1;
const ALERTS: u32 = 2;

/// `cadge.v1.Batch`: consecutive alerts of one epoch. Its alerts are not looked into, and not copied where
/// the buffer can be shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The sequence number of the first alert; the others follow without a gap.
    pub first_sequence: u64,
    /// The alerts, encoded when they were raised.
    pub alerts: Vec<RawAlert>,
}

impl Message for Batch {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if self.first_sequence != 0 {
            uint64::encode(FIRST_SEQUENCE, &self.first_sequence, buf);
        }
        for alert in &self.alerts {
            encode_key(ALERTS, WireType::LengthDelimited, buf);
            encode_varint(alert.as_bytes().len() as u64, buf);
            buf.put_slice(alert.as_bytes());
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
            (FIRST_SEQUENCE, _) => uint64::merge(wire_type, &mut self.first_sequence, buf, context),
            (ALERTS, WireType::LengthDelimited) => match usize::try_from(decode_varint(buf)?) {
                Ok(length) if length <= buf.remaining() => {
                    self.alerts.push(RawAlert::new(buf.copy_to_bytes(length)));
                    Ok(())
                }
                _ => Err(malformed()),
            },
            (ALERTS, _) => Err(malformed()),
            _ => skip_field(wire_type, tag, buf, context),
        }
    }

    fn encoded_len(&self) -> usize {
        let alert = |alert: &RawAlert| {
            let length = alert.as_bytes().len();
            key_len(ALERTS) + encoded_len_varint(length as u64) + length
        };
        let first = if self.first_sequence == 0 {
            0
        } else {
            uint64::encoded_len(FIRST_SEQUENCE, &self.first_sequence)
        };
        first + self.alerts.iter().map(alert).sum::<usize>()
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
        fn is_the_batch_of_the_proto_file(first_sequence: u64, rules: Vec<String>) {
            let alerts = rules.into_iter().map(|rule| crate::Alert { rule, ..Default::default() }).collect();
            let typed = typed::Batch { first_sequence, alerts };
            let batch = Batch::decode(typed.encode_to_vec().as_slice()).unwrap();
            prop_assert_eq!(batch.encoded_len(), typed.encoded_len());
            prop_assert_eq!(batch.encode_to_vec(), typed.encode_to_vec());
        }

        #[test]
        fn takes_what_the_typed_one_takes(bytes: Vec<u8>) {
            if typed::Batch::decode(bytes.as_slice()).is_ok() {
                prop_assert!(Batch::decode(bytes.as_slice()).is_ok());
            }
        }
    }
}
