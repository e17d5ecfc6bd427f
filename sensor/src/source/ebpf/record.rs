//! Takes the kernel's records apart. The layout is that of `bpf/event.h`; a test compares both with
//! the object's BTF.
//!
//! Nothing is trusted: a record that is too short or of another version is an error, and never more.

use std::mem::{offset_of, size_of};

pub(crate) use super::mirror::{
    BOUND, CallPart, ExitPart, FilePart, Header, HookPart, MessagePart, ProcessPart, RequestPart, SHARED,
    SocketPart, URING,
};

/// The version of `event.h` that this file mirrors.
pub(crate) const VERSION: u16 = 2;

/// Bytes of one record at most.
pub(crate) const BYTES_MAX: usize = 16384;

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Exec(ProcessPart),
    Fork(ProcessPart),
    Exit(ExitPart),
    Task(ProcessPart),
    Call(CallPart),
    Changed(ProcessPart),
    Hook(HookPart),
    Enter(CallPart),
    Submitted(CallPart),
    Completed(CallPart),
}

/// A record, taken apart as far as its parts of variable length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) header: Header,
    pub(crate) body: Body,
    parts: &'a [u8],
    /// Which of its messages is looked at, from 1: the parts of the others are not there.
    message: usize,
}

/// The parts of variable length: `enum cadge_part_kind`.
pub(crate) mod part {
    pub(crate) const EXE: u8 = 1;
    pub(crate) const ARGV: u8 = 2;
    pub(crate) const CWD: u8 = 3;
    pub(crate) const CGROUP: u8 = 4;
    pub(crate) const STRING: u8 = 5;
    pub(crate) const BASE: u8 = 6;
    pub(crate) const FILE: u8 = 7;
    pub(crate) const PATH: u8 = 8;
    pub(crate) const SOCKET: u8 = 9;
    pub(crate) const BYTES: u8 = 10;
    pub(crate) const ENV: u8 = 11;
    pub(crate) const ASKED: u8 = 12;
    pub(crate) const MOVED: u8 = 13;
    pub(crate) const INTERPRETER: u8 = 14;
    pub(crate) const NAME: u8 = 32;
    pub(crate) const PEER: u8 = 33;
    pub(crate) const ADDRESS: u8 = 34;
    pub(crate) const MESSAGE: u8 = 35;
    pub(crate) const CONTROL: u8 = 36;
    pub(crate) const REQUEST: u8 = 48;
    pub(crate) const HOST_PATH: u8 = 20;
}

/// Of a process's executable: `enum cadge_exe_flags`.
pub(crate) mod exe {
    pub(crate) const WRITABLE: u32 = 1;
    pub(crate) const UPPER: u32 = 2;
    pub(crate) const LOWER: u32 = 4;
    pub(crate) const DELETED: u32 = 8;
}

/// Why there is a record of a process: `enum cadge_cause`.
pub(crate) mod cause {
    pub(crate) const EXECVEAT: u32 = 1;
    pub(crate) const RENAME: u32 = 2;
    pub(crate) const CGROUP: u32 = 3;
}

/// Flags of a part: `enum cadge_part_flags`.
pub(crate) const DETACHED: u8 = 2;
pub(crate) const UNREADABLE: u8 = 4;
pub(crate) const TRUNCATED: u8 = 1;

/// The argument that a part belongs to, if it is none of the six: `enum cadge_arg`.
pub(crate) mod arg {
    pub(crate) const SECOND: u8 = 6;
    pub(crate) const RESULT: u8 = 7;
    pub(crate) const NONE: u8 = 15;
}

/// A part of variable length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) arg: u8,
    pub(crate) bytes: &'a [u8],
}

/// Bytes in front of each part: `struct cadge_part`.
const PART_BYTES: usize = 8;

