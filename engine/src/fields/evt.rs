//! `evt.*`: the event itself.

use super::evt_arg::{all, error_name, print, raw, readable};
use super::row::{made, nobody, number, row, text, truth};
use super::{Field, Get, Type, Value};
use crate::flags::{O_CREAT, O_F_CREATED, O_RDONLY, O_TMPFILE, O_WRONLY};
use crate::{ArgValue, Event, EventType, utc};

/// Of every source; sorted by name.
pub(super) const GENERIC: &[Field] = &[
    nobody("evt.asynctype", Type::Charbuf, "the name of an asynchronous event"),
    made("evt.datetime", "date and time in UTC, with nanoseconds", |e, _, out| {
        print(out, format_args!("{}", utc::date_time(e.time_ns, true)));
        Some(Value::Text(out))
    }),
    made("evt.datetime.s", "date and time in UTC, to the second", |e, _, out| {
        print(out, format_args!("{}", utc::date_time(e.time_ns, false)));
        Some(Value::Text(out))
    }),
    text("evt.hostname", "the host's name", |e| Some(Value::text(e.hostname))),
    truth("evt.is_async", "the event does not come from a call of the process", |e| {
        Some(Value::Bool(e.kind == EventType::ASYNCEVENT))
    }),
    number("evt.num", Type::Uint64, "the event's number, from 1", |e| Some(Value::number(e.num))),
    nobody("evt.plugininfo", Type::Charbuf, "what the plugin says about the event, in one line"),
    text("evt.pluginname", "the plugin that the event comes from", |e| {
        (e.source != super::SYSCALL).then(|| Value::text(e.source))
    }),
    number("evt.rawtime", Type::Abstime, "nanoseconds since 1970", |e| Some(Value::number(e.time_ns))),
    number("evt.rawtime.ns", Type::Abstime, "the nanoseconds of the time's second", |e| {
        Some(Value::number(e.time_ns % SECOND))
    }),
    number("evt.rawtime.s", Type::Abstime, "seconds since 1970", |e| Some(Value::number(e.time_ns / SECOND))),
    nobody("evt.reltime", Type::Reltime, "nanoseconds since the first event"),
    nobody("evt.reltime.ns", Type::Reltime, "the nanoseconds of the second of `evt.reltime`"),
    nobody("evt.reltime.s", Type::Reltime, "seconds since the first event"),
    text("evt.source", "where events come from: `syscall` or `k8s_audit`", |e| Some(Value::text(e.source))),
    made("evt.time", "the time of day in UTC, with nanoseconds", |e, _, out| {
        print(out, format_args!("{}", utc::time_of_day(e.time_ns)));
        Some(Value::Text(out))
    }),
    made("evt.time.iso8601", "date and time in UTC, with nanoseconds and zone", |e, _, out| {
        print(out, format_args!("{}", utc::iso8601(e.time_ns)));
        Some(Value::Text(out))
    }),
    made("evt.time.s", "the time of day in UTC, to the second", |e, _, out| {
        print(out, format_args!("{}", &utc::time_of_day(e.time_ns)[..8]));
        Some(Value::Text(out))
    }),
];

const SECOND: u64 = 1_000_000_000;

