//! `evt.arg`, `evt.rawarg` and `evt.args`: the arguments of an event.

use super::{FieldArg, Type, Value};
use crate::flags::{SIGNAL, mode_text, open_flags_text};
use crate::{Arg, ArgValue, Event, L4Proto, errno};

/// Arguments that are signed numbers: return values, descriptors, processes.
const SIGNED: &[&str] = &[
    "arg2_int",
    "aux",
    "backlog",
    "cpu",
    "cur",
    "dirfd",
    "fd",
    "fd1",
    "fd2",
    "fd_in",
    "fd_out",
    "fdin",
    "fdlimit",
    "fdout",
    "from_dirfd",
    "fs_fd",
    "group_fd",
    "in_fd",
    "initrd_fd",
    "kernel_fd",
    "key",
    "linkdirfd",
    "max",
    "maxevents",
    "mountfd",
    "newcur",
    "newdir",
    "newdirfd",
    "newfd",
    "newmax",
    "nsems",
    "oldcur",
    "olddir",
    "olddirfd",
    "oldfd",
    "oldmax",
    "out_fd",
    "pgid",
    "pid",
    "pid_fd",
    "pkey",
    "ptid",
    "res",
    "sem_op_0",
    "sem_op_1",
    "semid",
    "semnum",
    "target_fd",
    "tid",
    "timeout",
    "to_dirfd",
    "tty",
    "vpgid",
    "vpid",
    "vtid",
];

/// Arguments that are unsigned numbers of 64 bits.
const LONG: &[&str] = &[
    "addr",
    "arg",
    "argument",
    "attr_clr",
    "attr_set",
    "cap_effective",
    "cap_inheritable",
    "cap_permitted",
    "dqb_bhardlimit",
    "dqb_bsoftlimit",
    "dqb_btime",
    "dqb_curspace",
    "dqb_ihardlimit",
    "dqb_isoftlimit",
    "dqb_itime",
    "dqi_bgrace",
    "dqi_igrace",
    "entry",
    "exe_ino",
    "exe_ino_ctime",
    "exe_ino_mtime",
    "initval",
    "ino",
    "interval",
    "len",
    "length",
    "nr_segments",
    "offin",
    "offout",
    "offset",
    "peer",
    "pgft_maj",
    "pgft_min",
    "pgoffset",
    "pidns_init_start_ts",
    "pos",
    "source",
];

/// Arguments that are unsigned numbers of up to 32 bits: flags, users, modes.
const WORD: &[&str] = &[
    "ID",
    "attr_flags",
    "clockid",
    "cmd",
    "cq_entries",
    "creat_flags",
    "dev",
    "domain",
    "dqi_flags",
    "egid",
    "entries",
    "euid",
    "features",
    "first",
    "flags",
    "gid",
    "how",
    "id",
    "last",
    "level",
    "loginuid",
    "mask",
    "min_complete",
    "mode",
    "nativeID",
    "nr_args",
    "nsops",
    "nstype",
    "op",
    "opcode",
    "operation",
    "option",
    "optlen",
    "optname",
    "persona",
    "prot",
    "proto",
    "queuelen",
    "queuemax",
    "queuepct",
    "quota_fmt",
    "quota_fmt_out",
    "ratio",
    "request",
    "resolve",
    "resource",
    "rgid",
    "ruid",
    "sem_flg_0",
    "sem_flg_1",
    "sem_num_0",
    "sem_num_1",
    "semflg",
    "sgid",
    "sig",
    "size",
    "sq_entries",
    "sq_thread_cpu",
    "sq_thread_idle",
    "suid",
    "to_submit",
    "type",
    "uid",
    "vm_rss",
    "vm_size",
    "vm_swap",
    "whence",
];

/// Arguments that are bytes.
const BYTES: &[&str] = &[
    "arg2",
    "arg3",
    "arg4",
    "arg5",
    "args",
    "cgroups",
    "data",
    "env",
    "fds",
    "img",
    "msgcontrol",
    "res_or_fd",
    "sigmask",
    "tuple",
    "val",
    "value_bytebuf",
];

/// The type of `evt.rawarg.NAME`. A name has the same type in every event that has it.
pub(super) fn raw_type(name: &str) -> Type {
    [(SIGNED, Type::Int64), (LONG, Type::Uint64), (WORD, Type::Uint32), (BYTES, Type::Bytebuf)]
        .into_iter()
        .find_map(|(names, ty)| names.contains(&name).then_some(ty))
        .unwrap_or(Type::Charbuf)
}

