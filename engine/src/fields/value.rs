//! What a field of an event is: text, a number, a truth, an address.

use std::borrow::Cow;
use std::net::IpAddr;

/// A value, borrowed from the event wherever the event has it as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, [u8]>),
    /// Wide enough for every kernel number, signed or not.
    Number(i128),
    Bool(bool),
    Ip(IpAddr),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Text(Cow::Borrowed(text.as_ref()))
    }

    pub(crate) fn owned(text: String) -> Self {
        Self::Text(Cow::Owned(text.into_bytes()))
    }

    pub(crate) fn number(number: impl Into<i128>) -> Self {
        Self::Number(number.into())
    }

    /// Adds it to an output. Bytes that are no UTF-8 become the replacement character.
    pub(crate) fn print(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(&String::from_utf8_lossy(text)),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Self::Ip(ip) => out.push_str(&ip.to_string()),
        }
    }
}
