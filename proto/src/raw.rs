//! Alerts that stay encoded: the same services with [`RawAlert`] in place of the typed message.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint};

/// Falco's outputs service, over bytes.
pub mod outputs {
    #![allow(
        missing_docs,
        nonstandard_style,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    include!(concat!(env!("OUT_DIR"), "/raw/falco.outputs.rs"));
}

/// Cadge's own services, over bytes.
pub mod v1 {
    #![allow(
        missing_docs,
        nonstandard_style,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    include!(concat!(env!("OUT_DIR"), "/raw/cadge.v1.rs"));
    pub use crate::batch::Batch;
    pub use crate::push::PushRequest;
}

/// An encoded `cadge.v1.Alert`, which is also a valid `falco.outputs.response`. It goes onto the
/// wire as it is, so that an alert is encoded once in its life, by the sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawAlert(Bytes);

impl RawAlert {
    /// Wraps an encoded alert.
    pub fn new(encoded: impl Into<Bytes>) -> Self {
        Self(encoded.into())
    }

    /// The encoded alert.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The encoded alert, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Decodes it.
    pub fn decode(&self) -> Result<crate::Alert, DecodeError> {
        prost::Message::decode(self.0.clone())
    }
}

impl prost::Message for RawAlert {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        _: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut kept = BytesMut::from(std::mem::take(&mut self.0));
        encode_key(tag, wire_type, &mut kept);
        copy_field(wire_type, buf, &mut kept)?;
        self.0 = kept.freeze();
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Copies one field's value as it stands. Groups are refused: proto3 has none.
fn copy_field(wire_type: WireType, buf: &mut impl Buf, kept: &mut BytesMut) -> Result<(), DecodeError> {
    let length = match wire_type {
        WireType::Varint => {
            encode_varint(decode_varint(buf)?, kept);
            return Ok(());
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => {
            let length = decode_varint(buf)?;
            encode_varint(length, kept);
            length
        }
        WireType::StartGroup | WireType::EndGroup => return Err(malformed()),
    };
    match usize::try_from(length) {
        Ok(length) if length <= buf.remaining() => kept.put(buf.take(length)),
        _ => return Err(malformed()),
    }
    Ok(())
}

/// prost offers no public way to make an error of one's own, so a malformed key makes it.
pub(crate) fn malformed() -> DecodeError {
    decode_key(&mut Bytes::from_static(&[0])).expect_err("the key 0 is not valid")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    proptest! {
        #[test]
        fn passes_an_alert_on_unchanged(rule in ".*", sequence: u64, priority in 0..8i32, tags: Vec<String>) {
            let alert = crate::Alert { rule, sequence, priority, tags, ..crate::Alert::default() };
            let entry = crate::cadge::v1::Entry { position: 7, alert: Some(alert.clone()) };
            let raw = v1::Entry::decode(entry.encode_to_vec().as_slice()).unwrap();
            prop_assert_eq!(raw.encode_to_vec(), entry.encode_to_vec());
            prop_assert_eq!(raw.alert.unwrap().decode().unwrap(), alert);
        }

        #[test]
        fn never_panics_on_any_bytes(bytes: Vec<u8>) {
            let _ = v1::Batch::decode(bytes.as_slice());
            let _ = v1::PushRequest::decode(bytes.as_slice());
            let _ = RawAlert::decode(&RawAlert::new(bytes));
        }

        #[test]
        fn old_clients_read_the_same_bytes(rule in ".*", sequence: u64) {
            let alert = crate::Alert { rule: rule.clone(), sequence, ..crate::Alert::default() };
            let old = crate::falco::outputs::Response::decode(alert.encode_to_vec().as_slice()).unwrap();
            prop_assert_eq!(old.rule, rule);
        }
    }
}
