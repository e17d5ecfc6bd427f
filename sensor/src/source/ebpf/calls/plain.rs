//! Calls whose arguments say all that there is to say.

use cadge_engine::{ArgValue, flags as names};

use super::super::flags;
use super::{CRITICAL, Call, FdOf, Take, Value};
use crate::source::ebpf::record::arg;

/// A row; of an event without a descriptor unless the last argument says so.
macro_rules! call {
    ($event:expr, $calls:expr, $takes:expr, $args:expr $(,)?) => {
        call!($event, $calls, $takes, $args, FdOf::None)
    };
    ($event:expr, $calls:expr, $takes:expr, $args:expr, $fd:expr $(,)?) => {
        Call { event: $event, calls: $calls, flags: 0, takes: $takes, args: $args, fd: $fd }
    };
}

pub(super) const CALLS: &[Call] = &[
    // The descriptor is gone by now, and with it what it referred to.
    call!("close", &["close"], &[], &[("res", Value::Result), ("fd", Value::Fd(0))]),
    call!(
        "close_range",
        &["close_range"],
        &[],
        &[
            ("res", Value::Result),
            ("first", Value::Uint(0)),
            ("last", Value::Uint(1)),
            ("flags", Value::Flags(2, &names::CLOSE_RANGE)),
        ],
    ),
    call!(
        "fcntl",
        &["fcntl"],
        &[Take::Fd(0)],
        &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("cmd", Value::Enum(1, &names::FCNTL_COMMAND)),
            ("arg", Value::Long(2)),
        ],
        FdOf::Arg(0),
    ),
    call!(
        "ioctl",
        &["ioctl"],
        &[Take::Fd(0)],
        &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("request", Value::Long(1)),
            ("argument", Value::Long(2)),
        ],
        FdOf::Arg(0),
    ),
    call!(
        "flock",
        &["flock"],
        &[Take::Fd(0)],
        &[
            ("res", Value::Result),
            ("fd", Value::Fd(0)),
            ("operation", Value::Flags(1, &names::FLOCK_OPERATION)),
        ],
        FdOf::Arg(0),
    ),
    call!(
        "epoll_create",
        &["epoll_create"],
        &[Take::Fd(arg::RESULT)],
        &[("res", Value::Result), ("size", Value::Int(0))],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "epoll_create1",
        &["epoll_create1"],
        &[Take::Fd(arg::RESULT)],
        &[("res", Value::Result), ("flags", Value::Flags(0, &names::EPOLL_CREATE1))],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "eventfd",
        &["eventfd"],
        &[Take::Fd(arg::RESULT)],
        &[
            ("res", Value::ResultFd),
            ("initval", Value::Uint(0)),
            ("flags", Value::Made(|_| ArgValue::Uint(0))),
        ],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "eventfd2",
        &["eventfd2"],
        &[Take::Fd(arg::RESULT)],
        &[
            ("res", Value::ResultFd),
            ("flags", Value::Made(|taken| ArgValue::OpenFlags(flags::beside_access(taken.call.word(1))))),
            ("initval", Value::Uint(0)),
        ],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "timerfd_create",
        &["timerfd_create"],
        &[Take::Fd(arg::RESULT)],
        &[("res", Value::ResultFd), ("clockid", Value::Uint(0)), ("flags", Value::Uint(1))],
        FdOf::Opened(arg::NONE),
    ),
    call!(
        "faccessat",
        &["faccessat"],
        &[Take::Path(1, 0)],
        &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("name", Value::Path(1)),
            ("mode", Value::Flags(2, &names::ACCESS_MODE)),
        ],
    ),
    call!(
        "faccessat2",
        &["faccessat2"],
        &[Take::Path(1, 0)],
        &[
            ("res", Value::Result),
            ("dirfd", Value::Fd(0)),
            ("name", Value::Path(1)),
            ("mode", Value::Flags(2, &names::ACCESS_MODE)),
            ("flags", Value::Flags(3, &names::AT)),
        ],
    ),
    Call {
        flags: CRITICAL,
        ..call!(
            "landlock_restrict_self",
            &["landlock_restrict_self"],
            &[Take::Fd(0)],
            &[("res", Value::Result), ("fd", Value::Fd(0)), ("flags", Value::Uint(1))],
            FdOf::Arg(0),
        )
    },
    call!("personality", &["personality"], &[], &[("res", Value::Result), ("persona", Value::Uint(0))]),
    call!(
        "rt_sigqueueinfo",
        &["rt_sigqueueinfo"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("sig", Value::Signal(1))],
    ),
    call!(
        "rt_tgsigqueueinfo",
        &["rt_tgsigqueueinfo"],
        &[],
        &[("res", Value::Result), ("pid", Value::Pid(0)), ("tid", Value::Pid(1)), ("sig", Value::Signal(2))],
    ),
    Call {
        flags: CRITICAL,
        ..call!("setgroups", &["setgroups"], &[], &[("res", Value::Result), ("size", Value::Int(0))])
    },
];
