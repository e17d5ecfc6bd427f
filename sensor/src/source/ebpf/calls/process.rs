//! Calls that change the process that makes them. They are looked at whatever rules ask for: the table of
//! processes lives by them. (Short names are followed by `task_rename`, not by prctl.)

use cadge_engine::{ArgValue, flags};

use super::{CHANGES, CRITICAL, Call, FdOf, Take, Value};
use crate::source::ebpf::record::arg;

/// A row of a call that changes the process.
macro_rules! changes {
    ($event:expr, $calls:expr, $takes:expr, $args:expr $(,)?) => {
        Call {
            event: $event,
            calls: $calls,
            flags: CRITICAL | CHANGES,
            takes: $takes,
            args: $args,
            fd: FdOf::None,
        }
    };
}

pub(super) const CALLS: &[Call] = &[
    changes!(
        "chdir",
        &["chdir"],
        &[Take::Path(0, arg::NONE)],
        &[("res", Value::Result), ("path", Value::Path(0))],
    ),
    Call {
        event: "fchdir",
        calls: &["fchdir"],
        flags: CRITICAL | CHANGES,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0))],
        fd: FdOf::Arg(0),
    },
    changes!(
        "chroot",
        &["chroot"],
        &[Take::Path(0, arg::NONE)],
        &[("res", Value::Result), ("path", Value::Path(0))],
    ),
    changes!(
        "pivot_root",
        &["pivot_root"],
        &[Take::Path(0, arg::NONE), Take::Path(1, arg::NONE)],
        &[("res", Value::Result), ("new_root", Value::Path(0)), ("put_old", Value::Path(1))],
    ),
    changes!("setsid", &["setsid"], &[], &[("res", Value::Result)]),
    changes!(
        "setpgid",
        &["setpgid"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("pgid", Value::Pid(1))],
    ),
    changes!("setuid", &["setuid"], &[], &[("res", Value::Result), ("uid", Value::Uid(0))]),
    changes!("setgid", &["setgid"], &[], &[("res", Value::Result), ("gid", Value::Gid(0))]),
    changes!(
        "setreuid",
        &["setreuid"],
        &[],
        &[("res", Value::Result), ("ruid", Value::Uid(0)), ("euid", Value::Uid(1))],
    ),
    changes!(
        "setregid",
        &["setregid"],
        &[],
        &[("res", Value::Result), ("rgid", Value::Gid(0)), ("egid", Value::Gid(1))],
    ),
    changes!(
        "setresuid",
        &["setresuid"],
        &[],
        &[("res", Value::Result), ("ruid", Value::Uid(0)), ("euid", Value::Uid(1)), ("suid", Value::Uid(2))],
    ),
    changes!(
        "setresgid",
        &["setresgid"],
        &[],
        &[("res", Value::Result), ("rgid", Value::Gid(0)), ("egid", Value::Gid(1)), ("sgid", Value::Gid(2))],
    ),
    changes!("setfsuid", &["setfsuid"], &[], &[("res", Value::Result), ("uid", Value::Uid(0))]),
    changes!("setfsgid", &["setfsgid"], &[], &[("res", Value::Result), ("gid", Value::Gid(0))]),
    changes!(
        "capset",
        &["capset"],
        &[],
        // What the process has by now, not what it asked for.
        &[
            ("res", Value::Result),
            ("cap_inheritable", Value::Made(|taken| ArgValue::Uint(taken.call.cap_inheritable))),
            ("cap_permitted", Value::Made(|taken| ArgValue::Uint(taken.call.cap_permitted))),
            ("cap_effective", Value::Made(|taken| ArgValue::Uint(taken.call.cap_effective))),
        ],
    ),
    Call {
        event: "setns",
        calls: &["setns"],
        flags: CRITICAL | CHANGES,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0)), ("nstype", Value::Flags(1, &flags::CLONE))],
        fd: FdOf::Arg(0),
    },
    changes!(
        "unshare",
        &["unshare"],
        &[],
        &[("res", Value::Result), ("flags", Value::Flags(0, &flags::CLONE))],
    ),
];
