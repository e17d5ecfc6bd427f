//! Calls on sockets.

use cadge_engine::ArgValue;

use super::{CRITICAL, Call, FdOf, Take, Value};

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "listen",
        calls: &["listen"],
        flags: CRITICAL,
        takes: &[Take::Fd(0)],
        args: &[("res", Value::Result), ("fd", Value::Fd(0)), ("backlog", Value::Int(1))],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "connect",
        calls: &["connect"],
        flags: CRITICAL,
        takes: &[Take::Fd(0), Take::Sized(1, 2, SOCKADDR_BYTES_MAX / 16)],
        args: &[
            ("res", Value::Result),
            ("tuple", Value::Made(|taken| ArgValue::Text(taken.fd_name()))),
            ("fd", Value::Fd(0)),
            ("addr", Value::Made(|taken| ArgValue::Text(taken.fd_name()))),
        ],
        fd: FdOf::Arg(0),
    },
];

/// `struct sockaddr_storage`.
const SOCKADDR_BYTES_MAX: u8 = 128;