/// Of system calls; sorted by name.
pub(super) const SYSCALL: &[Field] = &[
    text("evt.abi", "Cadge's own: how the call was made: native, i386, x32, arm or io_uring", |e| {
        Some(Value::text(e.abi.name()))
    }),
    row(
        "evt.abspath",
        Type::Charbuf,
        "the absolute path of a call on paths; [src] or [dst] where it has two",
        Get::Made(|e, which, _| {
            if e.kind == EventType::OPEN_BY_HANDLE_AT {
                return super::fs_path::argument(e, "path", false);
            }
            let fields = super::fs_path::paths(e.kind)?;
            let name = match &*which.text {
                "" | "src" => fields.first()?,
                "dst" => fields.get(1)?,
                _ => return None,
            };
            super::fs_path::argument(e, name, false)
        }),
    )
    .arg(),
    row(
        "evt.arg",
        Type::Charbuf,
        "an argument of the event: evt.arg.NAME or evt.arg[INDEX]",
        Get::Made(readable),
    )
    .needs_arg(),
    truth("evt.arg_changed", "Cadge's own: a text that the caller passed changed during the call", |e| {
        Some(Value::Bool(e.arg_changed))
    }),
    truth("evt.arg_unreadable", "Cadge's own: a text that the caller passed could not be read", |e| {
        Some(Value::Bool(e.arg_unreadable))
    }),
    made("evt.args", "all arguments, as name=value", all),
    nobody("evt.around", Type::Uint64, "whether the event is near a moment")
        .needs_arg()
        .filter_only()
        .left_only(),
    row(
        "evt.buffer",
        Type::Bytebuf,
        "the first bytes that a call reads or writes",
        Get::One(|e| {
            e.args.iter().find_map(|arg| match arg.value {
                ArgValue::Bytes(bytes) => Some(Value::text(bytes)),
                _ => None,
            })
        }),
    ),
    number("evt.buflen", Type::Uint64, "how many bytes a call read or wrote", |e| {
        let count = e.result.filter(|count| *count >= 0)?;
        is_io(e).map(|_| Value::number(count))
    }),
    text("evt.category", "the group of calls that it belongs to, such as file, net or process", |e| {
        Some(Value::text(e.kind.category()))
    }),
    number("evt.count", Type::Uint32, "always 1", |_| Some(Value::Number(1))),
    number("evt.count.error", Type::Uint32, "1 if the call failed", |e| failed(e, &[])),
    number("evt.count.error.file", Type::Uint32, "1 if a call on a file failed", |e| failed(e, &["file"])),
    number("evt.count.error.memory", Type::Uint32, "1 if a call on memory failed", |e| {
        failed(e, &["memory"])
    }),
    number("evt.count.error.net", Type::Uint32, "1 if a call on a socket failed", |e| failed(e, &["net"])),
    number("evt.count.error.other", Type::Uint32, "1 if any other call failed", |e| {
        if ["file", "net", "memory"].contains(&e.kind.category()) { None } else { failed(e, &[]) }
    }),
    number("evt.count.exit", Type::Uint32, "always 1: events are ends of calls", |_| Some(Value::Number(1))),
    number("evt.cpu", Type::Int16, "the processor on which it happened", |e| Some(Value::number(e.cpu))),
    nobody("evt.deltatime", Type::Reltime, "nanoseconds since the event before"),
    nobody("evt.deltatime.ns", Type::Reltime, "the nanoseconds of the second of `evt.deltatime`"),
    nobody("evt.deltatime.s", Type::Reltime, "seconds since the event before"),
    text("evt.dir", "always `<`, the end of a call, but for events that are none", |e| {
        Some(Value::text(if e.kind.is_call() { "<" } else { ">" }))
    })
    .deprecated(),
    truth("evt.failed", "the call failed", |e| Some(Value::Bool(e.result? < 0))),
    made("evt.info", "all arguments, as `evt.args`", all),
    text("evt.io_dir", "`read` or `write`, for calls that do", |e| {
        is_io(e).map(|(reads, _)| Value::text(if reads { "read" } else { "write" }))
    }),
    truth("evt.is_io", "the call reads or writes", |e| Some(Value::Bool(is_io(e).is_some()))),
    truth("evt.is_io_read", "the call reads", |e| {
        Some(Value::Bool(is_io(e).is_some_and(|(reads, _)| reads)))
    }),
    truth("evt.is_io_write", "the call writes", |e| {
        Some(Value::Bool(is_io(e).is_some_and(|(_, writes)| writes)))
    }),
    truth("evt.is_open_create", "the call created a file", |e| Some(Value::Bool(is_open_create(e)))),
    truth("evt.is_open_exec", "the call creates an executable file", |e| Some(Value::Bool(is_open_exec(e)))),
    truth("evt.is_open_read", "the file is opened for reading", |e| {
        Some(Value::Bool(open_flags(e) & O_RDONLY != 0))
    }),
    truth("evt.is_open_write", "the file is opened for writing", |e| {
        Some(Value::Bool(open_flags(e) & O_WRONLY != 0))
    }),
    truth("evt.is_syslog", "the call writes to /dev/log", |e| {
        let writes = is_io(e).is_some_and(|(_, writes)| writes);
        Some(Value::Bool(
            writes && e.fd.is_some_and(|fd| memchr::memmem::find(fd.name, b"/dev/log").is_some()),
        ))
    }),
    truth("evt.is_wait", "the call waits for something", |e| {
        Some(Value::Bool(WAITS.contains(&e.kind.name())))
    }),
    number("evt.latency", Type::Reltime, "always 0: only ends of calls are seen", |_| Some(Value::Number(0)))
        .deprecated(),
    nobody("evt.latency.human", Type::Charbuf, "how long the call took, for people").deprecated(),
    number("evt.latency.ns", Type::Reltime, "always 0", |_| Some(Value::Number(0))).deprecated(),
    number("evt.latency.s", Type::Reltime, "always 0", |_| Some(Value::Number(0))).deprecated(),
    nobody("evt.outputtime", Type::Charbuf, "when the event was printed").print_only(),
    row(
        "evt.rawarg",
        Type::Charbuf,
        "an argument of the event as a number or text: evt.rawarg.NAME",
        Get::Made(raw),
    )
    .needs_arg()
    .plain_only(),
    number("evt.rawres", Type::Int64, "the call's return value", |e| Some(Value::number(e.result?))),
    row(
        "evt.res",
        Type::Charbuf,
        "`SUCCESS`, or the error's name",
        Get::Made(|e, _, out| {
            Some(match e.result? {
                0.. => Value::text("SUCCESS"),
                error => error_name(error, out),
            })
        }),
    ),
    text("evt.type", "what happened: the system call's name, mostly", |e| Some(Value::text(e.kind.name())))
        .left_only(),
    row(
        "evt.type.is",
        Type::Uint32,
        "1 if the event is of the type of this name",
        Get::Made(|e, which, _| Some(Value::Number(i128::from(e.kind.name() == &*which.text)))),
    )
    .needs_arg(),
    number("evt.wait_latency", Type::Reltime, "always 0", |_| Some(Value::Number(0))).deprecated(),
    text("syscall.type", "the system call's name; missing for what is no call", |e| {
        e.kind.is_call().then(|| Value::text(e.kind.name()))
    })
    .left_only(),
];

