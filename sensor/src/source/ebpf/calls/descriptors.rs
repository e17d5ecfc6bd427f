//! Calls that make descriptors out of others or out of nothing.

use cadge_engine::{ArgValue, flags as names};

use super::super::flags;
use super::{ALSO, Call, FdOf, STAND_IN, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

pub(super) const CALLS: &[Call] = &[
    // fcntl can do the same: it is no way around a rule on this.
    Call {
        event: "dup",
        calls: &["dup"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Made(copy)), ("oldfd", Value::Fd(0))],
        fd: FdOf::Copied(0),
    },
    Call {
        event: "dup",
        calls: &["fcntl"],
        flags: STAND_IN | ALSO,
        takes: &[Take::If(1, F_DUPFD), Take::If(1, F_DUPFD_CLOEXEC), Take::Fd(0)],
        args: &[("res", Value::Made(copy)), ("oldfd", Value::Fd(0))],
        fd: FdOf::Copied(0),
    },
    Call {
        event: "dup2",
        calls: &["dup2"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Made(copy)), ("oldfd", Value::Fd(0)), ("newfd", Value::Fd(1))],
        fd: FdOf::Copied(0),
    },
    Call {
        event: "dup3",
        calls: &["dup3"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[
            ("res", Value::ResultFd),
            ("oldfd", Value::Fd(0)),
            ("newfd", Value::Fd(1)),
            ("flags", Value::Made(|taken| ArgValue::OpenFlags(flags::beside_access(taken.call.word(2))))),
        ],
        fd: FdOf::Copied(0),
    },
    Call {
        event: "pipe",
        calls: &["pipe"],
        flags: 0,
        takes: &[Take::Bytes(0, 8)],
        args: &[
            ("res", Value::Result),
            ("fd1", Value::Made(|taken| end(taken, 0))),
            ("fd2", Value::Made(|taken| end(taken, 4))),
            ("ino", Value::Made(|_| ArgValue::Missing)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "pipe2",
        calls: &["pipe2"],
        flags: 0,
        takes: &[Take::Bytes(0, 8)],
        args: &[
            ("res", Value::Result),
            ("fd1", Value::Made(|taken| end(taken, 0))),
            ("fd2", Value::Made(|taken| end(taken, 4))),
            ("ino", Value::Made(|_| ArgValue::Missing)),
            ("flags", Value::Made(|taken| ArgValue::OpenFlags(flags::beside_access(taken.call.word(1))))),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "memfd_create",
        calls: &["memfd_create"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT), Take::String(0)],
        args: &[
            ("fd", Value::ResultFd),
            ("name", Value::Text(0)),
            ("flags", Value::Flags(1, &names::MEMFD_CREATE)),
        ],
        fd: FdOf::Opened(0),
    },
    Call {
        event: "inotify_init",
        calls: &["inotify_init"],
        flags: 0,
        takes: &[],
        args: &[("res", Value::ResultFd), ("flags", Value::Made(|_| ArgValue::Uint(0)))],
        fd: FdOf::None,
    },
    Call {
        event: "inotify_init1",
        calls: &["inotify_init1"],
        flags: 0,
        takes: &[],
        args: &[
            ("res", Value::ResultFd),
            ("flags", Value::Made(|taken| ArgValue::OpenFlags(flags::beside_access(taken.call.word(0))))),
        ],
        fd: FdOf::None,
    },
];

const F_DUPFD: u16 = 0;
const F_DUPFD_CLOEXEC: u16 = 1030;

/// The new descriptor, of the same as the old one.
fn copy<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    taken.descriptor(taken.call.result, 0)
}

/// One end of a pipe: the two descriptors stand behind each other where the caller wanted them.
fn end<'a>(taken: &Taken<'a>, at: usize) -> ArgValue<'a> {
    match taken.bytes(part::BYTES, 0).get(at..).and_then(|bytes| bytes.first_chunk()) {
        Some(bytes) => ArgValue::Fd { num: i32::from_ne_bytes(*bytes).into(), typechar: b'p', name: b"" },
        None => ArgValue::Missing,
    }
}