fn argument<'a>(event: &Event<'a>, which: &FieldArg) -> Option<&'a Arg<'a>> {
    match which.index {
        Some(index) => event.args.get(index),
        None => event.args.iter().find(|arg| arg.name == &*which.text),
    }
}

/// Falco's `evt.arg`: the readable form where there is one, else the raw one.
pub(super) fn readable<'a>(
    event: &Event<'a>,
    which: &FieldArg,
    buffer: &'a mut Vec<u8>,
) -> Option<Value<'a>> {
    Some(resolved(argument(event, which)?, buffer))
}

/// Falco's `evt.rawarg`: the number or text as the kernel has it.
pub(super) fn raw<'a>(event: &Event<'a>, which: &FieldArg, _: &'a mut Vec<u8>) -> Option<Value<'a>> {
    let arg = argument(event, which)?;
    Some(match arg.value {
        ArgValue::Missing if raw_type(arg.name) == Type::Charbuf => Value::text("<NA>"),
        ArgValue::Missing => return None,
        ArgValue::Int(number)
        | ArgValue::Errno(number)
        | ArgValue::Fd { num: number, .. }
        | ArgValue::Socket { num: number, .. }
        | ArgValue::Enum { value: number, .. }
        | ArgValue::Signal(number)
        | ArgValue::Pid(number, _) => Value::number(number),
        ArgValue::Uint(number) | ArgValue::Flags { value: number, .. } => Value::number(number),
        ArgValue::Uid(number, _)
        | ArgValue::Gid(number, _)
        | ArgValue::OpenFlags(number)
        | ArgValue::Mode(number) => Value::number(number),
        ArgValue::Text(text) | ArgValue::Bytes(text) | ArgValue::Path { raw: text, .. } => Value::text(text),
    })
}

fn resolved<'a>(arg: &Arg<'a>, buffer: &'a mut Vec<u8>) -> Value<'a> {
    match arg.value {
        ArgValue::Bytes([]) => return Value::text("NULL"),
        ArgValue::Text(text) | ArgValue::Bytes(text) => return Value::text(text),
        ArgValue::Path { raw, resolved: [] } => return Value::text(raw),
        ArgValue::Path { resolved, .. } => return Value::text(resolved),
        // AT_FDCWD of fcntl.h.
        ArgValue::Fd { num: -100, .. } => return Value::text("AT_FDCWD"),
        ArgValue::Errno(number) | ArgValue::Fd { num: number, .. } if number < 0 => {
            return error_name(number, buffer);
        }
        ArgValue::Uid(u32::MAX, _) | ArgValue::Gid(u32::MAX, _) => return Value::text("<NONE>"),
        ArgValue::Missing | ArgValue::Uid(_, b"") | ArgValue::Gid(_, b"") => return Value::text("<NA>"),
        ArgValue::Fd { num, typechar: 0, .. } => print(buffer, format_args!("{num}")),
        ArgValue::Fd { typechar, name, .. } => {
            print(buffer, format_args!("<{}>", char::from(typechar)));
            buffer.extend_from_slice(name);
        }
        ArgValue::Socket { typechar, l4proto, name, .. } => {
            print(buffer, format_args!("<{}{}>", char::from(typechar), l4_char(l4proto)));
            buffer.extend_from_slice(name);
        }
        ArgValue::Uint(number) => print(buffer, format_args!("{number}")),
        ArgValue::Int(number) | ArgValue::Errno(number) => print(buffer, format_args!("{number}")),
        ArgValue::OpenFlags(flags) => open_flags_text(flags, buffer),
        ArgValue::Mode(mode) => mode_text(mode, buffer),
        ArgValue::Pid(pid, b"") => print(buffer, format_args!("{pid}")),
        ArgValue::Pid(_, name) | ArgValue::Uid(_, name) | ArgValue::Gid(_, name) => {
            return Value::text(name);
        }
        ArgValue::Flags { value, names } => names.flags(value, buffer),
        ArgValue::Enum { value, names } => names.exact(value, buffer),
        ArgValue::Signal(number) => SIGNAL.exact(number, buffer),
    }
    Value::Text(buffer)
}