const WAITS: &[&str] = &[
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "nanosleep",
    "clock_nanosleep",
    "futex",
    "wait4",
    "waitid",
];
const READS: &[&str] = &["read", "readv", "pread", "preadv", "recv", "recvfrom", "recvmsg", "recvmmsg"];
const WRITES: &[&str] = &["write", "writev", "pwrite", "pwritev", "send", "sendto", "sendmsg", "sendmmsg"];

/// Whether a call reads and whether it writes, if it does either.
fn is_io(event: &Event<'_>) -> Option<(bool, bool)> {
    let name = event.kind.name();
    let found = (READS.contains(&name), WRITES.contains(&name));
    (found.0 || found.1).then_some(found)
}

/// 1 for a call of one of these categories (of any, if there are none) that failed.
fn failed(event: &Event<'_>, categories: &[&str]) -> Option<Value<'static>> {
    let failed = event.result.is_some_and(|result| result < 0);
    let fits = categories.is_empty() || categories.contains(&event.kind.category());
    (failed && fits).then_some(Value::Number(1))
}

/// The flags of an open call; none for every other event, which makes `evt.is_open_*` false there.
fn open_flags(event: &Event<'_>) -> u32 {
    let flags = event.args.iter().find_map(|arg| match arg.value {
        ArgValue::OpenFlags(flags) if arg.name == "flags" => Some(flags),
        _ => None,
    });
    flags.unwrap_or(0)
}

fn is_open_create(event: &Event<'_>) -> bool {
    let created =
        |arg: &crate::Arg<'_>| matches!(arg.value, ArgValue::OpenFlags(flags) if flags & O_F_CREATED != 0);
    event.args.iter().any(created)
        || open_flags(event) & O_TMPFILE != 0 && event.result.is_some_and(|result| result >= 0)
}

fn is_open_exec(event: &Event<'_>) -> bool {
    let mode = event.args.iter().find_map(|arg| match arg.value {
        ArgValue::Mode(mode) => Some(mode),
        _ => None,
    });
    let creates = event.kind == EventType::CREAT || open_flags(event) & (O_CREAT | O_TMPFILE) != 0;
    creates && mode.is_some_and(|mode| mode & 0o111 != 0)
}
