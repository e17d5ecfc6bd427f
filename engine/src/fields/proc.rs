//! `proc.*`: the process that made the event, its parent and its ancestors.

use super::accessor::ancestors;
use super::proc_env;
use super::row::{ancestor, made, nobody, number, row, text, truth};
use super::{Field, Get, Type, Value};
use crate::{Event, Namespaces, Process};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    ancestor("proc.aargs", Type::Charbuf, "the arguments of an ancestor, joined by blanks", |p| {
        Some(Value::text(p.args()))
    }),
    ancestor(
        "proc.acmdline",
        Type::Charbuf,
        "the command line of an ancestor: [1] is the parent; of any without index",
        |p| Some(Value::text(&p.cmdline)),
    ),
    row(
        "proc.aenv",
        Type::Charbuf,
        "the environment of an ancestor; [NAME] is a variable of the nearest one that has it",
        Get::Several { one: proc_env::ancestor, any: proc_env::any_ancestor, every: false },
    )
    .arg()
    .plain_only(),
    ancestor("proc.aexe", Type::Charbuf, "the first argument of an ancestor", |p| Some(Value::text(p.exe()))),
    ancestor("proc.aexepath", Type::Fspath, "the executable of an ancestor", |p| {
        Some(Value::text(exe_path(p))).filter(|_| !p.exe_path.is_empty())
    }),
    ancestor("proc.aname", Type::Charbuf, "the name of an ancestor", |p| Some(Value::text(&p.comm))),
    ancestor("proc.apid", Type::Int64, "the process id of an ancestor", |p| Some(Value::number(p.pid))),
    row(
        "proc.args",
        Type::Charbuf,
        "the arguments, without the first, joined by blanks; [N] is one of them",
        Get::Made(|e, which, _| {
            let process = e.process?;
            if which.text.is_empty() {
                return Some(Value::text(process.args()));
            }
            Some(Value::text(process.arguments().skip(1).nth(which.index?).unwrap_or_default()))
        }),
    )
    .arg(),
    number("proc.args_bytes", Type::Uint64, "Cadge's own: how long all arguments are, NULs included", |e| {
        Some(e.process?.args_bytes).filter(|bytes| *bytes > 0).map(Value::number)
    }),
    truth("proc.args_truncated", "Cadge's own: `proc.args` has not all arguments", |e| {
        Some(Value::Bool(e.process?.args_truncated))
    }),
    number(
        "proc.cmdlenargs",
        Type::Uint64,
        "how many bytes the arguments have, without blanks between them",
        |e| Some(number_of(e.process?.arguments().skip(1).map(<[u8]>::len).sum())),
    ),
    text("proc.cmdline", "the name and the arguments", |e| Some(Value::text(&e.process?.cmdline))),
    number("proc.cmdnargs", Type::Uint64, "how many arguments there are, without the first", |e| {
        Some(number_of(e.process?.arguments().skip(1).count()))
    }),
    row(
        "proc.cwd",
        Type::Fspath,
        "the working directory, with a `/` at its end",
        Get::One(|e| Some(Value::text(&e.process?.cwd))),
    ),
    number("proc.duration", Type::Reltime, "nanoseconds since it started", |e| since(e, e.process?)),
    row(
        "proc.env",
        Type::Charbuf,
        "the environment, joined by blanks; [NAME] is one variable of it",
        Get::Made(proc_env::own),
    )
    .arg(),
    text("proc.exe", "the first argument: what the caller says the program is called", |e| {
        Some(Value::text(e.process?.exe()))
    }),
    number("proc.exe_ino", Type::Int64, "the inode of the executable", |e| {
        e.process.map(|p| p.exe_ino).filter(|ino| *ino > 0).map(Value::number)
    }),
    number("proc.exe_ino.ctime", Type::Abstime, "when the inode of the executable was last changed", |e| {
        known(e.process?.exe_ctime_ns).map(Value::number)
    }),
    number(
        "proc.exe_ino.ctime_duration_pidns_start",
        Type::Abstime,
        "nanoseconds from the start of the pid namespace to the last change of the executable",
        |e| {
            let process = e.process?;
            let changed = process.exe_ctime_ns;
            changed.checked_sub(known(process.pidns_start_ns)?).filter(|ns| *ns > 0).map(Value::number)
        },
    ),
    number(
        "proc.exe_ino.ctime_duration_proc_start",
        Type::Abstime,
        "nanoseconds from the last change of the executable to the start of the process",
        |e| {
            let process = e.process?;
            let (start, changed) = (known(process.start_ns)?, known(process.exe_ctime_ns)?);
            Some(Value::number(i128::from(start) - i128::from(changed)))
        },
    ),
    number("proc.exe_ino.mtime", Type::Abstime, "when the executable was last written", |e| {
        known(e.process?.exe_mtime_ns).map(Value::number)
    }),
    made("proc.exeline", "the first argument and the others", |e, _, out| {
        let process = e.process?;
        out.extend_from_slice(process.exe());
        if !process.args().is_empty() {
            out.push(b' ');
            out.extend_from_slice(process.args());
        }
        Some(Value::Text(out))
    }),
    row(
        "proc.exepath",
        Type::Fspath,
        "the executable's path as the kernel has it",
        Get::One(|e| Some(Value::text(exe_path(e.process?)))),
    ),
    number("proc.fdlimit", Type::Uint64, "how many descriptors it may have open", |e| {
        known(e.process?.fd_limit).map(Value::number)
    }),
    nobody("proc.fdopencount", Type::Uint64, "how many descriptors it has open"),
    nobody("proc.fdusage", Type::Double, "descriptors that are open, in percent of the limit"),
    row(
        "proc.interpreter",
        Type::Fspath,
        "Cadge's own: of a script, the program that its first line names",
        Get::One(|e| Some(Value::text(&e.process?.interpreter))),
    ),
    nobody("proc.is_container_healthcheck", Type::Bool, "it is the health check of its container"),
    nobody("proc.is_container_liveness_probe", Type::Bool, "it is the liveness probe of its container"),
    nobody("proc.is_container_readiness_probe", Type::Bool, "it is the readiness probe of its container"),
    truth("proc.is_exe_deleted", "Cadge's own: the executable has no name any more", |e| {
        let process = e.process?;
        Some(Value::Bool(process.exe_deleted || process.exe_path.ends_with(DELETED)))
    }),
    truth("proc.is_exe_from_memfd", "the executable is in memory only", |e| {
        Some(Value::Bool(e.process?.exe_from_memfd))
    }),
    truth(
        "proc.is_exe_lower_layer",
        "the executable is in a lower layer of an overlay: it came with the image",
        |e| Some(Value::Bool(e.process?.exe_lower_layer)),
    ),
    truth(
        "proc.is_exe_upper_layer",
        "the executable is in an overlay's upper layer: it came after the image",
        |e| Some(Value::Bool(e.process?.exe_upper_layer)),
    ),
    truth("proc.is_exe_writable", "the user who ran the executable may write to it", |e| {
        Some(Value::Bool(e.process?.exe_writable))
    }),
    truth("proc.is_pgid_leader", "it leads its process group", |e| {
        e.process.map(|p| Value::Bool(p.pgid == p.pid))
    }),
    truth("proc.is_sid_leader", "it leads its session", |e| e.process.map(|p| Value::Bool(p.sid == p.pid))),
    truth("proc.is_vpgid_leader", "it leads its process group, in its own pid namespace", |e| {
        e.process.map(|p| Value::Bool(p.vpgid == p.vpid))
    }),
    number(
        "proc.loginshellid",
        Type::Int64,
        "the process id of the oldest ancestor whose name ends in `sh`",
        |e| ancestors(e).filter(|p| p.comm.ends_with(b"sh")).last().map(|p| Value::number(p.pid)),
    ),
    text("proc.name", "the kernel's short name, at most 15 bytes", |e| Some(Value::text(&e.process?.comm))),
    nobody("proc.nchilds", Type::Uint64, "how many children it has"),
    number("proc.ns.mnt", Type::Uint32, "Cadge's own: the inode of its mount namespace", |e| {
        namespace(e, |of| of.mnt)
    }),
    number("proc.ns.net", Type::Uint32, "Cadge's own: the inode of its network namespace", |e| {
        namespace(e, |of| of.net)
    }),
    number("proc.ns.pid", Type::Uint32, "Cadge's own: the inode of its pid namespace", |e| {
        namespace(e, |of| of.pid)
    }),
    number("proc.ns.user", Type::Uint32, "Cadge's own: the inode of its user namespace", |e| {
        namespace(e, |of| of.user)
    }),
    nobody("proc.nthreads", Type::Uint64, "how many threads it has"),
    text("proc.pcmdline", "the parent's name and arguments", |e| Some(Value::text(&parent(e)?.cmdline))),
    text("proc.pexe", "the parent's first argument", |e| Some(Value::text(parent(e)?.exe()))),
    row(
        "proc.pexepath",
        Type::Fspath,
        "the parent's executable",
        Get::One(|e| Some(Value::text(exe_path(parent(e)?)))),
    ),
    number("proc.pgid", Type::Int64, "the process group's id", |e| Some(Value::number(e.process?.pgid))),
    text("proc.pgid.exe", "the first argument of the process group's leader", |e| {
        leader(e, |p| p.pgid).map(|p| Value::text(p.exe()))
    }),
    text("proc.pgid.exepath", "the executable of the process group's leader", |e| {
        leader(e, |p| p.pgid).map(|p| Value::text(exe_path(p)))
    }),
    text("proc.pgid.name", "the name of the process group's leader", |e| {
        leader(e, |p| p.pgid).map(|p| Value::text(&p.comm))
    }),
    number("proc.pid", Type::Int64, "the process id", |e| Some(Value::number(e.process?.pid))),
    number("proc.pid.ts", Type::Abstime, "when it started, in nanoseconds since 1970", |e| start(e.process?)),
    number(
        "proc.pidns_init_start_ts",
        Type::Uint64,
        "when the first process of its pid namespace started",
        |e| known(e.process?.pidns_start_ns).map(Value::number),
    ),
    text("proc.pname", "the parent's name", |e| Some(Value::text(&parent(e)?.comm))),
    number("proc.ppid", Type::Int64, "the parent's process id", |e| Some(Value::number(e.process?.ppid))),
    number("proc.ppid.duration", Type::Reltime, "nanoseconds since the parent started", |e| {
        since(e, parent(e)?)
    }),
    number("proc.ppid.ts", Type::Abstime, "when the parent started, in nanoseconds since 1970", |e| {
        start(parent(e)?)
    }),
    number("proc.pvpid", Type::Int64, "the parent's process id in its own pid namespace", |e| {
        Some(parent(e)?.vpid).filter(|pid| *pid >= 0).map(Value::number)
    }),
    number("proc.sid", Type::Int64, "the session's id", |e| Some(Value::number(e.process?.sid))),
    text("proc.sid.exe", "the first argument of the session's leader", |e| {
        leader(e, |p| p.sid).map(|p| Value::text(p.exe()))
    }),
    text("proc.sid.exepath", "the executable of the session's leader", |e| {
        leader(e, |p| p.sid).map(|p| Value::text(exe_path(p)))
    }),
    text("proc.sname", "the name of the session's leader; empty if that is not known", |e| {
        Some(leader(e, |p| p.sid).map_or(Value::text(""), |p| Value::text(&p.comm)))
    }),
    nobody("proc.stderr.name", Type::Charbuf, "what its stderr is"),
    nobody("proc.stderr.type", Type::Charbuf, "the type of its stderr"),
    nobody("proc.stdin.name", Type::Charbuf, "what its stdin is"),
    nobody("proc.stdin.type", Type::Charbuf, "the type of its stdin"),
    nobody("proc.stdout.name", Type::Charbuf, "what its stdout is"),
    nobody("proc.stdout.type", Type::Charbuf, "the type of its stdout"),
    number("proc.tty", Type::Uint32, "the controlling terminal's device number; 0 without one", |e| {
        Some(Value::number(e.process?.tty))
    }),
    number("proc.vmrss", Type::Uint64, "resident memory in kilobytes, when it last changed", |e| {
        Some(Value::number(e.process?.used?.resident_kb))
    }),
    number("proc.vmsize", Type::Uint64, "virtual memory in kilobytes, when it last changed", |e| {
        Some(Value::number(e.process?.used?.virtual_kb))
    }),
    number("proc.vmswap", Type::Uint64, "swapped memory in kilobytes, when it last changed", |e| {
        Some(Value::number(e.process?.used?.swapped_kb))
    }),
    number("proc.vpgid", Type::Int64, "the process group's id in its own pid namespace", |e| {
        Some(e.process?.vpgid).filter(|id| *id >= 0).map(Value::number)
    }),
    text("proc.vpgid.exe", "as `proc.pgid.exe`, in its own pid namespace", |e| {
        group_leader(e).map(|p| Value::text(p.exe()))
    }),
    text("proc.vpgid.exepath", "as `proc.pgid.exepath`, in its own pid namespace", |e| {
        group_leader(e).map(|p| Value::text(exe_path(p)))
    }),
    text("proc.vpgid.name", "as `proc.pgid.name`, in its own pid namespace", |e| {
        group_leader(e).map(|p| Value::text(&p.comm))
    }),
    number("proc.vpid", Type::Int64, "the process id in its own pid namespace", |e| {
        Some(e.process?.vpid).filter(|pid| *pid >= 0).map(Value::number)
    }),
];

