//! Calls that change the process that makes them, and calls on processes.

use cadge_engine::flags;

use super::{CHANGES, CRITICAL, Call, FdOf, Take, Value};
use crate::source::ebpf::record::arg;

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "chdir",
        calls: &["chdir"],
        flags: CRITICAL | CHANGES,
        takes: &[Take::Path(0, arg::NONE)],
        args: &[("res", Value::Result), ("path", Value::Path(0))],
        fd: FdOf::None,
    },
    Call {
        event: "fchdir",
        calls: &["fchdir"],
        flags: CRITICAL | CHANGES,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0))],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "setuid",
        calls: &["setuid", "setuid32"],
        flags: CRITICAL | CHANGES,
        takes: &[],
        args: &[("res", Value::Result), ("uid", Value::Uid(0))],
        fd: FdOf::None,
    },
    Call {
        event: "setgid",
        calls: &["setgid", "setgid32"],
        flags: CRITICAL | CHANGES,
        takes: &[],
        args: &[("res", Value::Result), ("gid", Value::Gid(0))],
        fd: FdOf::None,
    },
    Call {
        event: "ptrace",
        calls: &["ptrace"],
        flags: CRITICAL,
        takes: &[],
        args: &[
            ("res", Value::Result),
            ("addr", Value::Long(2)),
            ("data", Value::Long(3)),
            ("request", Value::Enum(0, &flags::PTRACE_REQUEST)),
            ("pid", Value::Pid(1)),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "unshare",
        calls: &["unshare"],
        flags: CRITICAL | CHANGES,
        takes: &[],
        args: &[("res", Value::Result), ("flags", Value::Flags(0, &flags::CLONE))],
        fd: FdOf::None,
    },
    Call {
        event: "kill",
        calls: &["kill"],
        flags: CRITICAL,
        takes: &[],
        args: &[("res", Value::Result), ("pid", Value::Pid(0)), ("sig", Value::Signal(1))],
        fd: FdOf::None,
    },
];
