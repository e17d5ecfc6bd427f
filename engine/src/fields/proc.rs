//! `proc.*` and `thread.*`: the process that made the event, its parent and its ancestors.

use super::{Field, Get, Type, Value, number, row, text, truth};
use crate::{Event, Process};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    row(
        "proc.acmdline",
        Type::Text,
        "the command line of an ancestor: [1] is the parent; of any without index",
        Get::Ancestor(|p| Some(Value::text(&p.cmdline))),
    ),
    row(
        "proc.aexe",
        Type::Text,
        "the first argument of an ancestor",
        Get::Ancestor(|p| Some(Value::text(p.exe()))),
    ),
    row(
        "proc.aexepath",
        Type::Text,
        "the executable of an ancestor",
        Get::Ancestor(|p| Some(Value::text(exe_path(p)))),
    ),
    row("proc.aname", Type::Text, "the name of an ancestor", Get::Ancestor(|p| Some(Value::text(&p.comm)))),
    row(
        "proc.apid",
        Type::Number,
        "the process id of an ancestor",
        Get::Ancestor(|p| Some(Value::number(p.pid))),
    ),
    text("proc.args", "the arguments, without the first, joined by blanks", |e| {
        Some(Value::text(e.process?.args()))
    }),
    number("proc.cmdlenargs", "how many bytes the arguments have, without blanks between them", |e| {
        Some(number_of(e.process?.arguments().skip(1).map(<[u8]>::len).sum()))
    }),
    text("proc.cmdline", "the name and the arguments", |e| Some(Value::text(&e.process?.cmdline))),
    number("proc.cmdnargs", "how many arguments there are, without the first", |e| {
        Some(number_of(e.process?.arguments().skip(1).count()))
    }),
    text("proc.cwd", "the working directory, with a `/` at its end", |e| Some(Value::text(&e.process?.cwd))),
    number("proc.duration", "nanoseconds since it started", |e| {
        let start = e.process?.start_ns;
        (start > 0).then(|| Value::number(e.time_ns.saturating_sub(start)))
    }),
    text("proc.exe", "the first argument: what the caller says the program is called", |e| {
        Some(Value::text(e.process?.exe()))
    }),
    number("proc.exe_ino", "the inode of the executable", |e| {
        e.process.map(|p| p.exe_ino).filter(|ino| *ino > 0).map(Value::number)
    }),
    text("proc.exeline", "the first argument and the others", |e| {
        let process = e.process?;
        let (exe, args) = (String::from_utf8_lossy(process.exe()), String::from_utf8_lossy(process.args()));
        Some(Value::owned(if args.is_empty() { exe.into_owned() } else { format!("{exe} {args}") }))
    }),
    text("proc.exepath", "the executable's path as the kernel has it", |e| {
        Some(Value::text(exe_path(e.process?)))
    }),
    truth("proc.is_exe_from_memfd", "the executable is in memory only", |e| {
        Some(Value::Bool(e.process?.exe_from_memfd))
    }),
    truth(
        "proc.is_exe_upper_layer",
        "the executable is in an overlay's upper layer: it came after the image",
        |e| Some(Value::Bool(e.process?.exe_upper_layer)),
    ),
    truth("proc.is_pgid_leader", "it leads its process group", |e| {
        e.process.map(|p| Value::Bool(p.pgid == p.pid))
    }),
    truth("proc.is_sid_leader", "it leads its session", |e| e.process.map(|p| Value::Bool(p.sid == p.pid))),
    text("proc.name", "the kernel's short name, at most 15 bytes", |e| Some(Value::text(&e.process?.comm))),
    text("proc.pcmdline", "the parent's name and arguments", |e| Some(Value::text(&parent(e)?.cmdline))),
    text("proc.pexe", "the parent's first argument", |e| Some(Value::text(parent(e)?.exe()))),
    text("proc.pexepath", "the parent's executable", |e| Some(Value::text(exe_path(parent(e)?)))),
    number("proc.pgid", "the process group's id", |e| Some(Value::number(e.process?.pgid))),
    number("proc.pid", "the process id", |e| Some(Value::number(e.process?.pid))),
    text("proc.pname", "the parent's name", |e| Some(Value::text(&parent(e)?.comm))),
    number("proc.ppid", "the parent's process id", |e| Some(Value::number(e.process?.ppid))),
    number("proc.pvpid", "the parent's process id in its own pid namespace", |e| {
        Some(parent(e)?.vpid).filter(|pid| *pid >= 0).map(Value::number)
    }),
    number("proc.sid", "the session's id", |e| Some(Value::number(e.process?.sid))),
    text("proc.sname", "the name of the session's leader; empty if that is not known", |e| {
        Some(Value::text(&session_leader(e)?.comm))
    }),
    number("proc.tty", "the controlling terminal's device number; 0 without one", |e| {
        Some(Value::number(e.process?.tty))
    }),
    number("proc.vpid", "the process id in its own pid namespace", |e| {
        Some(e.process?.vpid).filter(|pid| *pid >= 0).map(Value::number)
    }),
    number("thread.tid", "the thread's id", |e| Some(Value::number(e.tid))),
];

fn parent<'a>(event: &Event<'a>) -> Option<&'a Process> {
    event.processes.process(event.process?.ppid)
}

/// Falco takes the kernel's mark for a deleted file off the path.
fn exe_path(process: &Process) -> &[u8] {
    process.exe_path.strip_suffix(b" (deleted)").unwrap_or(&process.exe_path)
}

/// The session's leader, else the oldest ancestor of the same session, one after another.
fn session_leader<'a>(event: &Event<'a>) -> Option<&'a Process> {
    let process = event.process?;
    event
        .processes
        .process(process.sid)
        .or_else(|| super::ancestors(event).take_while(|ancestor| ancestor.sid == process.sid).last())
}

fn number_of(count: usize) -> Value<'static> {
    Value::number(u64::try_from(count).unwrap_or(u64::MAX))
}
