//! `evt.*`: the event itself.

use super::{Field, Get, Type, Value, number, row, text, truth};
use crate::flags::{O_CREAT, O_F_CREATED, O_RDONLY, O_TMPFILE, O_WRONLY, mode_text, open_flags_text};
use crate::{Arg, ArgValue, Event, EventType, errno, utc};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    row(
        "evt.arg",
        Type::Text,
        "an argument of the event: evt.arg.NAME or evt.arg[INDEX]",
        Get::ByArg(|e, name| Some(resolved(argument(e, name)?))),
    ),
    text("evt.args", "all arguments, as name=value", |e| Some(Value::owned(all_args(e)))),
    number("evt.cpu", "the processor on which it happened", |e| Some(Value::number(e.cpu))),
    text("evt.dir", "always `<`: the end of a call", |_| Some(Value::text("<"))),
    truth("evt.failed", "the call failed", |e| Some(Value::Bool(e.result? < 0))),
    text("evt.hostname", "the host's name", |e| Some(Value::text(e.hostname))),
    truth("evt.is_open_create", "the call created a file", |e| Some(Value::Bool(is_open_create(e)))),
    truth("evt.is_open_exec", "the call creates an executable file", |e| Some(Value::Bool(is_open_exec(e)))),
    truth("evt.is_open_read", "the file is opened for reading", |e| {
        Some(Value::Bool(open_flags(e) & O_RDONLY != 0))
    }),
    truth("evt.is_open_write", "the file is opened for writing", |e| {
        Some(Value::Bool(open_flags(e) & O_WRONLY != 0))
    }),
    number("evt.num", "the event's number, from 1", |e| Some(Value::number(e.num))),
    number("evt.rawres", "the call's return value", |e| Some(Value::number(e.result?))),
    number("evt.rawtime", "nanoseconds since 1970", |e| Some(Value::number(e.time_ns))),
    text("evt.res", "`SUCCESS`, or the error's name", |e| {
        Some(match e.result? {
            0.. => Value::text("SUCCESS"),
            error => error_name(error),
        })
    }),
    text("evt.source", "where events come from: `syscall`", |_| Some(Value::text("syscall"))),
    text("evt.time", "the time of day in UTC, with nanoseconds", |e| {
        Some(Value::owned(utc::time_of_day(e.time_ns)))
    }),
    text("evt.time.iso8601", "date and time in UTC, with nanoseconds", |e| {
        Some(Value::owned(utc::iso8601(e.time_ns)))
    }),
    text("evt.type", "what happened: the system call's name, mostly", |e| Some(Value::text(e.kind.name()))),
];

fn argument<'a>(event: &Event<'a>, name: &str) -> Option<&'a Arg<'a>> {
    match name.parse::<usize>() {
        Ok(index) => event.args.get(index),
        Err(_) => event.args.iter().find(|arg| arg.name == name),
    }
}

/// Falco's `evt.arg`: the readable form where there is one, else the raw one.
fn resolved<'a>(arg: &Arg<'a>) -> Value<'a> {
    match arg.value {
        ArgValue::Uint(number) => Value::owned(number.to_string()),
        ArgValue::Text(text) => Value::text(text),
        ArgValue::Path { raw, resolved: [] } => Value::text(raw),
        ArgValue::Path { resolved, .. } => Value::text(resolved),
        ArgValue::Errno(number) if number < 0 => error_name(number),
        ArgValue::Int(number) | ArgValue::Errno(number) => Value::owned(number.to_string()),
        // AT_FDCWD of fcntl.h.
        ArgValue::Fd { num: -100, .. } => Value::text("AT_FDCWD"),
        ArgValue::Fd { num, .. } if num < 0 => error_name(num),
        ArgValue::Fd { num, typechar: 0, .. } => Value::owned(num.to_string()),
        ArgValue::Fd { typechar, name, .. } => {
            Value::owned(format!("<{}>{}", char::from(typechar), String::from_utf8_lossy(name)))
        }
        ArgValue::OpenFlags(flags) => Value::owned(open_flags_text(flags)),
        ArgValue::Mode(mode) => Value::owned(mode_text(mode)),
        ArgValue::Pid(pid, b"") => Value::owned(pid.to_string()),
        ArgValue::Uid(u32::MAX, _) => Value::text("<NONE>"),
        ArgValue::Uid(_, b"") => Value::text("<NA>"),
        ArgValue::Pid(_, name) | ArgValue::Uid(_, name) => Value::text(name),
    }
}

fn error_name(number: i64) -> Value<'static> {
    match errno::name(number.saturating_neg()) {
        Some(name) => Value::text(name),
        None => Value::owned(number.to_string()),
    }
}

/// `name=raw(resolved)` of each argument, the second only where it differs.
fn all_args(event: &Event<'_>) -> String {
    let mut out = String::new();
    for arg in event.args {
        let mut readable = String::new();
        resolved(arg).print(&mut readable);
        let raw = match arg.value {
            ArgValue::Int(number) | ArgValue::Errno(number) | ArgValue::Fd { num: number, .. } => {
                number.to_string()
            }
            ArgValue::Pid(number, _) => number.to_string(),
            ArgValue::Uid(number, _) | ArgValue::OpenFlags(number) => number.to_string(),
            ArgValue::Mode(mode) => format!("0{mode:o}"),
            ArgValue::Path { raw, .. } => String::from_utf8_lossy(raw).into_owned(),
            ArgValue::Uint(_) | ArgValue::Text(_) => readable.clone(),
        };
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(arg.name);
        out.push('=');
        out.push_str(&raw);
        if raw != readable {
            out.push('(');
            out.push_str(&readable);
            out.push(')');
        }
    }
    out
}

/// The flags of an open call; none for every other event, which makes `evt.is_open_*` false there.
fn open_flags(event: &Event<'_>) -> u32 {
    event
        .args
        .iter()
        .find_map(|arg| match arg.value {
            ArgValue::OpenFlags(flags) => Some(flags),
            _ => None,
        })
        .unwrap_or(0)
}

fn is_open_create(event: &Event<'_>) -> bool {
    let flags = open_flags(event);
    flags & O_F_CREATED != 0 || (flags & O_TMPFILE != 0 && event.result.is_some_and(|result| result >= 0))
}

fn is_open_exec(event: &Event<'_>) -> bool {
    let mode = event.args.iter().find_map(|arg| match arg.value {
        ArgValue::Mode(mode) => Some(mode),
        _ => None,
    });
    let creates = event.kind == EventType::CREAT || open_flags(event) & (O_CREAT | O_TMPFILE) != 0;
    creates && mode.is_some_and(|mode| mode & 0o111 != 0)
}