/// Each kind of record, and the bytes in front of its parts.
pub(crate) const KINDS: &[(u16, usize)] = &[
    (1, size_of::<ProcessPart>()),
    (2, size_of::<ProcessPart>()),
    (3, size_of::<ExitPart>()),
    (4, size_of::<ProcessPart>()),
    (5, size_of::<CallPart>()),
    (6, size_of::<ProcessPart>()),
    (7, size_of::<CallPart>()),
    (8, size_of::<CallPart>()),
    (16, size_of::<HookPart>()),
    (17, size_of::<CallPart>()),
];

/// Why a record can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("the record is cut short")]
    Short,
    #[error("the record has version {0}, not {VERSION}")]
    Version(u16),
    #[error("there is no kind of record {0}")]
    Kind(u16),
}

impl<'a> Record<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let header = Header::read(bytes).ok_or(RecordError::Short)?;
        if header.version != VERSION {
            return Err(RecordError::Version(header.version));
        }
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        let bytes = bytes.get(size_of::<Header>()..size).ok_or(RecordError::Short)?;
        let (body, fixed) = match header.kind {
            1 => (ProcessPart::read(bytes).map(Body::Exec), size_of::<ProcessPart>()),
            2 => (ProcessPart::read(bytes).map(Body::Fork), size_of::<ProcessPart>()),
            3 => (ExitPart::read(bytes).map(Body::Exit), size_of::<ExitPart>()),
            4 => (ProcessPart::read(bytes).map(Body::Task), size_of::<ProcessPart>()),
            5 => (CallPart::read(bytes).map(Body::Call), size_of::<CallPart>()),
            6 => (ProcessPart::read(bytes).map(Body::Changed), size_of::<ProcessPart>()),
            16 => (HookPart::read(bytes).map(Body::Hook), size_of::<HookPart>()),
            17 => (CallPart::read(bytes).map(Body::Enter), size_of::<CallPart>()),
            7 => (CallPart::read(bytes).map(Body::Submitted), size_of::<CallPart>()),
            8 => (CallPart::read(bytes).map(Body::Completed), size_of::<CallPart>()),
            kind => return Err(RecordError::Kind(kind)),
        };
        let body = body.ok_or(RecordError::Short)?;
        let parts = bytes.get(fixed..).ok_or(RecordError::Short)?;
        Ok(Self { header, body, parts, message: 1 })
    }

    /// The parts, up to the first one that is cut short.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'a>> {
        let message = self.message;
        let mut messages = 0;
        self.every_part().filter(move |part| {
            messages += usize::from(part.kind == part::MESSAGE);
            messages == 0 || messages == message
        })
    }

    /// The record as each of its messages has it; once, if it has none.
    pub(crate) fn messages(self) -> impl Iterator<Item = Self> {
        let count = self.every_part().filter(|part| part.kind == part::MESSAGE).count().max(1);
        (1..=count).map(move |message| Self { message, ..self })
    }

    fn every_part(&self) -> impl Iterator<Item = Part<'a>> {
        let mut rest = self.parts;
        std::iter::from_fn(move || {
            let [kind, flags, arg, _, a, b, c, d, tail @ ..] = rest else { return None };
            let size = usize::try_from(u32::from_ne_bytes([*a, *b, *c, *d])).ok()?;
            let bytes = tail.get(..size)?;
            rest = &tail[size..];
            Some(Part { kind: *kind, flags: *flags, arg: *arg, bytes })
        })
    }

    /// The same with other parts.
    pub(crate) fn with_parts<'b>(&self, parts: &'b [u8]) -> Record<'b> {
        Record { header: self.header, body: self.body, parts, message: self.message }
    }

    /// The first part of a kind.
    pub(crate) fn part(&self, kind: u8) -> Option<Part<'a>> {
        self.parts().find(|part| part.kind == kind)
    }

    /// The part of a kind that belongs to an argument.
    pub(crate) fn part_of(&self, kind: u8, arg: u8) -> Option<Part<'a>> {
        self.parts().find(|part| part.kind == kind && part.arg == arg)
    }
}

