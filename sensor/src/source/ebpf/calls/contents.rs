//! Calls that change what is in a file without writing into it, or move it from one to the other, and when
//! it was changed.

use cadge_engine::{ArgValue, flags};

use super::{Call, FdOf, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "truncate",
        calls: &["truncate"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[("res", Value::Result), ("path", Value::Path(0)), ("length", Value::Long(1))],
        fd: FdOf::None,
    },
    Call {
        event: "ftruncate",
        calls: &["ftruncate"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0)), ("length", Value::Long(1))],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "fallocate",
        calls: &["fallocate"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("mode", Value::Flags(1, &flags::FALLOCATE_MODE)),
        ],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "copy_file_range",
        calls: &["copy_file_range"],
        flags: 0,
        takes: &[Take::Fd(0), Take::Fd(2), Take::Bytes(1, 8), Take::Bytes(3, 8)],
        args: &[
            ("res", Value::Result),
            ("fdout", Value::Fd(2)),
            ("offout", Value::Made(|taken| offset(taken, 3))),
            ("fdin", Value::Fd(0)),
            ("offin", Value::Made(|taken| offset(taken, 1))),
            ("len", Value::Long(4)),
        ],
        // What changes.
        fd: FdOf::Arg(2),
    },
    Call {
        event: "splice",
        calls: &["splice"],
        flags: 0,
        takes: &[Take::Fd(0), Take::Fd(2)],
        args: &[
            ("res", Value::Result),
            ("fd_in", Value::Fd(0)),
            ("fd_out", Value::Fd(2)),
            ("size", Value::Long(4)),
            ("flags", Value::Flags(5, &flags::SPLICE)),
        ],
        fd: FdOf::Arg(2),
    },
    Call {
        event: "tee",
        calls: &["tee"],
        flags: 0,
        takes: &[Take::Fd(0), Take::Fd(1)],
        args: &[
            ("res", Value::Result),
            ("fd_in", Value::Fd(0)),
            ("fd_out", Value::Fd(1)),
            ("size", Value::Long(2)),
            ("flags", Value::Flags(3, &flags::SPLICE)),
        ],
        fd: FdOf::Arg(1),
    },
    Call {
        event: "vmsplice",
        calls: &["vmsplice"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0)), ("flags", Value::Flags(3, &flags::SPLICE))],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "sendfile",
        calls: &["sendfile"],
        flags: 0,
        takes: &[Take::Fd(0), Take::Fd(1), Take::Bytes(2, 8)],
        args: &[
            ("res", Value::Result),
            ("offset", Value::Made(|taken| offset(taken, 2))),
            ("out_fd", Value::Fd(0)),
            ("in_fd", Value::Fd(1)),
            ("size", Value::Long(3)),
        ],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "utime",
        calls: &["utime"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[("res", Value::Result), ("path", Value::Path(0))],
        fd: FdOf::None,
    },
    Call {
        event: "utimes",
        calls: &["utimes"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[("res", Value::Result), ("path", Value::Path(0))],
        fd: FdOf::None,
    },
    Call {
        event: "futimesat",
        calls: &["futimesat"],
        flags: 0,
        takes: &[Take::Path(1, 0), Take::Fd(0)],
        args: &[("res", Value::Result), ("dirfd", Value::Fd(0)), ("path", Value::Path(1))],
        fd: FdOf::None,
    },
    // Without a path it means the descriptor's file.
    Call {
        event: "utimensat",
        calls: &["utimensat"],
        flags: 0,
        takes: &[Take::Path(1, 0), Take::Fd(0)],
        args: &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("path", Value::Path(1)),
            ("flags", Value::Flags(3, &flags::AT)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "name_to_handle_at",
        calls: &["name_to_handle_at"],
        flags: 0,
        takes: &[Take::Path(1, 0)],
        args: &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("path", Value::Path(1)),
            ("flags", Value::Flags(4, &flags::AT)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "inotify_add_watch",
        calls: &["inotify_add_watch"],
        flags: 0,
        takes: &[Take::Path(1, arg::NONE)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("path", Value::Path(1)),
            ("mask", Value::Uint(2)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "fanotify_init",
        calls: &["fanotify_init"],
        flags: 0,
        takes: &[],
        args: &[("res", Value::Result), ("flags", Value::Flags(0, &flags::FANOTIFY_INIT))],
        fd: FdOf::None,
    },
];

/// Where the caller began to read or write; 0 for where the file was.
fn offset<'a>(taken: &Taken<'a>, at: u8) -> ArgValue<'a> {
    let bytes = taken.bytes(part::BYTES, at).first_chunk();
    ArgValue::Uint(bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes)))
}
