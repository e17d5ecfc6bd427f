//! The calls that make processes and programs. Of a new program the kernel tells when it is in place
//! (`process.bpf.c`): here are the attempts that failed. A call that makes a process ends twice, in the parent
//! and in the child, and is told twice, as Falco does.

use cadge_engine::{ArgValue, Process, flags};

use super::{CRITICAL, Call, FAILED, FdOf, Take, Value};
use crate::source::describe::{Taken, exe_marks};
use crate::source::ebpf::record::{arg, part};

/// A row of a call that makes a process.
macro_rules! clone {
    ($event:expr, $calls:expr, $takes:expr, $args:expr $(,)?) => {
        Call { event: $event, calls: $calls, flags: 0, takes: $takes, args: $args, fd: FdOf::None }
    };
}

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "execve",
        calls: &["execve"],
        flags: CRITICAL | FAILED,
        takes: &[Take::Path(0, arg::NONE)],
        args: EXECVE,
        fd: FdOf::None,
    },
    Call {
        event: "execveat",
        calls: &["execveat"],
        flags: CRITICAL | FAILED,
        takes: &[Take::Path(1, 0)],
        args: EXECVE.split_at(EXECVE.len() - 1).0,
        fd: FdOf::None,
    },
    clone!("clone", &["clone"], &[], CLONE),
    clone!("clone3", &["clone3"], &[Take::Bytes(0, 8)], CLONE3),
    clone!("fork", &["fork"], &[], FORK),
    clone!("vfork", &["vfork"], &[], FORK),
];

/// An argument that the process of the caller has.
macro_rules! own {
    ($get:expr) => {
        Value::Made(|taken| own(taken, $get))
    };
}

/// The program that was not started gives its path; everything else is the caller's.
const EXECVE: &[(&str, Value)] = &[
    ("res", Value::Result),
    ("exe", Value::Made(asked)),
    ("args", Value::Made(|_| ArgValue::Missing)),
    ("tid", Value::Made(tid)),
    ("pid", own!(|process| ArgValue::Pid(process.pid, &process.comm))),
    ("ptid", Value::Made(parent)),
    ("cwd", own!(|process| ArgValue::Text(&process.cwd))),
    ("fdlimit", own!(|process| ArgValue::Uint(process.fd_limit))),
    ("pgft_maj", Value::Made(|_| ArgValue::Missing)),
    ("pgft_min", Value::Made(|_| ArgValue::Missing)),
    ("vm_size", Value::Made(|_| ArgValue::Missing)),
    ("vm_rss", Value::Made(|_| ArgValue::Missing)),
    ("vm_swap", Value::Made(|_| ArgValue::Missing)),
    ("comm", own!(|process| ArgValue::Text(&process.comm))),
    ("cgroups", own!(|process| ArgValue::Text(&process.cgroups))),
    ("env", own!(|process| ArgValue::Text(&process.env))),
    ("tty", own!(|process| ArgValue::Uint(process.tty.into()))),
    ("vpgid", own!(|process| ArgValue::Int(process.vpgid))),
    ("loginuid", own!(|process| ArgValue::Uid(process.loginuid, process.login_name.as_bytes()))),
    ("flags", own!(exe_marks)),
    ("cap_inheritable", own!(|process| ArgValue::Uint(process.cap_inheritable))),
    ("cap_permitted", own!(|process| ArgValue::Uint(process.cap_permitted))),
    ("cap_effective", own!(|process| ArgValue::Uint(process.cap_effective))),
    ("exe_ino", own!(|process| ArgValue::Uint(process.exe_ino))),
    ("exe_ino_ctime", own!(|process| ArgValue::Uint(process.exe_ctime_ns))),
    ("exe_ino_mtime", own!(|process| ArgValue::Uint(process.exe_mtime_ns))),
    ("uid", own!(|process| ArgValue::Uid(process.uid, process.user_name.as_bytes()))),
    ("trusted_exepath", own!(|process| ArgValue::Text(&process.exe_path))),
    ("pgid", own!(|process| ArgValue::Int(process.pgid))),
    ("gid", own!(|process| ArgValue::Gid(process.gid, process.group_name.as_bytes()))),
    ("filename", Value::Path(0)),
];

