//! Calls on sockets. The ends of a connection come from the socket itself.

use cadge_engine::{ArgValue, flags};

use super::{ALSO, CRITICAL, Call, FdOf, SENDS, STAND_IN, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

/// Bytes of what is sent or received that are kept, in sixteens: Falco's 80.
const DATA: u8 = 5;

/// Bytes of an option's value that are kept, in sixteens.
const OPTION: u8 = 8;

/// The bit of `MSG_FASTOPEN`.
const FAST_OPEN_BIT: u16 = 29;

const TUPLE: Value = Value::Made(|taken| ArgValue::Text(taken.tuple()));
const ADDRESS: Value = Value::Made(|taken| ArgValue::Text(taken.address()));
const SENT: Value = Value::Made(|taken| ArgValue::Bytes(taken.bytes(part::BYTES, 1)));
const RECEIVED: Value = Value::Made(received);
const SIZE: Value = Value::Made(|taken| ArgValue::Uint(taken.message().map_or(0, |message| message.size)));
const CONTROL: Value = Value::Made(|taken| ArgValue::Bytes(taken.bytes(part::CONTROL, 1)));

const ACCEPT: &[(&str, Value)] = &[
    ("fd", Value::ResultFd),
    ("tuple", TUPLE),
    ("queuepct", Value::Made(|taken| queue(taken, 0))),
    ("queuelen", Value::Made(|taken| queue(taken, 1))),
    ("queuemax", Value::Made(|taken| queue(taken, 2))),
];
const ACCEPT4: &[(&str, Value)] = &[
    ("fd", Value::ResultFd),
    ("tuple", TUPLE),
    ("queuepct", Value::Made(|taken| queue(taken, 0))),
    ("queuelen", Value::Made(|taken| queue(taken, 1))),
    ("queuemax", Value::Made(|taken| queue(taken, 2))),
    ("flags", Value::Int(3)),
];
const CONNECT: &[(&str, Value)] =
    &[("res", Value::Result), ("tuple", TUPLE), ("fd", Value::Fd(0)), ("addr", ADDRESS)];
const SEND: &[(&str, Value)] = &[
    ("res", Value::Result),
    ("data", SENT),
    ("fd", Value::Fd(0)),
    ("size", Value::Long(2)),
    ("tuple", TUPLE),
];
const SENDMSG: &[(&str, Value)] =
    &[("res", Value::Result), ("data", SENT), ("fd", Value::Fd(0)), ("size", SIZE), ("tuple", TUPLE)];
const RECVMSG: &[(&str, Value)] = &[
    ("res", Value::Result),
    ("size", SIZE),
    ("data", RECEIVED),
    ("tuple", TUPLE),
    ("msgcontrol", CONTROL),
    ("fd", Value::Fd(0)),
];

/// A row whose descriptor is the first argument.
const fn on_socket(
    event: &'static str,
    calls: &'static [&'static str],
    flags: u32,
    takes: &'static [Take],
    args: &'static [(&'static str, Value)],
) -> Call {
    Call { event, calls, flags, takes, args, fd: FdOf::Arg(0) }
}

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "socket",
        calls: &["socket"],
        flags: 0,
        takes: &[Take::Fd(arg::RESULT)],
        args: &[
            ("fd", Value::ResultFd),
            ("domain", Value::Enum(0, &flags::SOCKET_DOMAIN)),
            ("type", Value::Made(|taken| ArgValue::Uint((taken.call().word(1) & TYPE_MASK).into()))),
            ("proto", Value::Long(2)),
            ("flags", Value::Made(|taken| ArgValue::OpenFlags(type_flags(taken.call().word(1))))),
        ],
        fd: FdOf::Accepted(arg::RESULT),
    },
    Call {
        event: "socketpair",
        calls: &["socketpair"],
        flags: 0,
        takes: &[Take::Pair(3)],
        args: &[
            ("res", Value::Result),
            ("fd1", Value::Made(|taken| taken.descriptor(of_pair(taken, 0), 3))),
            ("fd2", Value::Made(|taken| taken.descriptor(of_pair(taken, 4), arg::SECOND))),
            ("source", Value::Made(|taken| ArgValue::Uint(taken.socket_ino(3)))),
            ("peer", Value::Made(|taken| ArgValue::Uint(taken.socket_ino(arg::SECOND)))),
            ("domain", Value::Enum(0, &flags::SOCKET_DOMAIN)),
            ("type", Value::Made(|taken| ArgValue::Uint((taken.call().word(1) & TYPE_MASK).into()))),
            ("proto", Value::Long(2)),
        ],
        fd: FdOf::None,
    },
    on_socket(
        "bind",
        &["bind"],
        CRITICAL,
        &[Take::Fd(0), Take::Address(1, 2)],
        &[("res", Value::Result), ("addr", ADDRESS), ("fd", Value::Fd(0))],
    ),
    on_socket(
        "listen",
        &["listen"],
        CRITICAL,
        &[Take::Fd(0)],
        &[("res", Value::Result), ("fd", Value::Fd(0)), ("backlog", Value::Int(1))],
    ),
    on_socket("connect", &["connect"], CRITICAL, &[Take::Fd(0), Take::Address(1, 2)], CONNECT),
    accepting("accept", &["accept"], 0, ACCEPT),
    accepting("accept4", &["accept4"], 0, ACCEPT4),
    accepting("accept", &["accept4"], STAND_IN, ACCEPT),
    accepting("accept4", &["accept"], STAND_IN, ACCEPT4),
    on_socket(
        "sendto",
        &["sendto"],
        SENDS,
        &[Take::Fd(0), Take::Destination(4, 5), Take::Sized(1, 2, DATA)],
        SEND,
    ),
    on_socket("sendmsg", &["sendmsg"], SENDS, &[Take::Fd(0), Take::Sent(1, DATA)], SENDMSG),
    on_socket(
        "sendmmsg",
        &["sendmmsg"],
        SENDS,
        &[Take::Fd(0), Take::SentAll(1, DATA)],
        &[("res", Value::Result), ("fd", Value::Fd(0)), ("size", SIZE), ("data", SENT), ("tuple", TUPLE)],
    ),
    on_socket(
        "sendmsg",
        &["sendmmsg"],
        STAND_IN | ALSO | SENDS,
        &[Take::Fd(0), Take::SentAll(1, DATA)],
        SENDMSG,
    ),
    // What sends can connect as well.
    on_socket(
        "connect",
        &["sendto"],
        CRITICAL | STAND_IN,
        &[Take::IfBit(3, FAST_OPEN_BIT), Take::Fd(0), Take::Address(4, 5)],
        CONNECT,
    ),
    on_socket(
        "connect",
        &["sendmsg"],
        CRITICAL | STAND_IN,
        &[Take::IfBit(2, FAST_OPEN_BIT), Take::Fd(0), Take::Message(1, 0)],
        CONNECT,
    ),
    on_socket(
        "connect",
        &["sendmmsg"],
        CRITICAL | STAND_IN,
        &[Take::IfBit(3, FAST_OPEN_BIT), Take::Fd(0), Take::Messages(1, 0)],
        CONNECT,
    ),
    on_socket(
        "recvfrom",
        &["recvfrom"],
        0,
        &[Take::Fd(0), Take::AddressAt(4, 5), Take::Sized(1, arg::RESULT, DATA)],
        &[
            ("res", Value::Result),
            ("data", RECEIVED),
            ("tuple", TUPLE),
            ("fd", Value::Fd(0)),
            ("size", Value::Long(2)),
        ],
    ),
    on_socket("recvmsg", &["recvmsg"], 0, &[Take::Fd(0), Take::Message(1, DATA)], RECVMSG),
    on_socket(
        "recvmmsg",
        &["recvmmsg", "recvmmsg_time64"],
        0,
        &[Take::Fd(0), Take::Messages(1, DATA)],
        &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("size", SIZE),
            ("data", RECEIVED),
            ("tuple", TUPLE),
            ("msgcontrol", CONTROL),
        ],
    ),
    on_socket(
        "recvmsg",
        &["recvmmsg", "recvmmsg_time64"],
        STAND_IN | ALSO,
        &[Take::Fd(0), Take::Messages(1, DATA)],
        RECVMSG,
    ),
    on_socket("shutdown", &["shutdown"], 0, &[Take::Fd(0)], SHUTDOWN),
    on_socket("getsockopt", &["getsockopt"], 0, &[Take::Fd(0), Take::SizedAt(3, 4, OPTION)], SOCKOPT),
    on_socket("setsockopt", &["setsockopt"], 0, &[Take::Fd(0), Take::Sized(3, 4, OPTION)], SOCKOPT),
];

