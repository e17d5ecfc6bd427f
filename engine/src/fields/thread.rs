//! `thread.*`: the thread that made the event.

use super::row::{nobody, number, truth};
use super::{Field, Type, Value};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    nobody(
        "thread.cap_effective",
        Type::Charbuf,
        "the capabilities in effect, such as CAP_SYS_ADMIN, joined by blanks",
    ),
    nobody("thread.cap_inheritable", Type::Charbuf, "the capabilities that exec passes on"),
    nobody("thread.cap_permitted", Type::Charbuf, "the capabilities that it may use"),
    nobody("thread.cgroup", Type::Charbuf, "the cgroup of a controller: thread.cgroup.cpuset").needs_arg(),
    nobody("thread.cgroups", Type::Charbuf, "every cgroup, as controller=path"),
    nobody("thread.cpu", Type::Double, "processor time in percent"),
    nobody("thread.cpu.system", Type::Double, "processor time in the kernel in percent"),
    nobody("thread.cpu.user", Type::Double, "processor time outside of the kernel in percent"),
    nobody("thread.exectime", Type::Reltime, "nanoseconds on the processor since it was last put there"),
    truth("thread.ismain", "it is the first thread of its process", |e| {
        Some(Value::Bool(e.process?.pid == e.tid))
    }),
    nobody("thread.pfmajor", Type::Uint64, "page faults that read from disk"),
    nobody("thread.pfminor", Type::Uint64, "page faults that did not"),
    number("thread.tid", Type::Int64, "the thread's id", |e| Some(Value::number(e.tid))),
    nobody("thread.totexectime", Type::Reltime, "nanoseconds on the processor since it started"),
    nobody("thread.vmrss", Type::Uint64, "resident memory of the process in kilobytes"),
    nobody("thread.vmsize", Type::Uint64, "virtual memory of the process in kilobytes"),
    nobody("thread.vtid", Type::Int64, "its id in its own pid namespace"),
];
