//! Calls that change the kernel and what it says of itself: programs, modules, keys, quotas, clocks, names.

use cadge_engine::{ArgValue, flags};

use super::{CRITICAL, Call, FdOf, Take, Value};
use crate::source::describe::Taken;
use crate::source::ebpf::record::{arg, part};

/// Bytes of a module and of a command line that are kept, in sixteens.
const DATA: u8 = 5;
const LINE: u8 = 16;

/// A row of which none may be missed. An event has no descriptor unless the last argument says so.
macro_rules! call {
    ($event:expr, $calls:expr, $takes:expr, $args:expr $(,)?) => {
        call!($event, $calls, $takes, $args, FdOf::None)
    };
    ($event:expr, $calls:expr, $takes:expr, $args:expr, $fd:expr $(,)?) => {
        Call { event: $event, calls: $calls, flags: CRITICAL, takes: $takes, args: $args, fd: $fd }
    };
}

/// Of these Falco tells only that they were made.
macro_rules! bare {
    ($($name:literal),*) => { [$(call!($name, &[$name], &[], &[])),*] };
}

pub(super) const BARE: &[Call] = &bare![
    "add_key",
    "adjtimex",
    "clock_adjtime",
    "clock_settime",
    "create_module",
    "ioperm",
    "quotactl_fd",
    "reboot",
    "request_key",
    "settimeofday",
    "syslog",
    "vhangup"
];

pub(super) const CALLS: &[Call] = &[
    call!(
        "bpf",
        &["bpf"],
        &[Take::Fd(arg::RESULT)],
        &[("fd", Value::Made(made_by_bpf)), ("cmd", Value::Enum(0, &flags::BPF_COMMAND))],
        FdOf::OpenedBy(0, BPF_OPENS),
    ),
    call!(
        "perf_event_open",
        &["perf_event_open"],
        &[Take::Fd(arg::RESULT), Take::Fd(3)],
        &[
            ("fd", Value::ResultFd),
            ("pid", Value::Pid(1)),
            ("cpu", Value::Int(2)),
            ("group_fd", Value::Fd(3)),
            ("flags", Value::Flags(4, &flags::PERF_EVENT_OPEN)),
        ],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "userfaultfd",
        &["userfaultfd"],
        &[Take::Fd(arg::RESULT)],
        &[("res", Value::Result), ("flags", Value::Flags(0, &flags::USERFAULTFD))],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "memfd_secret",
        &["memfd_secret"],
        &[Take::Fd(arg::RESULT)],
        &[("fd", Value::ResultFd), ("flags", Value::Flags(0, &flags::MEMFD_CREATE))],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "init_module",
        &["init_module"],
        &[Take::Sized(0, 1, DATA), Take::String(2)],
        &[
            ("res", Value::Result),
            ("img", Value::Made(|taken| ArgValue::Bytes(taken.bytes(part::BYTES, 0)))),
            ("length", Value::Long(1)),
            ("uargs", Value::Text(2)),
        ],
    ),
    call!(
        "finit_module",
        &["finit_module"],
        &[Take::Fd(0), Take::String(1)],
        &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("uargs", Value::Text(1)),
            ("flags", Value::Flags(2, &flags::FINIT_MODULE)),
        ],
        FdOf::Arg(0),
    ),
    call!(
        "delete_module",
        &["delete_module"],
        &[Take::String(0)],
        &[
            ("res", Value::Result),
            ("name", Value::Text(0)),
            ("flags", Value::Flags(1, &flags::DELETE_MODULE)),
        ],
    ),
    call!(
        "kexec_load",
        &["kexec_load"],
        &[],
        &[
            ("res", Value::Result),
            ("entry", Value::Long(0)),
            ("nr_segments", Value::Long(1)),
            ("flags", Value::Long(3)),
        ],
    ),
    call!(
        "kexec_file_load",
        &["kexec_file_load"],
        &[Take::Fd(0), Take::Fd(1), Take::Sized(3, 2, LINE)],
        &[
            ("res", Value::Result),
            ("kernel_fd", Value::Fd(0)),
            ("initrd_fd", Value::Fd(1)),
            ("cmdline", Value::Made(|taken| ArgValue::Text(line(taken, 3)))),
            ("flags", Value::Flags(4, &flags::KEXEC_FILE_LOAD)),
        ],
    ),
    call!(
        "keyctl",
        &["keyctl"],
        &[],
        &[
            ("res", Value::Result),
            ("operation", Value::Enum(0, &flags::KEYCTL_OPERATION)),
            ("arg2", Value::Long(1)),
            ("arg3", Value::Long(2)),
            ("arg4", Value::Long(3)),
            ("arg5", Value::Long(4)),
        ],
    ),
    call!(
        "acct",
        &["acct"],
        &[Take::Path(0, arg::NONE)],
        &[("res", Value::Result), ("path", Value::Path(0))]
    ),
    call!(
        "swapon",
        &["swapon"],
        &[Take::Path(0, arg::NONE)],
        &[("res", Value::Result), ("path", Value::Path(0)), ("flags", Value::Uint(1))],
    ),
    call!(
        "swapoff",
        &["swapoff"],
        &[Take::Path(0, arg::NONE)],
        &[("res", Value::Result), ("path", Value::Path(0))],
    ),
    call!("sethostname", &["sethostname"], &[Take::Sized(0, 1, DATA)], NAME),
    call!("setdomainname", &["setdomainname"], &[Take::Sized(0, 1, DATA)], NAME),
    call!("iopl", &["iopl"], &[], &[("res", Value::Result), ("level", Value::Int(0))]),
];

const NAME: &[(&str, Value)] =
    &[("res", Value::Result), ("name", Value::Made(|taken| ArgValue::Text(line(taken, 0))))];

/// The commands of bpf(2) that answer a descriptor. The others answer 0, which is none.
const BPF_OPENS: &[u32] = &[0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36];

fn made_by_bpf<'a>(taken: &Taken<'a>) -> ArgValue<'a> {
    if BPF_OPENS.contains(&taken.call.word(0)) {
        return taken.descriptor(taken.call.result, arg::RESULT);
    }
    ArgValue::Fd { num: taken.call.result, typechar: 0, name: b"" }
}

/// The bytes of an argument up to a NUL.
fn line<'a>(taken: &Taken<'a>, at: u8) -> &'a [u8] {
    taken.bytes(part::BYTES, at).split(|byte| *byte == 0).next().unwrap_or_default()
}
