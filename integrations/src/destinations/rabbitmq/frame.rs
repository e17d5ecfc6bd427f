//! The frames of AMQP 0.9.1.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a client says first.
pub(super) const PROTOCOL: &[u8; 8] = b"AMQP\0\0\x09\x01";

/// A frame is no larger, ours as the broker's: what RabbitMQ proposes.
pub(super) const SIZE_MAX: u32 = 128 << 10;

/// Every broker takes frames of this size.
pub(super) const SIZE_MIN: u32 = 4096;

/// What is around the inside of a frame.
const AROUND: usize = 8;

const END: u8 = 0xce;

/// Says that one is still there.
pub(super) const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, END];

/// A frame with its inside.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Method(Vec<u8>),
    /// About the body that follows: its length and its properties.
    Header(Vec<u8>),
    /// A part of a body. What a publisher is given back is of no interest to it.
    Body,
    Heartbeat,
}

/// Reads the next frame.
pub(super) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let mut head = [0; 7];
    reader.read_exact(&mut head).await.map_err(closed)?;
    let [kind, _, _, size @ ..] = head;
    let size = u32::from_be_bytes(size);
    if size > SIZE_MAX {
        return Err(no_broker());
    }
    let mut inside = vec![0; size as usize + 1];
    reader.read_exact(&mut inside).await.map_err(closed)?;
    if inside.pop() != Some(END) {
        return Err(no_broker());
    }
    match kind {
        1 => Ok(Frame::Method(inside)),
        2 => Ok(Frame::Header(inside)),
        3 => Ok(Frame::Body),
        8 => Ok(Frame::Heartbeat),
        _ => Err(no_broker()),
    }
}

fn closed(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        io::Error::other("it closed the connection")
    } else {
        error
    }
}

pub(super) fn no_broker() -> io::Error {
    io::Error::other("what answered is no broker of AMQP 0.9.1")
}

/// Puts the inside of a frame into one.
pub(super) fn push(kind: u8, channel: u16, inside: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(channel.to_be_bytes());
    out.extend(super::inside::length(inside.len()).to_be_bytes());
    out.extend_from_slice(inside);
    out.push(END);
}

/// Pushes a body in as many frames as it takes.
pub(super) fn push_body(channel: u16, body: &[u8], size_max: usize, out: &mut Vec<u8>) {
    for part in body.chunks(size_max - AROUND) {
        push(3, channel, part, out);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_are_as_the_standard_has_them() {
        let mut out = Vec::new();
        push(1, 1, b"\0\x14", &mut out);
        assert_eq!(out, b"\x01\0\x01\0\0\0\x02\0\x14\xce");
        out.clear();
        push_body(1, b"abcde", 4 + AROUND, &mut out);
        assert_eq!(out, b"\x03\0\x01\0\0\0\x04abcd\xce\x03\0\x01\0\0\0\x01e\xce");
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_an_error(kind in 0..9_u8, bytes: Vec<u8>, cut in 0..20_usize) {
            let mut framed = Vec::new();
            push(kind, 1, &bytes, &mut framed);
            let read = |mut bytes: &[u8]| read(&mut bytes).now_or_never().expect("nothing to wait for");
            let is_known = matches!(kind, 1 | 2 | 3 | 8);
            prop_assert_eq!(read(&framed).is_ok(), is_known);
            prop_assert!(read(&framed[..framed.len().saturating_sub(cut + 1)]).is_err());
            let _ = read(&bytes);
        }
    }
}
