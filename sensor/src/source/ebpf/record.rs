//! Takes the kernel's records apart. The layout is that of `bpf/event.h`; a test compares both with
//! the object's BTF.
//!
//! Nothing is trusted: a record that is too short or of another version is an error, and never more.

use std::mem::{offset_of, size_of};

/// The version of `event.h` that this file mirrors.
pub(crate) const VERSION: u16 = 1;

/// Bytes of one record at most.
pub(crate) const BYTES_MAX: usize = 16384;

/// Declares a mirror of a C structure and how to read it from bytes.
macro_rules! mirror {
    ($(#[$meta:meta])* $name:ident = $c:literal { $($field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name { $(pub(crate) $field: $ty),* }

        impl $name {
            /// The structure's name in `event.h`, its size, and each field's name, offset and size.
            #[cfg(test)]
            pub(crate) fn layout() -> (&'static str, usize, Vec<(&'static str, usize, usize)>) {
                ($c, size_of::<Self>(), vec![$((stringify!($field), offset_of!(Self, $field), size_of::<$ty>())),*])
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self { $($field: field(bytes, offset_of!(Self, $field))?),* })
            }
        }
    };
}

mirror! {
    /// What every record begins with.
    Header = "cadge_header" {
        version: u16, kind: u16, size: u32, time_ns: u64, cpu: u32, pid: u32, tid: u32, reserved: u32,
    }
}

mirror! {
    /// A process.
    ProcessPart = "cadge_process" {
        start_ns: u64, exe_ino: u64, exe_dev: u32, ppid: u32, vpid: u32, sid: u32, pgid: u32, uid: u32, gid: u32,
        loginuid: u32, tty: u32, is_execveat: u32, comm: [u8; 16],
    }
}

mirror! {
    /// A process's end.
    ExitPart = "cadge_exit" { status: u32, reserved: u32 }
}

mirror! {
    /// A call that opens a file.
    OpenPart = "cadge_open" {
        result: i64, ino: u64, dev: u32, call: u32, flags: u32, mode: u32, r#type: u32, created: u32, dirfd: i32,
        reserved: u32,
    }
}

mirror! {
    /// A call that connects a socket.
    ConnectPart = "cadge_connect" {
        result: i64, fd: i32, family: u16, protocol: u16, local_port: u16, remote_port: u16, reserved: u32,
        local: [u8; 16], remote: [u8; 16],
    }
}

/// Something that stands in a record as it stands in memory.
trait Plain: Sized {
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! plain {
    ($($ty:ty),*) => { $(impl Plain for $ty {
        fn read(bytes: &[u8]) -> Option<Self> {
            bytes.first_chunk().map(|bytes| Self::from_ne_bytes(*bytes))
        }
    })* };
}

plain!(u16, u32, u64, i32, i64);

impl Plain for [u8; 16] {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied()
    }
}

fn field<T: Plain>(bytes: &[u8], offset: usize) -> Option<T> {
    T::read(bytes.get(offset..)?)
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Exec(ProcessPart),
    Fork(ProcessPart),
    Exit(ExitPart),
    Task(ProcessPart),
    Open(OpenPart),
    Connect(ConnectPart),
}

/// A record, taken apart as far as its parts of variable length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) header: Header,
    pub(crate) body: Body,
    parts: &'a [u8],
}

/// The parts of variable length: `enum cadge_part_kind`.
pub(crate) mod part {
    pub(crate) const EXE: u8 = 1;
    pub(crate) const ARGV: u8 = 2;
    pub(crate) const CWD: u8 = 3;
    pub(crate) const CGROUP: u8 = 4;
    pub(crate) const PATH: u8 = 5;
    pub(crate) const RAW: u8 = 6;
    pub(crate) const BASE: u8 = 7;
    pub(crate) const SOCKADDR: u8 = 8;
}

/// Flags of a part: `enum cadge_part_flags`.
pub(crate) const DETACHED: u8 = 2;

/// A part of variable length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) bytes: &'a [u8],
}

/// Bytes in front of each part: `struct cadge_part`.
const PART_BYTES: usize = 4;

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
            5 => (OpenPart::read(bytes).map(Body::Open), size_of::<OpenPart>()),
            6 => (ConnectPart::read(bytes).map(Body::Connect), size_of::<ConnectPart>()),
            kind => return Err(RecordError::Kind(kind)),
        };
        let body = body.ok_or(RecordError::Short)?;
        let parts = bytes.get(fixed..).ok_or(RecordError::Short)?;
        Ok(Self { header, body, parts })
    }

    /// The parts, up to the first one that is cut short.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'a>> {
        let mut rest = self.parts;
        std::iter::from_fn(move || {
            let [kind, flags, low, high, tail @ ..] = rest else { return None };
            let bytes = tail.get(..usize::from(u16::from_ne_bytes([*low, *high])))?;
            rest = &tail[bytes.len()..];
            Some(Part { kind: *kind, flags: *flags, bytes })
        })
    }

    /// The first part of a kind.
    pub(crate) fn part(&self, kind: u8) -> Option<Part<'a>> {
        self.parts().find(|part| part.kind == kind)
    }
}

/// The header's size and time of a record, if it has a whole header.
pub(crate) fn size_and_time(bytes: &[u8]) -> Option<(usize, u64)> {
    let header = Header::read(bytes)?;
    Some((usize::try_from(header.size).ok()?, header.time_ns))
}

/// Adds a part to a record, as the kernel would have.
pub(crate) fn append_part(record: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let room = BYTES_MAX.saturating_sub(record.len() + PART_BYTES);
    let bytes = &bytes[..bytes.len().min(room)];
    let Ok(size) = u16::try_from(bytes.len()) else { return };
    record.extend_from_slice(&[kind, 0]);
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_turned_around() {
        let mut out = Vec::new();
        for (bytes, expected) in [
            (&b"shadow\0etc\0"[..], &b"/etc/shadow"[..]),
            (b"", b"/"),
            (b"memfd:x\0", b"/memfd:x"),
            (b"a\0/\0", b"/a"),
        ] {
            join_path(Part { kind: part::PATH, flags: 0, bytes }, &mut out);
            assert_eq!(out, expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..8_u8, patch in any::<bool>()) {
            if patch && bytes.len() > 8 {
                bytes[..4].copy_from_slice(&[1, 0, kind, 0]);
                let size = u32::try_from(bytes.len()).unwrap();
                bytes[4..8].copy_from_slice(&size.to_ne_bytes());
            }
            if let Ok(record) = Record::read(&bytes) {
                let mut out = Vec::new();
                for part in record.parts() {
                    join_path(part, &mut out);
                }
            }
        }

        #[test]
        fn appended_parts_are_found(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut record = vec![0; size_of::<Header>() + size_of::<ExitPart>()];
            record[0] = 1;
            record[2] = 3;
            append_part(&mut record, part::RAW, b"");
            append_part(&mut record, part::ARGV, &bytes);
            let record = Record::read(&record).unwrap();
            prop_assert_eq!(record.part(part::ARGV).unwrap().bytes, &bytes[..]);
        }
    }
}
