//! Calls that make, change and touch processes, in every ABI.

use std::collections::BTreeSet;

use super::cases::{Case, case, expect_cases};
use super::watch::Watch;

/// Runs cases of these kinds of event.
#[track_caller]
fn expect(test: &str, types: &[&str], cases: &[Case<'_>]) {
    let raw = cases.iter().flat_map(|case| case.fields).map(|(name, _)| *name);
    let raw: BTreeSet<&str> = raw.filter(|name| name.starts_with("evt.rawarg.")).collect();
    if let Some(watch) = Watch::on(test, types, &Vec::from_iter(raw)) {
        expect_cases(&watch, cases);
    }
}

#[test]
fn users_and_groups_are_set() {
    let types =
        ["setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid"];
    expect(
        "set ids",
        &types,
        &[
            case("setuid", &["setuid/setuid32 65534"], &[("evt.rawarg.uid", "65534"), ("evt.rawres", "0")]),
            case("setgid", &["setgid/setgid32 65534"], &[("evt.rawarg.gid", "65534"), ("evt.rawres", "0")]),
            case("setuid", &["setuid/setuid32 65534", "setuid/setuid32 0"], &[("evt.res", "EPERM")]),
            case(
                "setreuid",
                &["setreuid/setreuid32 0xffffffff 65534"],
                &[("ruid", "<NONE>"), ("evt.rawarg.euid", "65534")],
            ),
            case("setregid", &["setregid/setregid32 0 65534"], &[("evt.rawarg.egid", "65534")]),
            case(
                "setresuid",
                &["setresuid/setresuid32 0 65534 0xffffffff"],
                &[("evt.rawarg.ruid", "0"), ("evt.rawarg.euid", "65534"), ("suid", "<NONE>")],
            ),
            case("setresgid", &["setresgid/setresgid32 0 0 65534"], &[("evt.rawarg.sgid", "65534")]),
            case("setfsuid", &["setfsuid/setfsuid32 65534"], &[("evt.rawarg.uid", "65534")]),
            case("setfsgid", &["setfsgid/setfsgid32 65534"], &[("evt.rawarg.gid", "65534")]),
        ],
    );
}

#[test]
fn the_root_the_session_and_namespaces_are_changed() {
    let types =
        ["chroot", "pivot_root", "setsid", "setpgid", "unshare", "setns", "chdir", "fchdir", "capset"];
    expect(
        "changes",
        &types,
        &[
            case("chdir", &["chdir s:{dir}/sub/.."], &[("path", "{dir}"), ("evt.rawres", "0")]),
            case(
                "fchdir",
                &["openat -100 s:{dir} 0 0", "fchdir $0"],
                &[("fd", "<d>{dir}"), ("fd.name", "{dir}")],
            ),
            case("chroot", &["chroot s:{dir}"], &[("path", "{dir}"), ("evt.rawres", "0")]),
            case(
                "pivot_root",
                &["pivot_root s:{dir} s:{dir}/gone"],
                &[("new_root", "{dir}"), ("put_old", "{dir}/gone"), ("evt.failed", "true")],
            ),
            case("setsid", &["setsid"], &[("evt.rawres", "$0")]),
            case("setpgid", &["setpgid 0 0"], &[("evt.rawarg.pid", "0"), ("evt.rawarg.pgid", "0")]),
            case("unshare", &["unshare 0x4000000"], &[("flags", "CLONE_NEWUTS")]),
            case(
                "setns",
                &["openat -100 s:/proc/self/ns/uts 0 0", "setns $0 0x4000000"],
                &[("nstype", "CLONE_NEWUTS"), ("evt.rawres", "0")],
            ),
            case(
                "capset",
                &["capset { u32:0x20080522 u32:0 } { u32:1 u32:3 u32:0 u32:0 u32:0 u32:0 }"],
                &[("evt.rawarg.cap_effective", "1"), ("evt.rawarg.cap_permitted", "3"), ("evt.rawres", "0")],
            ),
        ],
    );
}

#[test]
fn other_processes_are_touched() {
    let types = [
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_open",
        "pidfd_getfd",
        "pidfd_send_signal",
        "kill",
        "tkill",
        "tgkill",
    ];
    expect(
        "other processes",
        &types,
        &[
            case("ptrace", &["ptrace 0 0 0 0"], &[("request", "PTRACE_TRACEME"), ("evt.rawres", "0")]),
            case(
                "ptrace",
                &["ptrace 16 0x3fffffff 0 0"],
                &[("request", "PTRACE_ATTACH"), ("evt.res", "ESRCH")],
            ),
            case(
                "process_vm_readv",
                &["process_vm_readv self 0 0 0 0 0"],
                &[("pid", "call-*"), ("evt.rawres", "0")],
            ),
            case("process_vm_writev", &["process_vm_writev self 0 0 0 0 0"], &[("evt.rawres", "0")]),
            case("pidfd_open", &["pidfd_open self 0"], &[("evt.rawarg.fd", "$0"), ("fd.type", "pidfd")]),
            case(
                "pidfd_getfd",
                &["openat -100 s:{dir}/file 0 0", "pidfd_open self 0", "pidfd_getfd $1 $0 0"],
                &[("fd.name", "{dir}/file"), ("evt.rawarg.target_fd", "$0"), ("fd.num", "$2")],
            ),
            case(
                "pidfd_send_signal",
                &["pidfd_open self 0", "pidfd_send_signal $0 0 0 0"],
                &[("evt.rawarg.pid_fd", "$0"), ("evt.rawres", "0")],
            ),
            case("kill", &["kill self 0"], &[("pid", "call-*"), ("evt.rawres", "0")]),
            case("kill", &["kill 0x3fffffff 15"], &[("sig", "SIGTERM"), ("evt.res", "ESRCH")]),
            case("tkill", &["tkill self 0"], &[("tid", "call-*"), ("evt.rawres", "0")]),
            case("tgkill", &["tgkill self self 18"], &[("sig", "SIGCONT"), ("evt.rawres", "0")]),
        ],
    );
}

#[test]
fn what_a_process_may_is_changed() {
    expect(
        "limits",
        &["prctl", "seccomp", "setrlimit", "prlimit"],
        &[
            case(
                "prctl",
                &["prctl 15 s:cadge-prctl 0 0 0"],
                &[("option", "PR_SET_NAME"), ("arg2_str", "cadge-prctl"), ("proc.name", "cadge-prctl")],
            ),
            case("prctl", &["prctl 38 1 0 0 0"], &[("option", "PR_SET_NO_NEW_PRIVS"), ("arg2_int", "1")]),
            case("seccomp", &["seccomp 2 0 { u32:0 }"], &[("op", "2"), ("evt.rawres", "0")]),
            case(
                "prlimit",
                &["prlimit64 0 4 { u64:0 u64:0 } b:16"],
                &[("resource", "RLIMIT_CORE"), ("newcur", "0"), ("newmax", "0")],
            ),
        ],
    );
}

#[test]
fn children_are_made() {
    expect(
        "children",
        &["clone", "clone3", "fork", "vfork"],
        &[
            case("clone", &["!clone 0x11 0 0 0 0"], &[("evt.rawres", "$0"), ("evt.rawarg.flags", "17")]),
            case(
                "clone",
                &["!clone 0x4111 0 0 0 0"],
                &[("evt.rawres", "$0"), ("flags", "CLONE_VM|CLONE_VFORK")],
            ),
            case(
                "clone3",
                &["!clone3 { u64:0x200 u64:0 u64:0 u64:0 u64:17 u64:0 u64:0 u64:0 } 64"],
                &[("evt.rawres", "$0"), ("flags", "CLONE_FS"), ("exe", "*/call-*")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("fork", &["!fork"], &[("evt.rawres", "$0"), ("comm", "call-*")]),
            #[cfg(target_arch = "x86_64")]
            case("vfork", &["!vfork"], &[("evt.rawres", "$0")]),
        ],
    );
}

#[test]
fn programs_that_do_not_start_are_told() {
    expect(
        "failed exec",
        &["execve", "execveat"],
        &[
            case(
                "execve",
                &["execve s:{dir}/gone 0 0"],
                &[
                    ("filename", "{dir}/gone"),
                    ("evt.res", "ENOENT"),
                    ("evt.failed", "true"),
                    ("exe", "{dir}/gone"),
                ],
            ),
            case(
                "execveat",
                &["execveat -100 s:{dir}/file 0 0 0"],
                &[("evt.res", "EACCES"), ("comm", "call-*")],
            ),
        ],
    );
}
