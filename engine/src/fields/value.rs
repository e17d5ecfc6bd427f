//! What a field of an event is: text, a number, a truth, an address.

use std::borrow::Cow;
use std::net::IpAddr;

/// A value, borrowed from the event or from the buffer of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Text(&'a [u8]),
    /// Wide enough for every kernel number, signed or not.
    Number(i128),
    Bool(bool),
    Ip(IpAddr),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Text(text.as_ref())
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

    /// Its text.
    pub(crate) fn bytes(&self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            other => {
                let mut out = String::new();
                other.print(&mut out);
                Cow::Owned(out.into_bytes())
            }
        }
    }
}

/// A value that is nobody else's: what transformers make.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owned {
    Text(Vec<u8>),
    Number(i128),
    Bool(bool),
    Ip(IpAddr),
}

impl Owned {
    pub(crate) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::Number(*number),
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Ip(ip) => Value::Ip(*ip),
        }
    }
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.to_vec()),
            Value::Number(number) => Self::Number(number),
            Value::Bool(truth) => Self::Bool(truth),
            Value::Ip(ip) => Self::Ip(ip),
        }
    }
}
