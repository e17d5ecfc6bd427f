//! Calls that make memory executable. Others on memory are not told: there is no end of them.

use cadge_engine::{ArgValue, flags};

use super::{Call, FdOf, Take, Value};

pub(super) const CALLS: &[Call] = &[
    Call {
        event: "mmap",
        calls: &["mmap"],
        flags: 0,
        takes: &[Take::IfAny(2, PROT_EXEC), Take::Fd(4)],
        args: &[
            ("res", Value::Result),
            ("vm_size", Value::Made(|_| ArgValue::Missing)),
            ("vm_rss", Value::Made(|_| ArgValue::Missing)),
            ("vm_swap", Value::Made(|_| ArgValue::Missing)),
            ("addr", Value::Long(0)),
            ("length", Value::Long(1)),
            ("prot", Value::Flags(2, &flags::MAP_PROT)),
            ("flags", Value::Flags(3, &flags::MAP)),
            ("fd", Value::Fd(4)),
            ("offset", Value::Long(5)),
        ],
        fd: FdOf::Arg(4),
    },
    // The second has a protection key and does the same: it is no way around a rule on the first.
    Call {
        event: "mprotect",
        calls: &["mprotect", "pkey_mprotect"],
        flags: 0,
        takes: &[Take::IfAny(2, PROT_EXEC)],
        args: &[
            ("res", Value::Result),
            ("addr", Value::Long(0)),
            ("length", Value::Long(1)),
            ("prot", Value::Flags(2, &flags::MAP_PROT)),
        ],
        fd: FdOf::None,
    },
];

const PROT_EXEC: u16 = 4;