/// The arguments of the calls that make a process, by what gives their flags.
macro_rules! clone_args {
    ($flags:expr) => {
        &[
            ("res", Value::Made(child)),
            ("exe", own!(|process| ArgValue::Text(process.exe()))),
            ("args", own!(|process| ArgValue::Text(process.args()))),
            ("tid", Value::Made(tid)),
            ("pid", own!(|process| ArgValue::Pid(process.pid, &process.comm))),
            ("ptid", Value::Made(parent)),
            ("cwd", own!(|process| ArgValue::Text(&process.cwd))),
            ("fdlimit", own!(|process| ArgValue::Int(process.fd_limit.cast_signed()))),
            ("pgft_maj", Value::Made(|_| ArgValue::Missing)),
            ("pgft_min", Value::Made(|_| ArgValue::Missing)),
            ("vm_size", Value::Made(|_| ArgValue::Missing)),
            ("vm_rss", Value::Made(|_| ArgValue::Missing)),
            ("vm_swap", Value::Made(|_| ArgValue::Missing)),
            ("comm", own!(|process| ArgValue::Text(&process.comm))),
            ("cgroups", own!(|process| ArgValue::Text(&process.cgroups))),
            ("flags", $flags),
            ("uid", own!(|process| ArgValue::Uint(process.uid.into()))),
            ("gid", own!(|process| ArgValue::Uint(process.gid.into()))),
            ("vtid", Value::Made(inner_tid)),
            ("vpid", own!(|process| ArgValue::Pid(process.vpid, &process.comm))),
            ("pidns_init_start_ts", own!(|process| ArgValue::Uint(process.pidns_start_ns))),
        ]
    };
}

const CLONE: &[(&str, Value)] = clone_args!(Value::Flags(0, &flags::CLONE));
const CLONE3: &[(&str, Value)] = clone_args!(Value::Made(clone3_flags));
const FORK: &[(&str, Value)] =
    clone_args!(Value::Made(|_| ArgValue::Flags { value: 0, names: &flags::CLONE }));

fn own<'a>(taken: &Taken<'a>, get: fn(&'a Process) -> ArgValue<'a>) -> ArgValue<'a> {
    taken.process().map_or(ArgValue::Missing, get)
}

/// The path of the program that was not started.
fn asked<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let of_execveat = taken.bytes(part::STRING, 1);
    ArgValue::Text(if of_execveat.is_empty() { taken.bytes(part::STRING, 0) } else { of_execveat })
}

/// What the call returned: the child, or 0 in the child.
fn child<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let result = taken.call.result;
    if result < 0 {
        return ArgValue::Errno(result);
    }
    ArgValue::Pid(result, taken.process_of(result).map_or(&b""[..], |process| &process.comm))
}

fn tid<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let tid = taken.tid();
    ArgValue::Pid(tid, taken.process_of(tid).map_or(&b""[..], |process| &process.comm))
}

fn parent<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let Some(process) = taken.process() else { return ArgValue::Missing };
    ArgValue::Pid(process.ppid, taken.process_of(process.ppid).map_or(&b""[..], |parent| &parent.comm))
}

/// In its own pid namespace; of the first thread the process's.
fn inner_tid<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    match taken.process() {
        Some(process) if process.pid == taken.tid() => ArgValue::Pid(process.vpid, &process.comm),
        _ => ArgValue::Missing,
    }
}

/// The first number of `struct clone_args`.
fn clone3_flags<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let bytes = taken.bytes(part::BYTES, 0).first_chunk();
    ArgValue::Flags { value: bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes)), names: &flags::CLONE }
}
