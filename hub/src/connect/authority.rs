//! Makes the requests of gRPC's C core readable that come by the Unix socket.
//!
//! That library, which Python, Ruby, PHP and C++ clients are made of, sends the socket's path with
//! `%2F` for each `/` as the request's `:authority`. HTTP allows no `%` there, and the server's HTTP/2
//! library refuses the request. So the bytes that are not allowed are replaced on their way in, one for
//! one: nothing else of the stream changes, and nobody looks at the value.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What an HTTP/2 connection begins with, up to the first frame.
const PREFACE_BYTES: usize = 24;

/// Bytes before each frame's payload.
const HEAD_BYTES: usize = 9;

/// A frame's payload has at most so many bytes, unless the server allows more; it does not.
const PAYLOAD_BYTES_MAX: usize = 16_384;

/// The type of the frames that carry a request's head, and two of their flags (RFC 9113, 6.2).
const HEADERS: u8 = 1;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// The index of `:authority` in the static table (RFC 7541, appendix A).
const AUTHORITY: u64 = 1;

/// A stream whose incoming frames are corrected.
pub(crate) struct Corrected<S> {
    inner: S,
    frames: Frames,
}

/// Cuts a stream into frames.
struct Frames {
    /// Bytes that go through as they are.
    pass: usize,
    /// The beginning of a frame.
    pending: Vec<u8>,
    /// What can be read, from `read` on.
    ready: Vec<u8>,
    read: usize,
}

impl<S> Corrected<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, frames: Frames::new() }
    }
}

impl Frames {
    fn new() -> Self {
        Self { pass: PREFACE_BYTES, pending: Vec::new(), ready: Vec::new(), read: 0 }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        self.ready.drain(..self.read);
        self.read = 0;
        while !bytes.is_empty() {
            if self.pass > 0 {
                let (passed, rest) = bytes.split_at(self.pass.min(bytes.len()));
                self.ready.extend_from_slice(passed);
                self.pass -= passed.len();
                bytes = rest;
                continue;
            }
            let wanted = self.frame_bytes().unwrap_or(HEAD_BYTES);
            let (part, rest) = bytes.split_at((wanted - self.pending.len()).min(bytes.len()));
            self.pending.extend_from_slice(part);
            bytes = rest;
            let Some(size) = self.frame_bytes() else { continue };
            if self.pending[3] != HEADERS || size > HEAD_BYTES + PAYLOAD_BYTES_MAX {
                self.pass = size - self.pending.len();
                self.ready.append(&mut self.pending);
            } else if self.pending.len() == size {
                correct(&mut self.pending);
                self.ready.append(&mut self.pending);
            }
        }
    }

    /// The size of the frame whose head is here.
    fn frame_bytes(&self) -> Option<usize> {
        let [a, b, c, ..] = self.pending[..] else { return None };
        (self.pending.len() >= HEAD_BYTES)
            .then(|| HEAD_BYTES + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)))
    }
}

/// Corrects a whole frame that carries a request's head.
fn correct(frame: &mut [u8]) {
    let flags = frame[4];
    let skipped = usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 };
    let mut block = Block { bytes: frame, at: HEAD_BYTES + skipped };
    while block.field().is_some() {}
}

/// A header block, field by field (RFC 7541, 6).
struct Block<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Block<'_> {
    /// Steps over one field; `None` at the end, and where the bytes make no sense.
    fn field(&mut self) -> Option<()> {
        let first = *self.bytes.get(self.at)?;
        let bits = match first {
            0x80.. => return self.number(7).map(drop),
            0x40.. => 6,
            0x20.. => return self.number(5).map(drop),
            _ => 4,
        };
        let is_authority = match self.number(bits)? {
            0 => {
                let (name, _) = self.text()?;
                self.bytes[name] == *b":authority"
            }
            index => index == AUTHORITY,
        };
        let (value, is_coded) = self.text()?;
        if is_authority && !is_coded {
            for byte in &mut self.bytes[value] {
                if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')) {
                    *byte = b'-';
                }
            }
        }
        Some(())
    }

    /// An integer whose first byte has so many bits of it (RFC 7541, 5.1).
    fn number(&mut self, bits: u32) -> Option<u64> {
        let most = (1 << bits) - 1;
        let mut number = u64::from(*self.bytes.get(self.at)?) & most;
        self.at += 1;
        let mut shift = 0;
        while number >= most {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number = number.checked_add(u64::from(byte & 0x7f).checked_shl(shift)?)?;
            shift += 7;
            if byte & 0x80 == 0 || shift > 28 {
                break;
            }
        }
        Some(number)
    }

    /// Where a string stands, and whether it is in Huffman's code (RFC 7541, 5.2).
    fn text(&mut self) -> Option<(std::ops::Range<usize>, bool)> {
        let is_coded = *self.bytes.get(self.at)? & 0x80 != 0;
        let length = usize::try_from(self.number(7)?).ok()?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let range = self.at..end;
        self.at = end;
        Some((range, is_coded))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Corrected<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut chunk = [0; 8192];
        while this.frames.read == this.frames.ready.len() {
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.frames.take(read.filled());
        }
        let left = &this.frames.ready[this.frames.read..];
        let count = left.len().min(buf.remaining());
        buf.put_slice(&left[..count]);
        this.frames.read += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corrected<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    // Without these two a frame's head and its payload go in a write each, and each wakes the other end.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut frames = Frames::new();
        let mut out = Vec::new();
        for part in bytes.chunks(chunk) {
            frames.take(part);
            out.extend_from_slice(&frames.ready[frames.read..]);
            frames.read = frames.ready.len();
        }
        out
    }

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, 4, 0, 0, 0, 1][..], payload].concat()
    }

    #[test]
    fn only_the_authority_is_changed() {
        // By its place in the static table, and by name, as gRPC's C core writes it.
        for name in [&b"\x41"[..], b"\x40\x0a:authority"] {
            let stream = |authority: &str| {
                let length = u8::try_from(authority.len()).unwrap();
                let block =
                    [&[0x83][..], name, &[length], authority.as_bytes(), b"\x40\x01a\x03%2F"].concat();
                let frames = [frame(4, b"\x41\x03%2F"), frame(1, &block), frame(0, b"%2F")].concat();
                [vec![b'p'; PREFACE_BYTES], frames].concat()
            };
            for chunk in [1, 7, 1000] {
                assert_eq!(through(&stream("tmp%2Fa.sock"), chunk), stream("tmp-2Fa.sock"));
                assert_eq!(through(&stream("localhost:5060"), chunk), stream("localhost:5060"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_stream_keeps_its_length_in_any_chunks(payloads in prop::collection::vec((0..3_u8, prop::collection::vec(any::<u8>(), 0..60)), 0..8), chunk in 1..40_usize) {
            let mut stream = vec![b'p'; PREFACE_BYTES];
            for (kind, payload) in &payloads {
                stream.extend(frame(*kind, payload));
            }
            let whole = through(&stream, stream.len());
            prop_assert_eq!(whole.len(), stream.len());
            prop_assert_eq!(through(&stream, chunk), whole);
        }
    }
}