fn parent<'a>(event: &Event<'a>) -> Option<&'a Process> {
    event.processes.process(event.process?.ppid)
}

/// Falco takes the kernel's mark for a deleted file off the path.
fn exe_path(process: &Process) -> &[u8] {
    process.exe_path.strip_suffix(DELETED).unwrap_or(&process.exe_path)
}

/// What the kernel writes behind the path of a file that has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// The process whose id that of the session or group is, else the oldest ancestor that shares it, one after
/// another.
fn leader<'a>(event: &Event<'a>, id: fn(&Process) -> i64) -> Option<&'a Process> {
    let of = id(event.process?);
    let known = event.processes.process(of);
    known.or_else(|| ancestors(event).take_while(|ancestor| id(ancestor) == of).last())
}

/// The leader of the process group by its id in the own pid namespace. That is a process's id on the host
/// only outside of such namespaces.
fn group_leader<'a>(event: &Event<'a>) -> Option<&'a Process> {
    let process = event.process?;
    let known = if process.vpid == process.pid { event.processes.process(process.vpgid) } else { None };
    let shares = |ancestor: &&Process| ancestor.vpgid == process.vpgid;
    known.or_else(|| ancestors(event).take_while(shares).last())
}

/// A time or limit that is 0 is not known.
fn known(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

fn namespace(event: &Event<'_>, which: fn(&Namespaces) -> u32) -> Option<Value<'static>> {
    Some(which(&event.process?.namespaces)).filter(|inode| *inode > 0).map(Value::number)
}

fn start(process: &Process) -> Option<Value<'static>> {
    (process.start_ns > 0).then(|| Value::number(process.start_ns))
}

fn since(event: &Event<'_>, process: &Process) -> Option<Value<'static>> {
    (process.start_ns > 0).then(|| Value::number(event.time_ns.saturating_sub(process.start_ns)))
}

fn number_of(count: usize) -> Value<'static> {
    Value::number(u64::try_from(count).unwrap_or(u64::MAX))
}