/// Falco's character for a protocol.
fn l4_char(l4proto: L4Proto) -> &'static str {
    match l4proto {
        L4Proto::Tcp => "t",
        L4Proto::Udp => "u",
        L4Proto::Icmp => "i",
        L4Proto::Raw => "r",
        L4Proto::Unknown => "",
    }
}

/// Into a vector that has room, this allocates nothing.
pub(super) fn print(buffer: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = buffer.write_fmt(text);
}

/// The error's name, such as `ENOENT` for -2.
pub(super) fn error_name(number: i64, buffer: &mut Vec<u8>) -> Value<'_> {
    if let Some(name) = errno::name(number.saturating_neg()) {
        Value::text(name)
    } else {
        print(buffer, format_args!("{number}"));
        Value::Text(buffer)
    }
}

/// `name=raw(readable)` of each argument, the second only where it differs.
#[allow(clippy::unnecessary_wraps, reason = "the table of fields wants an option")]
pub(super) fn all<'a>(event: &Event<'a>, _: &FieldArg, buffer: &'a mut Vec<u8>) -> Option<Value<'a>> {
    let mut own = Vec::new();
    for arg in event.args {
        own.clear();
        let readable = resolved(arg, &mut own).bytes().into_owned();
        let raw = match arg.value {
            ArgValue::Int(number)
            | ArgValue::Errno(number)
            | ArgValue::Fd { num: number, .. }
            | ArgValue::Socket { num: number, .. }
            | ArgValue::Enum { value: number, .. }
            | ArgValue::Signal(number)
            | ArgValue::Pid(number, _) => number.to_string().into_bytes(),
            ArgValue::Flags { value, .. } => value.to_string().into_bytes(),
            ArgValue::Uid(number, _) | ArgValue::Gid(number, _) | ArgValue::OpenFlags(number) => {
                number.to_string().into_bytes()
            }
            ArgValue::Mode(mode) => format!("0{mode:o}").into_bytes(),
            ArgValue::Path { raw, .. } => raw.to_vec(),
            ArgValue::Uint(_) | ArgValue::Text(_) | ArgValue::Bytes(_) | ArgValue::Missing => {
                readable.clone()
            }
        };
        if !buffer.is_empty() {
            buffer.push(b' ');
        }
        buffer.extend_from_slice(arg.name.as_bytes());
        buffer.push(b'=');
        buffer.extend_from_slice(&raw);
        if raw != readable {
            buffer.push(b'(');
            buffer.extend_from_slice(&readable);
            buffer.push(b')');
        }
    }
    Some(Value::Text(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{BPF_COMMAND, CLONE, SOCKET_DOMAIN};

    #[track_caller]
    fn check(value: ArgValue<'_>, readable: &str) {
        let mut buffer = Vec::new();
        let value = resolved(&Arg { name: "value", value }, &mut buffer);
        assert_eq!(String::from_utf8_lossy(&value.bytes()), readable);
    }

    #[test]
    fn numbers_with_names_read_as_their_names() {
        check(ArgValue::Flags { value: 0x6000_0000, names: &CLONE }, "CLONE_NEWNET|CLONE_NEWPID");
        check(ArgValue::Flags { value: 1 << 40, names: &CLONE }, "1099511627776");
        check(ArgValue::Enum { value: 5, names: &BPF_COMMAND }, "BPF_PROG_LOAD");
        check(ArgValue::Enum { value: 16, names: &SOCKET_DOMAIN }, "AF_ROUTE|AF_NETLINK");
        check(ArgValue::Signal(9), "SIGKILL");
        check(ArgValue::Signal(40), "40");
    }

    #[test]
    fn sockets_read_as_their_type_and_name() {
        let socket = |l4proto, name| ArgValue::Socket { num: 3, typechar: b'4', l4proto, name };
        check(socket(L4Proto::Tcp, b"10.0.0.1:5->10.0.0.2:80"), "<4t>10.0.0.1:5->10.0.0.2:80");
        check(socket(L4Proto::Unknown, b""), "<4>");
    }

    #[test]
    fn groups_read_as_users_do() {
        check(ArgValue::Gid(0, b"root"), "root");
        check(ArgValue::Gid(u32::MAX, b""), "<NONE>");
        check(ArgValue::Gid(77, b""), "<NA>");
    }
}
