//! `thread.*`: the thread that made the event.

use super::row::{made, nobody, number, row, text, truth};
use super::{Field, Get, Type, Value};
use crate::Process;
use crate::flags::CAPABILITY;

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    made(
        "thread.cap_effective",
        "the capabilities in effect, such as CAP_SYS_ADMIN, joined by blanks",
        |e, _, out| Some(capabilities(e.process?.cap_effective, out)),
    ),
    made("thread.cap_inheritable", "the capabilities that exec passes on", |e, _, out| {
        Some(capabilities(e.process?.cap_inheritable, out))
    }),
    made("thread.cap_permitted", "the capabilities that it may use", |e, _, out| {
        Some(capabilities(e.process?.cap_permitted, out))
    }),
    row(
        "thread.cgroup",
        Type::Charbuf,
        "the cgroup of a controller: thread.cgroup.cpuset",
        Get::Made(|e, which, _| cgroup(e.process?, &which.text).map(Value::text)),
    )
    .needs_arg(),
    text("thread.cgroups", "every cgroup, as controller=path", |e| Some(Value::text(&e.process?.cgroups))),
    nobody("thread.cpu", Type::Double, "processor time in percent"),
    nobody("thread.cpu.system", Type::Double, "processor time in the kernel in percent"),
    nobody("thread.cpu.user", Type::Double, "processor time outside of the kernel in percent"),
    nobody("thread.exectime", Type::Reltime, "nanoseconds on the processor since it was last put there"),
    truth("thread.ismain", "it is the first thread of its process", |e| {
        Some(Value::Bool(e.process?.pid == e.tid))
    }),
    number(
        "thread.pfmajor",
        Type::Uint64,
        "page faults that read from disk, until the process last changed",
        |e| Some(Value::number(e.process?.used?.faults_major)),
    ),
    number("thread.pfminor", Type::Uint64, "page faults that did not", |e| {
        Some(Value::number(e.process?.used?.faults_minor))
    }),
    number("thread.tid", Type::Int64, "the thread's id", |e| Some(Value::number(e.tid))),
    nobody("thread.totexectime", Type::Reltime, "nanoseconds on the processor since it started"),
    number("thread.vmrss", Type::Uint64, "as `proc.vmrss`", |e| {
        Some(Value::number(e.process?.used?.resident_kb))
    }),
    number("thread.vmsize", Type::Uint64, "as `proc.vmsize`", |e| {
        Some(Value::number(e.process?.used?.virtual_kb))
    }),
    number("thread.vtid", Type::Int64, "its id in its own pid namespace", |e| {
        let process = e.process?;
        // Of other threads the kernel's records have no id but the host's.
        let is_main = e.tid == process.pid;
        if is_main { Some(process.vpid) } else { (process.vpid == process.pid).then_some(e.tid) }
            .filter(|id| *id >= 0)
            .map(Value::number)
    }),
];

fn capabilities(bits: u64, out: &mut Vec<u8>) -> Value<'_> {
    CAPABILITY.words(bits, out);
    Value::Text(out)
}

fn cgroup<'a>(process: &'a Process, controller: &str) -> Option<&'a [u8]> {
    process
        .cgroups
        .split(|byte| *byte == b' ')
        .find_map(|cgroup| cgroup.strip_prefix(controller.as_bytes())?.strip_prefix(b"="))
}
