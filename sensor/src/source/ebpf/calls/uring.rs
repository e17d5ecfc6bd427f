//! What an `io_uring` does instead of system calls: each operation is the row of the call that it does the
//! work of. And the calls on rings themselves.

use cadge_engine::{ArgValue, flags};

use super::{CRITICAL, Call, FdOf, LOOKS, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::part;

/// `CADGE_NUMBER_URING`, behind which no other numbers are.
const NUMBER: u32 = 704;

/// The numbers of operations, and the calls.
const OPERATIONS: &[(u32, &str)] = &[
    (9, "sendmsg"),
    (10, "recvmsg"),
    (13, "accept4"),
    (16, "connect"),
    (18, "openat"),
    (19, "close"),
    (26, "sendto"),
    (27, "recvfrom"),
    (28, "openat2"),
    (30, "splice"),
    (34, "shutdown"),
    (35, "renameat"),
    (36, "unlinkat"),
    (37, "mkdirat"),
    (38, "symlinkat"),
    (39, "linkat"),
    (45, "socket"),
    // Without a copy of what is sent.
    (47, "sendto"),
    (48, "sendmsg"),
    (55, "ftruncate"),
    (56, "bind"),
    (57, "listen"),
    // Ours: a renameat with flags.
    (120, "renameat2"),
];

/// The numbers that stand for the operations that do the work of a row's calls.
pub(super) fn numbers(names: &[&str]) -> impl Iterator<Item = u32> {
    OPERATIONS.iter().filter(|(_, name)| names.contains(name)).map(|(operation, _)| NUMBER + operation)
}

/// Whether a number stands for an operation.
pub(in crate::source::ebpf) fn is_operation(number: u32) -> bool {
    number >= NUMBER
}

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "io_uring_setup",
        calls: &["io_uring_setup"],
        flags: CRITICAL,
        takes: &[Take::Bytes(1, PARAMS_BYTES)],
        args: &[
            ("res", Value::Result),
            ("entries", Value::Uint(0)),
            ("sq_entries", Value::Made(|taken| ArgValue::Uint(params(taken, 0).into()))),
            ("cq_entries", Value::Made(|taken| ArgValue::Uint(params(taken, 4).into()))),
            ("flags", Value::Made(|taken| bits(taken, 8, &flags::IO_URING_SETUP))),
            ("sq_thread_cpu", Value::Made(|taken| ArgValue::Uint(params(taken, 12).into()))),
            ("sq_thread_idle", Value::Made(|taken| ArgValue::Uint(params(taken, 16).into()))),
            ("features", Value::Made(|taken| bits(taken, 20, &flags::IO_URING_FEATURE))),
        ],
        fd: FdOf::None,
    },
    Call {
        event: "io_uring_enter",
        calls: &["io_uring_enter"],
        flags: LOOKS,
        takes: &[Take::Fd(0)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("to_submit", Value::Uint(1)),
            ("min_complete", Value::Uint(2)),
            ("flags", Value::Flags(3, &flags::IO_URING_ENTER)),
            ("sig", Value::Made(|_| ArgValue::Missing)),
        ],
        fd: FdOf::Arg(0),
    },
    Call {
        event: "io_uring_register",
        calls: &["io_uring_register"],
        flags: CRITICAL,
        takes: &[Take::Fd(0)],
        args: &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("opcode", Value::Enum(1, &flags::IO_URING_REGISTER_OPCODE)),
            ("arg", Value::Long(2)),
            ("nr_args", Value::Uint(3)),
        ],
        fd: FdOf::Arg(0),
    },
];

/// The members of `struct io_uring_params` that are told, all numbers of four bytes.
const PARAMS_BYTES: u8 = 24;

fn params(taken: &Taken<'_>, at: usize) -> u32 {
    let bytes = taken.bytes(part::BYTES, 1).get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn bits<'a>(taken: &Taken<'a>, at: usize, names: &'static flags::Names) -> ArgValue<'a> {
    ArgValue::Flags { value: params(taken, at).into(), names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_of_the_kernel() {
        assert_eq!(numbers(&["sendto"]).collect::<Vec<_>>(), [NUMBER + 26, NUMBER + 47]);
        assert_eq!(numbers(&["open"]).count(), 0);
        assert!(is_operation(NUMBER + 18) && !is_operation(257));
    }
}
