//! Calls that change what is mounted where: the old ones, and those in steps.

use cadge_engine::{ArgValue, flags};

use super::{CRITICAL, Call, FdOf, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "mount",
        calls: &["mount"],
        flags: CRITICAL,
        takes: &[Take::String(0), Take::Path(1, arg::NONE), Take::String(2)],
        args: &[
            ("res", Value::Result),
            ("dev", Value::Text(0)),
            ("dir", Value::Path(1)),
            ("type", Value::Text(2)),
            ("flags", Value::Made(mount_flags)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "umount2",
        calls: &["umount2"],
        flags: CRITICAL,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[
            ("res", Value::Result),
            ("name", Value::Path(0)),
            ("flags", Value::Flags(1, &flags::UMOUNT2)),
        ],
        fd: FdOf::None,
    },
    // An empty path means the mount of the descriptor itself.
    Call {
        event: "move_mount",
        calls: &["move_mount"],
        flags: CRITICAL,
        takes: &[Take::Path(1, 0), Take::Path(3, 2)],
        args: &[
            ("res", Value::Result),
            ("from_dirfd", Value::Fd(0)),
            ("from_path", Value::Path(1)),
            ("to_dirfd", Value::Fd(2)),
            ("to_path", Value::Path(3)),
            ("flags", Value::Flags(4, &flags::MOVE_MOUNT)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "open_tree",
        calls: &["open_tree", "open_tree_attr"],
        flags: CRITICAL,
        takes: &[Take::Fd(arg::RESULT), Take::Opened(1, 0)],
        args: &[
            ("fd", Value::ResultFd),
            ("dirfd", Value::Fd(0)),
            ("path", Value::Path(1)),
            ("flags", Value::Flags(2, &flags::OPEN_TREE)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "fsopen",
        calls: &["fsopen"],
        flags: CRITICAL,
        takes: &[Take::String(0)],
        args: &[
            ("fd", Value::ResultFd),
            ("name", Value::Text(0)),
            ("flags", Value::Flags(1, &flags::FSOPEN)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "fsconfig",
        calls: &["fsconfig"],
        flags: CRITICAL,
        takes: &[Take::String(2), Take::String(3), Take::Sized(3, 4, VALUE_BYTES_MAX / 16)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("cmd", Value::Enum(1, &flags::FSCONFIG_COMMAND)),
            ("key", Value::Text(2)),
            ("value_bytebuf", Value::Made(config_bytes)),
            ("value_charbuf", Value::Made(config_text)),
            ("aux", Value::Int(4)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "fsmount",
        calls: &["fsmount"],
        flags: CRITICAL,
        takes: &[],
        args: &[
            ("fd", Value::ResultFd),
            ("fs_fd", Value::Fd(0)),
            ("flags", Value::Flags(1, &flags::FSMOUNT)),
            ("attr_flags", Value::Flags(2, &flags::MOUNT_ATTR)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "fspick",
        calls: &["fspick"],
        flags: CRITICAL,
        takes: &[Take::Path(1, 0)],
        args: &[
            ("fd", Value::ResultFd),
            ("dirfd", Value::Fd(0)),
            ("path", Value::Path(1)),
            ("flags", Value::Flags(2, &flags::FSPICK)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "mount_setattr",
        calls: &["mount_setattr"],
        flags: CRITICAL,
        takes: &[Take::Path(1, 0), Take::Sized(3, 4, MOUNT_ATTR_BYTES / 16)],
        args: &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("path", Value::Path(1)),
            ("flags", Value::Flags(2, &flags::AT)),
            ("attr_set", Value::Made(|taken| attributes(taken, 0))),
            ("attr_clr", Value::Made(|taken| attributes(taken, 8))),
        ],
        fd: FdOf::None,
    },
];

/// `struct mount_attr`: what to set, what to clear, how to propagate and a descriptor, eight bytes each.
const MOUNT_ATTR_BYTES: u8 = 32;

/// Of a value in binary so many bytes are kept.
const VALUE_BYTES_MAX: u8 = 240;

/// What programs of the last century set in the upper half of the flags, and the half.
const MAGIC: (u32, u32) = (0xc0ed_0000, 0xffff_0000);

fn mount_flags<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let mut value = taken.call.word(3);
    if value & MAGIC.1 == MAGIC.0 {
        value &= !MAGIC.1;
    }
    ArgValue::Flags { value: value.into(), names: &flags::MOUNT }
}

/// The command's value is bytes if it sets such, else a text or nothing.
const SET_BINARY: i64 = 2;

fn config_bytes<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let is_binary = taken.call.int(1) == SET_BINARY;
    ArgValue::Bytes(if is_binary { taken.bytes(part::BYTES, 3) } else { b"" })
}

fn config_text<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let is_binary = taken.call.int(1) == SET_BINARY;
    ArgValue::Text(if is_binary { b"" } else { taken.bytes(part::STRING, 3) })
}

/// The attributes at a place in `struct mount_attr`.
fn attributes<'a>(taken: &Taken<'a>, at: usize) -> ArgValue<'a> {
    let bytes = taken.bytes(part::BYTES, 3).get(at..).and_then(|bytes| bytes.first_chunk());
    let value = bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    ArgValue::Flags { value, names: &flags::MOUNT_ATTR }
}
