//! Calls that open files.

use cadge_engine::ArgValue;

use super::super::flags;
use super::{ALSO, Call, FdOf, STAND_IN, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "open",
        calls: &["open"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT), Take::Opened(0, arg::NONE)],
        args: &[
            ("fd", Value::ResultFd),
            ("name", Value::Path(0)),
            ("flags", Value::OpenFlags(1)),
            ("mode", Value::Mode(2)),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
        ],
        fd: FdOf::Opened(0),
    },
    Call {
        event: "openat",
        calls: &["openat"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT), Take::Opened(1, 0)],
        args: &[
            ("fd", Value::ResultFd),
            ("dirfd", Value::Fd(0)),
            ("name", Value::Path(1)),
            ("flags", Value::OpenFlags(2)),
            ("mode", Value::Mode(3)),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
        ],
        fd: FdOf::Opened(1),
    },
    Call {
        event: "openat2",
        calls: &["openat2"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT), Take::Opened(1, 0), Take::Bytes(2, OPEN_HOW_BYTES)],
        args: &[
            ("fd", Value::ResultFd),
            ("dirfd", Value::Fd(0)),
            ("name", Value::Path(1)),
            ("flags", Value::Made(|taken| open_flags(taken, how(taken, 0)))),
            ("mode", Value::Made(|taken| ArgValue::Mode(how(taken, 8)))),
            ("resolve", Value::Made(resolve)),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
        ],
        fd: FdOf::Opened(1),
    },
    Call {
        event: "creat",
        calls: &["creat"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT), Take::Opened(0, arg::NONE)],
        args: &[
            ("fd", Value::ResultFd),
            ("name", Value::Path(0)),
            ("mode", Value::Mode(1)),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
            ("creat_flags", Value::Made(|taken| open_flags(taken, CREAT_FLAGS))),
        ],
        fd: FdOf::Opened(0),
    },
    Call {
        event: "open_by_handle_at",
        calls: &["open_by_handle_at"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT)],
        args: &[
            ("fd", Value::ResultFd),
            ("mountfd", Value::Fd(0)),
            ("flags", Value::OpenFlags(2)),
            ("path", Value::Made(|taken| taken.path_of(arg::RESULT))),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
        ],
        fd: FdOf::Opened(arg::NONE),
    },
    // Rules list open, openat and openat2. What opens without being one of them is told as one, too.
    Call {
        event: "open",
        calls: &["creat"],
        flags: STAND_IN | ALSO,
        takes: &[Take::Fd(arg::RESULT), Take::Opened(0, arg::NONE)],
        args: &[
            ("fd", Value::ResultFd),
            ("name", Value::Path(0)),
            ("flags", Value::Made(|taken| open_flags(taken, CREAT_FLAGS))),
            ("mode", Value::Mode(1)),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
        ],
        fd: FdOf::Opened(0),
    },
    Call {
        event: "openat",
        calls: &["open_by_handle_at"],
        flags: STAND_IN | ALSO,
        takes: &[Take::Fd(arg::RESULT)],
        args: &[
            ("fd", Value::ResultFd),
            ("dirfd", Value::Fd(0)),
            ("name", Value::Made(|taken| taken.path_of(arg::RESULT))),
            ("flags", Value::OpenFlags(2)),
            ("mode", Value::Made(|_| ArgValue::Mode(0))),
            ("dev", Value::Made(dev)),
            ("ino", Value::Made(ino)),
        ],
        fd: FdOf::Opened(arg::NONE),
    },
];

/// `struct open_how`: flags, mode and resolve, eight bytes each.
const OPEN_HOW_BYTES: u8 = 24;

/// What creat(2) asks for without saying so.
const CREAT_FLAGS: u32 = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC).cast_unsigned();

/// The lower half of a number in `struct open_how`; 0 if it could not be read.
fn how(taken: &Taken<'_>, at: usize) -> u32 {
    let bytes = taken.bytes(part::BYTES, 2).get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u32::try_from(u64::from_ne_bytes(*bytes) & 0xffff_ffff).unwrap_or_default())
}

fn resolve<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    ArgValue::Flags { value: how(taken, 16).into(), names: &cadge_engine::flags::OPENAT2_RESOLVE }
}

fn open_flags<'a>(taken: &Taken<'a>, flags: u32) -> ArgValue<'a> {
    ArgValue::OpenFlags(flags::open(flags, taken.file(arg::RESULT).as_ref()))
}

fn dev<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    ArgValue::Uint(taken.file(arg::RESULT).map_or(0, |file| file.dev.into()))
}

fn ino<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    ArgValue::Uint(taken.file(arg::RESULT).map_or(0, |file| file.ino))
}