const SHUTDOWN: &[(&str, Value)] =
    &[("res", Value::Result), ("fd", Value::Fd(0)), ("how", Value::Enum(1, &flags::SHUTDOWN_HOW))];

const SOCKOPT: &[(&str, Value)] = &[
    ("res", Value::Result),
    ("fd", Value::Fd(0)),
    ("level", Value::Enum(1, &flags::SOCKOPT_LEVEL)),
    ("optname", Value::Enum(2, &flags::SOCKOPT_OPTION)),
    ("val", Value::Made(option)),
    ("optlen", Value::Made(|taken| ArgValue::Uint(length(taken.bytes(part::BYTES, 3))))),
];

const fn accepting(
    event: &'static str,
    calls: &'static [&'static str],
    flags: u32,
    args: &'static [(&'static str, Value)],
) -> Call {
    let takes = &[Take::Fd(arg::RESULT), Take::Fd(0)];
    Call { event, calls, flags: CRITICAL | flags, takes, args, fd: FdOf::Accepted(0) }
}

/// A socket's type without the flags that stand in the same number.
const TYPE_MASK: u32 = 0xf;

fn type_flags(kind: u32) -> u32 {
    let has = |flag: i32, bit: u32| if kind & flag.cast_unsigned() == 0 { 0 } else { bit };
    has(libc::SOCK_CLOEXEC, flags::O_CLOEXEC) | has(libc::SOCK_NONBLOCK, flags::O_NONBLOCK)
}

/// What arrived; of a call that failed nothing did.
fn received<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    ArgValue::Bytes(if taken.call().result < 0 { b"" } else { taken.bytes(part::BYTES, 1) })
}

/// How full the queue of the listening socket is in percent, how many wait there, and how many can.
fn queue<'a>(taken: &Taken<'a>, which: usize) -> ArgValue<'a> {
    let (waiting, max) = taken.queue();
    let percent = (u64::from(waiting) * 100).checked_div(max.into()).unwrap_or(0);
    ArgValue::Uint([percent, waiting.into(), max.into()][which])
}

/// A descriptor of the two that the argument points to.
fn of_pair(taken: &Taken<'_>, at: usize) -> i64 {
    let bytes = taken.bytes(part::BYTES, 3).get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(-1, |bytes| i32::from_ne_bytes(*bytes).into())
}

/// An option's value: a number, if it has the size of one.
fn option<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    let bytes = taken.bytes(part::BYTES, 3);
    match <[u8; 4]>::try_from(bytes) {
        Ok(number) => ArgValue::Int(i32::from_ne_bytes(number).into()),
        Err(_) => ArgValue::Bytes(bytes),
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
