//! Calls that change the kernel. Those that would harm this machine are made so that they are refused.

use super::cases::{Case, case, expect_cases};
use super::watch::Watch;

#[track_caller]
fn check(cases: &[Case<'_>]) {
    let types: Vec<&str> = cases.iter().map(|case| case.event).collect();
    let Some(watch) = Watch::on(&types.join(", "), &types, &[]) else { return };
    expect_cases(&watch, cases);
}

#[test]
fn programs_and_counters_of_the_kernel_are_told() {
    check(&[
        // BPF_MAP_CREATE of an array: its type, the bytes of keys and values, and how many.
        case(
            "bpf",
            &["bpf 0 { u32:2 u32:4 u32:4 u32:1 =00000000000000000000000000000000 } 32"],
            &[("cmd", "BPF_MAP_CREATE"), ("fd", "<b>*"), ("fd.num", "$0"), ("fd.type", "bpf")],
        ),
        // BPF_MAP_LOOKUP_ELEM of nothing.
        case(
            "bpf",
            &["bpf 1 { u32:999 =000000000000000000000000000000000000000000000000000000 } 31"],
            &[("cmd", "BPF_MAP_LOOKUP_ELEM"), ("evt.failed", "true"), ("fd.num", "<NA>")],
        ),
        case(
            "bpf",
            &["bpf 5 { u32:1 =0000000000000000 } 12"],
            &[("cmd", "BPF_PROG_LOAD"), ("evt.failed", "true")],
        ),
        case(
            "perf_event_open",
            // PERF_TYPE_SOFTWARE, 112 bytes, PERF_COUNT_SW_DUMMY.
            &["perf_event_open { u32:1 u32:112 u64:9 =00 } 0 -1 -1 8"],
            &[("fd.num", "$0"), ("cpu", "-1"), ("flags", "PERF_FLAG_FD_CLOEXEC"), ("group_fd", "EPERM")],
        ),
        case(
            "userfaultfd",
            &["userfaultfd 0x80001"],
            &[("res", "$0"), ("flags", "O_CLOEXEC|UFFD_USER_MODE_ONLY"), ("fd.type", "userfaultfd")],
        ),
    ]);
}

#[test]
fn modules_are_told() {
    check(&[
        case(
            "init_module",
            &["init_module s:not_a_module 12 s:debug=1"],
            &[("img", "not_a_module"), ("length", "12"), ("uargs", "debug=1"), ("evt.failed", "true")],
        ),
        case(
            "finit_module",
            &["openat -100 s:{dir}/file 0 0", "finit_module $0 s:debug=1 1"],
            &[
                ("fd", "<f>{dir}/file"),
                ("fd.name", "{dir}/file"),
                ("uargs", "debug=1"),
                ("flags", "MODULE_INIT_IGNORE_MODVERSIONS"),
                ("evt.failed", "true"),
            ],
        ),
        case(
            "delete_module",
            &["delete_module s:cadge_no_such 2048"],
            &[("name", "cadge_no_such"), ("flags", "O_NONBLOCK"), ("evt.failed", "true")],
        ),
        case(
            "kexec_load",
            &["kexec_load 1 2 0 0xff"],
            &[("nr_segments", "2"), ("flags", "255"), ("evt.failed", "true")],
        ),
    ]);
}

#[test]
fn names_keys_and_quotas_are_told() {
    check(&[
        case("sethostname", &["sethostname s:cadge -1"], &[("evt.res", "EINVAL")]),
        case("setdomainname", &["setdomainname s:cadge -1"], &[("evt.res", "EINVAL")]),
        case("keyctl", &["keyctl 1 0 0 0 0"], &[("operation", "KEYCTL_JOIN_SESSION_KEYRING")]),
        case(
            "quotactl",
            &["quotactl 0x80000701 s:/dev/cadge 7 b:72"],
            &[
                ("cmd", "Q_GETQUOTA"),
                ("type", "GRPQUOTA"),
                ("special", "/dev/cadge"),
                ("id", "7"),
                ("dqb_bhardlimit", "0"),
            ],
        ),
        case(
            "quotactl",
            &["quotactl 0x80000200 s:/dev/cadge 2 s:{dir}/quota"],
            &[("cmd", "Q_QUOTAON"), ("quotafilepath", "{dir}/quota"), ("quota_fmt", "QFMT_VFS_V0")],
        ),
        case("acct", &["acct s:{dir}/../gone"], &[("path", "*/gone"), ("evt.failed", "true")]),
        case(
            "swapon",
            &["swapon s:{dir}/gone 7"],
            &[("path", "{dir}/gone"), ("flags", "7"), ("evt.failed", "true")],
        ),
        case("swapoff", &["swapoff s:{dir}/gone"], &[("path", "{dir}/gone"), ("evt.failed", "true")]),
    ]);
}

#[test]
fn calls_say_all_by_their_arguments() {
    check(&[
        case("close", &["openat -100 s:{dir}/file 0 0", "close $0"], &[("fd", "$0"), ("res", "0")]),
        case(
            "close_range",
            &["close_range 900 1000 4"],
            &[("first", "900"), ("flags", "CLOSE_RANGE_CLOEXEC")],
        ),
        case(
            "ioctl",
            &["openat -100 s:{dir}/file 0 0", "ioctl $0 21523 0"],
            &[("fd.name", "{dir}/file"), ("request", "21523")],
        ),
        case(
            "flock",
            &["openat -100 s:{dir}/file 0 0", "flock $0 2"],
            &[("fd.name", "{dir}/file"), ("operation", "LOCK_EX")],
        ),
        case(
            "eventfd2",
            &["eventfd2 7 0x80000"],
            &[("initval", "7"), ("flags", "O_CLOEXEC"), ("fd.type", "event")],
        ),
        case("timerfd_create", &["timerfd_create 1 0"], &[("clockid", "1"), ("fd.type", "timerfd")]),
        case("faccessat", &["faccessat -100 s:{dir}/file 4"], &[("name", "{dir}/file"), ("mode", "R_OK")]),
        case("personality", &["personality 0xffffffff"], &[("persona", "4294967295")]),
        case("setgroups", &["setgroups/setgroups32 -1 0"], &[("size", "-1"), ("evt.failed", "true")]),
        case(
            "rt_sigqueueinfo",
            &["rt_sigqueueinfo 0x7ffffffe 9 b:128"],
            &[("sig", "SIGKILL"), ("evt.failed", "true")],
        ),
    ]);
}

#[test]
fn a_call_can_be_two_events() {
    let script: &[&str] = &["openat -100 s:{dir}/file 0 0", "fcntl/fcntl64 $0 0 700"];
    let other: &[&str] = &["openat -100 s:{dir}/file 0 0", "fcntl/fcntl64 $0 1 0"];
    check(&[
        case("fcntl", script, &[("cmd", "F_DUPFD"), ("arg", "700"), ("fd.name", "{dir}/file")]),
        case("dup", script, &[("fd.name", "{dir}/file"), ("fd.num", "$1")]),
        case("fcntl", other, &[("cmd", "F_GETFD")]),
    ]);
}

#[test]
fn calls_of_which_nothing_more_is_known_are_told_all_the_same() {
    check(&[
        case("reboot", &["reboot 0 0 0"], &[("evt.res", "EINVAL")]),
        case("add_key", &["add_key s:no_such_type s:x 0 0 0"], &[("evt.failed", "true")]),
        case("clock_settime", &["clock_settime 0 { u64:0 u64:2000000000 }"], &[("evt.failed", "true")]),
        case("sched_yield", &["sched_yield"], &[("evt.rawres", "0"), ("evt.category", "other")]),
        case("getpid", &["getpid"], &[("evt.rawres", "$pid")]),
        case("listmount", &["listmount 0 0 0 0xffff"], &[("evt.failed", "true")]),
    ]);
}
