//! Calls on other processes, and on what a process is allowed to.

use cadge_engine::{ArgValue, flags};

use super::{CRITICAL, Call, FdOf, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

/// A row of a call of which none may be missed.
macro_rules! call {
    ($event:expr, $calls:expr, $takes:expr, $args:expr $(,)?) => {
        Call { event: $event, calls: $calls, flags: CRITICAL, takes: $takes, args: $args, fd: FdOf::None }
    };
}

pub(super) const CALLS: &[Call] = &[
    call!(
        "ptrace",
        &["ptrace"],
        &[],
        &[
            ("res", Value::Result),
            ("addr", Value::Long(2)),
            ("data", Value::Long(3)),
            ("request", Value::Enum(0, &flags::PTRACE_REQUEST)),
            ("pid", Value::Pid(1)),
        ],
    ),
    call!(
        "process_vm_readv",
        &["process_vm_readv"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("data", Value::Made(missing))],
    ),
    call!(
        "process_vm_writev",
        &["process_vm_writev"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("data", Value::Made(missing))],
    ),
    Call {
        event: "pidfd_open",
        calls: &["pidfd_open"],
        flags: CRITICAL,
        takes: &[Take::Fd(arg::RESULT)],
        args: &[
            ("fd", Value::ResultFd),
            ("pid", Value::Pid(0)),
            ("flags", Value::Flags(1, &flags::PIDFD_OPEN)),
        ],
        fd: FdOf::Opened(arg::NONE),
    },
    Call {
        event: "pidfd_getfd",
        calls: &["pidfd_getfd"],
        flags: CRITICAL,
        takes: &[Take::Fd(arg::RESULT), Take::Fd(0)],
        args: &[
            ("fd", Value::ResultFd),
            ("pid_fd", Value::Fd(0)),
            // A descriptor of the other process's.
            ("target_fd", Value::Fd(1)),
            ("flags", Value::Uint(2)),
        ],
        fd: FdOf::Opened(arg::NONE),
    },
    call!(
        "pidfd_send_signal",
        &["pidfd_send_signal"],
        &[Take::Fd(0)],
        &[
            ("res", Value::Result),
            ("pid_fd", Value::Fd(0)),
            ("sig", Value::Signal(1)),
            ("flags", Value::Uint(3)),
        ],
    ),
    call!(
        "kill",
        &["kill"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("sig", Value::Signal(1))],
    ),
    call!(
        "tkill",
        &["tkill"],
        &[],
        &[("res", Value::Result), ("tid", Value::Pid(0)), ("sig", Value::Signal(1))],
    ),
    call!(
        "tgkill",
        &["tgkill"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("tid", Value::Pid(1)), ("sig", Value::Signal(2))],
    ),
    call!(
        "prctl",
        &["prctl"],
        &[],
        &[
            ("res", Value::Result),
            ("option", Value::Enum(0, &flags::PRCTL_OPTION)),
            ("arg2_str", Value::Made(name_to_set)),
            ("arg2_int", Value::Made(number_to_set)),
        ],
    ),
    call!(
        "seccomp",
        &["seccomp"],
        &[],
        &[("res", Value::Result), ("op", Value::Long(0)), ("flags", Value::Long(1)),],
    ),
    call!(
        "setrlimit",
        &["setrlimit"],
        &[Take::Bytes(1, 16)],
        &[
            ("res", Value::Result),
            ("cur", Value::Made(|taken| limit(taken, 1, 0))),
            ("max", Value::Made(|taken| limit(taken, 1, 8))),
            ("resource", Value::Enum(0, &flags::RLIMIT_RESOURCE)),
        ],
    ),
    call!(
        "prlimit",
        &["prlimit64"],
        &[Take::Bytes(2, 16), Take::Bytes(3, 16)],
        &[
            ("res", Value::Result),
            ("newcur", Value::Made(|taken| limit(taken, 2, 0))),
            ("newmax", Value::Made(|taken| limit(taken, 2, 8))),
            ("oldcur", Value::Made(|taken| limit(taken, 3, 0))),
            ("oldmax", Value::Made(|taken| limit(taken, 3, 8))),
            ("pid", Value::Int(0)),
            ("resource", Value::Enum(1, &flags::RLIMIT_RESOURCE)),
        ],
    ),
];

const PR_SET_NAME: i64 = libc::PR_SET_NAME as i64;

/// What was read or written is not taken: it stands in pieces in the caller's memory.
fn missing<'a>(_: &Taken<'a>) -> ArgValue<'a> {
    ArgValue::Missing
}

/// The name that the process has got: the kernel's copy of it, not the caller's.
fn name_to_set<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let is_set = taken.call.int(0) == PR_SET_NAME && taken.call.result >= 0;
    ArgValue::Text(taken.process().filter(|_| is_set).map_or(&b""[..], |process| &process.comm))
}

fn number_to_set<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let is_name = taken.call.int(0) == PR_SET_NAME;
    ArgValue::Int(if is_name { 0 } else { taken.call.arg(1).cast_signed() })
}

/// A number of a `struct rlimit` of eight bytes each; -1 if there is none.
fn limit<'a>(taken: &Taken<'a>, place: u8, at: usize) -> ArgValue<'a> {
    let bytes = taken.bytes(part::BYTES, place).get(at..).and_then(|bytes| bytes.first_chunk());
    ArgValue::Int(bytes.map_or(-1, |bytes| i64::from_ne_bytes(*bytes)))
}
