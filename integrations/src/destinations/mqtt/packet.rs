//! The packets of MQTT 3.1.1 that a publisher writes and reads.

use std::io;

use crate::link::Connection;

/// A packet has at most so many bytes behind its length.
const LENGTH_MAX: usize = (1 << 28) - 1;

/// `PINGREQ`.
pub(super) const PING: [u8; 2] = [0xc0, 0];

/// What a broker says to a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// `CONNACK`, with its code.
    Connected(u8),
    /// `PUBREC`: it has the alert of this id, and waits for its release.
    Received(u16),
    /// `PUBACK` or `PUBCOMP`: it has the alert of this id.
    Done(u16),
    /// `PINGRESP`.
    Pong,
}

/// An alert in a packet.
pub(super) struct Publish<'a> {
    pub(super) topic: &'a str,
    pub(super) qos: u8,
    pub(super) retained: bool,
    pub(super) id: u16,
    pub(super) body: &'a [u8],
}

impl Publish<'_> {
    /// `None` if it is too large.
    pub(super) fn push(&self, out: &mut Vec<u8>) -> Option<()> {
        let id = if self.qos > 0 { &self.id.to_be_bytes()[..] } else { &[] };
        out.push(0x30 | self.qos << 1 | u8::from(self.retained));
        push_length(2 + self.topic.len() + id.len() + self.body.len(), out)?;
        push_text(self.topic, out);
        out.extend_from_slice(id);
        out.extend_from_slice(self.body);
        Some(())
    }
}

/// `CONNECT` of a session that ends with its connection, and without keep-alive: what is idle for long is not used again.
pub(super) fn connect(id: &str, user: &str, password: &str) -> Vec<u8> {
    const CLEAN: u8 = 2;
    let flag = |text: &str, bit: u8| if text.is_empty() { 0 } else { bit };
    let mut rest = Vec::new();
    push_text("MQTT", &mut rest);
    rest.extend([4, CLEAN | flag(user, 0x80) | flag(password, 0x40), 0, 0]);
    push_text(id, &mut rest);
    for text in [user, password].into_iter().filter(|text| !text.is_empty()) {
        push_text(text, &mut rest);
    }
    let mut packet = vec![0x10];
    // Three texts of at most 65535 bytes always fit.
    let _ = push_length(rest.len(), &mut packet);
    packet.extend(rest);
    packet
}

/// `PUBREL`.
pub(super) fn release(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [0x62, 2, high, low]
}

/// What a code of `CONNACK` means.
pub(super) fn refusal(code: u8) -> &'static str {
    match code {
        1 => "it does not know MQTT 3.1.1",
        2 => "it does not like the client's id",
        3 => "it is not available",
        4 => "`user` or `password` is wrong",
        5 => "the user may not connect",
        _ => "it does not say why",
    }
}

/// Reads the next packet.
pub(super) async fn read(connection: &mut Connection) -> io::Result<Answered> {
    let mut head = [0; 2];
    connection.fill(&mut head).await?;
    // Nothing that a publisher is sent is longer than two bytes.
    let mut rest = [0; 2];
    let rest = rest.get_mut(..usize::from(head[1]));
    let rest = rest.ok_or_else(|| io::Error::other("what answered is no broker of MQTT 3.1.1"))?;
    connection.fill(rest).await?;
    parse(head[0], rest).ok_or_else(|| io::Error::other("what answered is no broker of MQTT 3.1.1"))
}

fn parse(kind: u8, rest: &[u8]) -> Option<Answered> {
    match (kind, rest) {
        (0x20, [_, code]) => Some(Answered::Connected(*code)),
        (0x40 | 0x70, [high, low]) => Some(Answered::Done(u16::from_be_bytes([*high, *low]))),
        (0x50, [high, low]) => Some(Answered::Received(u16::from_be_bytes([*high, *low]))),
        (0xd0, []) => Some(Answered::Pong),
        _ => None,
    }
}

/// Seven bits a byte, the lowest first; the eighth says that there are more.
fn push_length(length: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut left = (length <= LENGTH_MAX).then_some(length)?;
    loop {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        out.push(low & 0x7f | if left > 0 { 0x80 } else { 0 });
        if left == 0 {
            return Some(());
        }
    }
}

/// A text with its length, which is no more than 65535: the configuration is checked for that.
fn push_text(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_are_as_the_standard_has_them() {
        let mut packet = Vec::new();
        let publish = Publish { topic: "a/b", qos: 1, retained: true, id: 10, body: b"x" };
        assert_eq!(publish.push(&mut packet), Some(()));
        assert_eq!(packet, [0x33, 8, 0, 3, b'a', b'/', b'b', 0, 10, b'x']);
        assert_eq!(
            connect("c", "u", "p"),
            [16, 19, 0, 4, b'M', b'Q', b'T', b'T', 4, 0xc2, 0, 0, 0, 1, b'c', 0, 1, b'u', 0, 1, b'p']
        );
        let length = |length| {
            let mut out = Vec::new();
            push_length(length, &mut out).map(|()| out)
        };
        assert_eq!(length(127), Some(vec![127]));
        assert_eq!(length(321), Some(vec![193, 2]));
        assert_eq!(length(LENGTH_MAX), Some(vec![255, 255, 255, 127]));
        assert_eq!(length(LENGTH_MAX + 1), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(kind: u8, rest in prop::collection::vec(any::<u8>(), 0..4)) {
            if parse(kind, &rest).is_some() {
                prop_assert_eq!(rest.len(), if kind == 0xd0 { 0 } else { 2 });
            }
        }
    }
}
