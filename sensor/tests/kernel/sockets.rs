//! Calls on sockets: both ends, the role of the program, and what goes over them.

use super::cases::{Case, case, expect_cases};
use super::watch::Watch;

const TYPES: &[&str] = &[
    "socket",
    "socketpair",
    "bind",
    "listen",
    "connect",
    "accept",
    "accept4",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "shutdown",
    "getsockopt",
    "setsockopt",
];

const FIELDS: &[&str] = &[
    "fd.lip",
    "fd.lport",
    "fd.rip",
    "fd.rport",
    "fd.is_server",
    "fd.name_changed",
    "evt.buffer",
    "evt.buflen",
    "evt.is_io_write",
];

fn check(test: &str, cases: &[Case<'_>]) {
    let Some(watch) = Watch::on(test, TYPES, FIELDS) else { return };
    expect_cases(&watch, cases);
}

/// A message of `hello` and `you` in two buffers for port 9 of this host; as a struct msghdr.
const MESSAGE: &str = "{ sin:127.0.0.1:9 w:16 { s:hello w:5 s:you w:3 } w:2 w:0 w:0 w:0 }";

#[test]
fn sockets_are_made_and_wait() {
    check(
        "sockets",
        &[
            case(
                "socket",
                &["socket 2 0x80001 6"],
                &[
                    ("fd", "<4>"),
                    ("fd.num", "$0"),
                    ("fd.type", "ipv4"),
                    ("fd.name", ""),
                    ("fd.sip", "<NA>"),
                    ("fd.l4proto", "<NA>"),
                    ("domain", "AF_INET"),
                    ("type", "1"),
                    ("proto", "6"),
                    ("flags", "O_CLOEXEC"),
                ],
            ),
            case("socket", &["socket 17 3 768"], &[("domain", "AF_PACKET"), ("fd.type", "unknown")]),
            case("socket", &["socket 16 3 0"], &[("domain", "AF_ROUTE|AF_NETLINK"), ("fd.type", "netlink")]),
            case("socket", &["socket 2 3 1"], &[("fd.l4proto", "raw"), ("fd", "<4r>")]),
            case(
                "socket",
                &["socket 2 99 0"],
                &[("fd.num", "<NA>"), ("evt.res", "EINVAL"), ("fd", "EINVAL")],
            ),
            case(
                "socketpair",
                &["socketpair 1 1 0 b:8"],
                &[
                    ("fd1", "<u>*->* "),
                    ("fd2", "<u>*->* "),
                    ("source", "*"),
                    ("domain", "AF_LOCAL|AF_UNIX"),
                    ("res", "0"),
                ],
            ),
        ],
    );
}

#[test]
fn sockets_wait_under_their_address() {
    check(
        "waiting sockets",
        &[
            case(
                "bind",
                &["socket 2 1 0", "bind $0 sin:127.0.0.1:{closed} 16"],
                &[
                    ("fd.name", "127.0.0.1:{closed}"),
                    ("addr", "127.0.0.1:{closed}"),
                    ("fd", "<4t>127.0.0.1:{closed}"),
                    ("fd.sport", "{closed}"),
                    ("fd.cip", "<NA>"),
                    ("fd.lport", "{closed}"),
                    ("fd.is_server", "true"),
                    ("fd.connected", "false"),
                ],
            ),
            case("bind", &["socket 1 1 0", "bind $0 un:{dir}/b.sock 60"], &[("fd.name", "{dir}/b.sock")]),
            case("bind", &["socket 1 1 0", "bind $0 un:@cadge{closed} 12"], &[("fd.name", "@cadge*")]),
            case(
                "listen",
                &["socket 2 1 0", "bind $0 sin:127.0.0.1:{closed} 16", "listen $0 7"],
                &[
                    ("fd.name", "127.0.0.1:{closed}"),
                    ("backlog", "7"),
                    ("fd.sip", "127.0.0.1"),
                    ("fd.l4proto", "tcp"),
                ],
            ),
            // Without a bind the kernel chooses the port.
            case(
                "listen",
                &["socket 2 1 0", "listen $0 7"],
                &[("fd.name", "0.0.0.0:*"), ("fd.is_server", "true")],
            ),
        ],
    );
}

#[test]
fn connections_are_accepted_with_both_ends() {
    let accepted = |event| {
        case(
            event,
            if event == "accept" { ACCEPT } else { ACCEPT4 },
            &[
                ("fd.name", "127.0.0.1:*->127.0.0.1:{closed}"),
                ("fd.num", "$5"),
                ("fd.sport", "{closed}"),
                ("fd.is_server", "true"),
                ("fd.connected", "true"),
                // Both ends are this host's: as in Falco the client's is the local one.
                ("fd.rport", "{closed}"),
                ("tuple", "127.0.0.1:*->127.0.0.1:{closed}"),
                ("fd", "<4t>127.0.0.1:*->127.0.0.1:{closed}"),
                ("queuemax", "7"),
                ("queuelen", "0"),
            ],
        )
    };
    check(
        "accept",
        &[
            accepted("accept"),
            accepted("accept4"),
            case(
                "accept4",
                &["socket 2 0x801 0", "listen $0 1", "accept4 $0 0 0 0"],
                &[("fd.num", "-11"), ("evt.res", "EAGAIN"), ("fd.typechar", "4")],
            ),
            case(
                "accept4",
                &[
                    "socket 1 1 0",
                    "bind $0 un:{dir}/b.sock 60",
                    "listen $0 7",
                    "socket 1 1 0",
                    "connect $3 un:{dir}/b.sock 60",
                    "accept4 $0 0 0 0",
                ],
                &[("fd.name", "*->* {dir}/b.sock"), ("fd.type", "unix"), ("fd.connected", "true")],
            ),
        ],
    );
}

const ACCEPT: &[&str] = &[
    "socket 2 1 0",
    "bind $0 sin:127.0.0.1:{closed} 16",
    "listen $0 7",
    "socket 2 1 0",
    "connect $3 sin:127.0.0.1:{closed} 16",
    "accept $0 0 0",
];
const ACCEPT4: &[&str] = &[
    "socket 2 1 0",
    "bind $0 sin:127.0.0.1:{closed} 16",
    "listen $0 7",
    "socket 2 1 0",
    "connect $3 sin:127.0.0.1:{closed} 16",
    "accept4 $0 0 0 0",
];

#[test]
fn datagrams_have_their_destination() {
    let sent: &[(&str, &str)] = &[
        ("fd.name", "0.0.0.0:*->127.0.0.1:9"),
        ("fd.sip", "127.0.0.1"),
        ("fd.rport", "9"),
        ("fd.l4proto", "udp"),
        ("fd.connected", "false"),
        ("fd.name_changed", "true"),
        ("tuple", "0.0.0.0:*->127.0.0.1:9"),
        ("evt.buffer", "helloyou"),
        ("evt.buflen", "8"),
        ("size", "8"),
        ("evt.is_io_write", "true"),
    ];
    let message = format!("sendmsg $0 {MESSAGE} 0");
    let messages = format!("sendmmsg $0 {} w:8 w:0 }} 1 0", MESSAGE.trim_end_matches(" }"));
    let script: &[&str] = &["socket 2 2 0", &message];
    check(
        "datagrams",
        &[
            case("sendto", &["socket 2 2 0", "sendto $0 s:helloyou 8 0 sin:127.0.0.1:9 16"], sent),
            // The kernel takes an unspecified family for IPv4.
            case("sendto", &["socket 2 2 0", "sendto $0 s:helloyou 8 0 x:000000097f000001 16"], sent),
            case("sendmsg", script, sent),
            case("sendmmsg", &["socket 2 2 0", &messages], sent),
            case(
                "sendto",
                &[
                    "socket 2 2 0",
                    "sendto $0 s:one 3 0 sin:127.0.0.1:9 16",
                    "sendto $0 s:again 5 0 sin:127.0.0.1:9 16",
                ],
                &[("fd.name_changed", "false"), ("evt.buffer", "again")],
            ),
            case(
                "sendto",
                &["socket 2 2 0", "connect $0 sin:127.0.0.1:9 16", "sendto $0 s:hello 5 0 0 0"],
                &[("fd.name", "127.0.0.1:*->127.0.0.1:9"), ("fd.connected", "true"), ("evt.buffer", "hello")],
            ),
            case(
                "sendto",
                &[
                    "socket 2 2 0",
                    "connect $0 sin:127.0.0.1:9 16",
                    "connect $0 x:0000000000000000 16",
                    "sendto $0 s:hello 5 0 sin:127.0.0.2:7 16",
                ],
                &[("fd.name", "*->127.0.0.2:7"), ("fd.connected", "false")],
            ),
        ],
    );
}

#[test]
fn datagrams_have_their_sender() {
    check(
        "received datagrams",
        &[
            case(
                "recvfrom",
                &[
                    "socket 2 2 0",
                    "bind $0 sin:127.0.0.1:{closed} 16",
                    "socket 2 2 0",
                    "sendto $2 s:knock 5 0 sin:127.0.0.1:{closed} 16",
                    "recvfrom $0 b:32 32 0 b:16 { u32:16 }",
                ],
                &[
                    ("fd.name", "127.0.0.1:*->127.0.0.1:{closed}"),
                    ("fd.is_server", "true"),
                    ("fd.sport", "{closed}"),
                    ("fd.connected", "false"),
                    ("evt.buffer", "knock"),
                    ("size", "32"),
                    ("evt.rawres", "5"),
                ],
            ),
            case(
                "recvfrom",
                &["socket 2 2 0", "recvfrom $0 b:32 32 0x40 0 0"],
                &[("data", "NULL"), ("evt.res", "EAGAIN")],
            ),
        ],
    );
}
