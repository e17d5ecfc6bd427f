//! System calls as rows: each event with what makes it and what it must say.

use std::io::Write as _;

use super::cases::{case, expect_cases};
use super::watch::Watch;

#[test]
fn files_are_opened_by_every_road() {
    let Some(watch) = Watch::start("open calls") else { return };
    expect_cases(
        &watch,
        &[
            #[cfg(target_arch = "x86_64")]
            case(
                "open",
                &["open s:{dir}/link 0 0"],
                &[
                    ("fd.name", "{dir}/file"),
                    ("fd.nameraw", "{dir}/link"),
                    ("fd.num", "$0"),
                    ("flags", "O_RDONLY"),
                ],
            ),
            case(
                "openat",
                &["openat -100 s:{dir}/sub/../new 0x41 384"],
                &[
                    ("fd.name", "{dir}/new"),
                    ("fd.nameraw", "{dir}/sub/../new"),
                    ("flags", "O_CREAT|O_WRONLY|O_F_CREATED"),
                    ("mode", "S_IWUSR|S_IRUSR"),
                    ("proc.name", "call-*"),
                ],
            ),
            case(
                "openat",
                &["openat -100 s:{dir}/gone 0 0"],
                &[("fd.name", "{dir}/gone"), ("evt.res", "ENOENT")],
            ),
            case(
                "openat2",
                &["openat2 -100 s:{dir}/link { u64:2 u64:0 u64:0 } 24"],
                &[("fd.name", "{dir}/file"), ("flags", "O_RDWR")],
            ),
            #[cfg(target_arch = "x86_64")]
            case("creat", &["creat s:{dir}/new 493"], &[("fd.name", "{dir}/new"), ("mode", "S_IX*|S_IRUSR")]),
        ],
    );
}

#[test]
fn sockets_are_connected_by_every_road() {
    let Some(watch) = Watch::start("connect calls") else { return };
    expect_cases(
        &watch,
        &[
            case(
                "connect",
                &["socket 2 1 0", "connect $0 sin:127.0.0.1:{port} 16"],
                &[("fd.name", "127.0.0.1:*->127.0.0.1:{port}"), ("fd.l4proto", "tcp"), ("evt.rawres", "0")],
            ),
            case(
                "connect",
                &["socket 2 1 0", "connect $0 sin:127.0.0.1:{closed} 16"],
                &[("fd.sport", "{closed}"), ("evt.res", "ECONNREFUSED")],
            ),
            case(
                "connect",
                &["socket 10 1 0", "connect $0 sin6:{port6} 28"],
                &[("fd.name", "::1:*->::1:{port6}"), ("fd.type", "ipv6")],
            ),
            case(
                "connect",
                &["socket 1 1 0", "connect $0 un:{unix} 110"],
                &[("fd.name", "*->* {unix}"), ("fd.nameraw", "{unix}"), ("fd.type", "unix")],
            ),
        ],
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn ids_of_16_bits_are_what_the_kernel_makes_of_them() {
    let Some(watch) = Watch::on("16-bit ids", &["setuid", "setgid"], &[]) else { return };
    expect_cases(
        &watch,
        &[
            case("setuid", &["setuid/setuid32 0"], &[("uid", "root"), ("evt.rawres", "0")]),
            // Nobody native makes these: 16 bits are looked at.
            case("setuid", &["none/setuid 0x10000"], &[("uid", "root"), ("evt.rawres", "0")]),
            case("setgid", &["none/setgid 0x20000"], &[("gid", "root"), ("evt.rawres", "0")]),
            case("setuid", &["setuid/setuid32 0xffffffff"], &[("uid", "<NONE>"), ("evt.res", "EINVAL")]),
            case("setuid", &["none/setuid 0xffff"], &[("uid", "<NONE>"), ("evt.res", "EINVAL")]),
        ],
    );
}

#[test]
fn rings_are_told() {
    let types = &["io_uring_setup", "io_uring_enter", "io_uring_register"];
    let Some(watch) = Watch::on("io_uring", types, &[]) else { return };
    expect_cases(
        &watch,
        &[
            case(
                "io_uring_setup",
                &["io_uring_setup 4 b:120"],
                &[
                    ("res", "$0"),
                    ("entries", "4"),
                    ("sq_entries", "4"),
                    ("cq_entries", "8"),
                    ("flags", "0"),
                    ("features", "*IORING_FEAT_SINGLE_MMAP*"),
                ],
            ),
            case(
                "io_uring_enter",
                &["io_uring_setup 4 b:120", "io_uring_enter $0 0 0 1 0 0"],
                &[("res", "0"), ("fd.num", "$0"), ("to_submit", "0"), ("flags", "IORING_ENTER_GETEVENTS")],
            ),
            case(
                "io_uring_register",
                &["io_uring_setup 4 b:120", "io_uring_register $0 9 0 0"],
                &[("res", "1"), ("opcode", "IORING_REGISTER_PERSONALITY"), ("nr_args", "0")],
            ),
        ],
    );
}

#[test]
fn where_operations_come_from_is_said() {
    let check = cadge_sensor::source::ebpf::check_all().to_string();
    let line = check.lines().find(|line| line.contains("io_uring")).unwrap_or("missing: not even asked");
    let _ = writeln!(std::io::stderr(), "operations come from {line}");
    assert!(line.starts_with("ok") || line.starts_with("absent"), "{check}");
}