/// The header's size and time of a record, if it has a whole header.
pub(crate) fn size_and_time(bytes: &[u8]) -> Option<(usize, u64)> {
    let header = Header::read(bytes)?;
    Some((usize::try_from(header.size).ok()?, header.time_ns))
}

/// Adds a part behind others. The size in the record's header is left to the caller.
pub(crate) fn push_part(out: &mut Vec<u8>, part: Part<'_>) {
    let Ok(size) = u32::try_from(part.bytes.len()) else { return };
    out.extend_from_slice(&[part.kind, part.flags, part.arg, 0]);
    out.extend_from_slice(&size.to_ne_bytes());
    out.extend_from_slice(part.bytes);
}

/// Adds a part to a record, as the kernel would have.
pub(crate) fn append_part(record: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    append(record, Part { kind, flags: 0, arg: arg::NONE, bytes });
}

/// A call's record without some of its parts.
pub(crate) fn without(record: &[u8], drop: impl Fn(&Part<'_>) -> bool) -> Vec<u8> {
    let fixed = size_of::<Header>() + size_of::<CallPart>();
    let mut out = record.get(..fixed).unwrap_or_default().to_vec();
    if let Ok(record) = Record::read(record) {
        record.every_part().filter(|part| !drop(part)).for_each(|part| append(&mut out, part));
    }
    out
}

/// Makes the record of an operation that begins the one of the call that it was.
pub(crate) fn as_call(record: &mut [u8], time_ns: u64, result: i64) {
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = record.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(offset_of!(Header, kind), &5_u16.to_ne_bytes());
    put(offset_of!(Header, time_ns), &time_ns.to_ne_bytes());
    put(size_of::<Header>() + offset_of!(CallPart, result), &result.to_ne_bytes());
}

/// Says of the message in a call's record how many bytes of it were sent or received.
pub(crate) fn set_moved(record: &mut [u8], result: i64) {
    let mut at = size_of::<Header>() + size_of::<CallPart>();
    while let Some(head) = record.get(at..at + PART_BYTES) {
        let kind = head[0];
        let size =
            head.get(4..).and_then(|size| size.first_chunk()).map_or(0, |size| u32::from_ne_bytes(*size));
        at += PART_BYTES;
        if kind == part::MESSAGE
            && let Some(moved) =
                record.get_mut(at + offset_of!(MessagePart, moved)..at + size_of::<MessagePart>())
        {
            moved.copy_from_slice(&result.max(0).to_ne_bytes());
            return;
        }
        at = at.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
    }
}

/// Adds a part that belongs to an argument.
pub(crate) fn append(record: &mut Vec<u8>, part: Part<'_>) {
    let room = BYTES_MAX.saturating_sub(record.len() + PART_BYTES);
    let bytes = &part.bytes[..part.bytes.len().min(room)];
    let Ok(size) = u32::try_from(bytes.len()) else { return };
    record.extend_from_slice(&[part.kind, part.flags, part.arg, 0]);
    record.extend_from_slice(&size.to_ne_bytes());
    record.extend_from_slice(bytes);
    if let (Ok(size), Some(field)) = (u32::try_from(record.len()), record.get_mut(offset_of!(Header, size)..))
    {
        field[..4].copy_from_slice(&size.to_ne_bytes());
    }
}

/// Writes the path of a part, whose names stand leaf first, into `out`.
pub(crate) fn join_path(part: Part<'_>, out: &mut Vec<u8>) {
    out.clear();
    let names = part.bytes.strip_suffix(&[0]).unwrap_or(part.bytes);
    for name in names.rsplit(|byte| *byte == 0).filter(|name| !name.is_empty() && *name != b"/") {
        out.push(b'/');
        out.extend_from_slice(name);
    }
    if out.is_empty() {
        out.push(b'/');
    }
}

#[cfg(test)]
mod tests;
