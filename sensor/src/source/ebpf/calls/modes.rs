//! Calls that change who may do what with a file, and whose it is.

use cadge_engine::flags;

use super::{Call, FdOf, Take, Value};
use crate::source::ebpf::record::arg;

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "chmod",
        calls: &["chmod"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[("res", Value::Result), ("filename", Value::Path(0)), ("mode", Value::Mode(1))],
        fd: FdOf::None,
    },
    Call {
        event: "fchmod",
        calls: &["fchmod"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0)), ("mode", Value::Mode(1))],
        fd: FdOf::Arg(0),
    },
    // The second has flags and does the same: it is no way around a rule on the first.
    Call {
        event: "fchmodat",
        calls: &["fchmodat", "fchmodat2"],
        flags: 0,
        takes: &[Take::Path(1, 0)],
        args: &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("filename", Value::Path(1)),
            ("mode", Value::Mode(2)),
        ],
        fd: FdOf::None,
    },
    // Falco gives users and groups of these calls as numbers.
    Call {
        event: "chown",
        calls: &["chown"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[
            ("res", Value::Result),
            ("path", Value::Path(0)),
            ("uid", Value::Uint(1)),
            ("gid", Value::Uint(2)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "lchown",
        calls: &["lchown"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[
            ("res", Value::Result),
            ("path", Value::Path(0)),
            ("uid", Value::Uint(1)),
            ("gid", Value::Uint(2)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "fchown",
        calls: &["fchown"],
        flags: 0,
        takes: &[Take::Fd(0)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("uid", Value::Uint(1)),
            ("gid", Value::Uint(2)),
        ],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "fchownat",
        calls: &["fchownat"],
        flags: 0,
        takes: &[Take::Path(1, 0)],
        args: &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("pathname", Value::Path(1)),
            ("uid", Value::Uint(2)),
            ("gid", Value::Uint(3)),
            ("flags", Value::Flags(4, &flags::FCHOWNAT)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "access",
        calls: &["access"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[
            ("res", Value::Result),
            ("name", Value::Path(0)),
            ("mode", Value::Flags(1, &flags::ACCESS_MODE)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "setxattr",
        calls: &["setxattr"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE), Take::String(1)],
        args: XATTR_PATH,
        fd: FdOf::None,
    },
    Call {
        event: "lsetxattr",
        calls: &["lsetxattr"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE), Take::String(1)],
        args: XATTR_PATH,
        fd: FdOf::None,
    },
    Call {
        event: "fsetxattr",
        calls: &["fsetxattr"],
        flags: 0,
        takes: &[Take::Fd(0), Take::String(1)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("name", Value::Text(1)),
            ("flags", Value::Flags(4, &flags::SETXATTR)),
        ],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "removexattr",
        calls: &["removexattr"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE), Take::String(1)],
        args: &[("res", Value::Result), ("path", Value::Path(0)), ("name", Value::Text(1))],
        fd: FdOf::None,
    },
    Call {
        event: "lremovexattr",
        calls: &["lremovexattr"],
        flags: 0,
        takes: &[Take::Path(0, arg::NONE), Take::String(1)],
        args: &[("res", Value::Result), ("path", Value::Path(0)), ("name", Value::Text(1))],
        fd: FdOf::None,
    },
    Call {
        event: "fremovexattr",
        calls: &["fremovexattr"],
        flags: 0,
        takes: &[Take::Fd(0), Take::String(1)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0)), ("name", Value::Text(1))],
        fd: FdOf::Arg(0),
    },
];

const XATTR_PATH: &[(&str, Value)] = &[
    ("res", Value::Result),
    ("path", Value::Path(0)),
    ("name", Value::Text(1)),
    ("flags", Value::Flags(4, &flags::SETXATTR)),
];
