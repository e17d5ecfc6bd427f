//! Calls on sockets: both ends, the role of the program, and what goes over them.

use super::cases::{Case, case, expect_cases};
use super::script::{Mode, URING};
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
            )
            // The flag is refused where there is no descriptor.
            .not_by(&[Mode::UringDirect]),
            case("socket", &["socket 17 3 768"], &[("domain", "AF_PACKET"), ("fd.type", "unknown")]),
            case("socket", &["socket 16 3 0"], &[("domain", "AF_ROUTE|AF_NETLINK"), ("fd.type", "netlink")]),
            case("socket", &["socket 2 3 1"], &[("fd.l4proto", "raw"), ("fd", "<4r>")]),
            case(
                "socket",
                &["socket 2 99 0"],
                &[("fd.num", "<NA>"), ("evt.res", "EINVAL"), ("fd", "EINVAL")],
            )
            // The entry is refused before it is a request.
            .not_by(URING),
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
            )
            // It waits for a connection whatever the socket says.
            .not_by(URING),
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

#[test]
fn the_kernel_says_which_end_a_program_is() {
    // Nobody has seen how the connection was made.
    let Some(watch) = Watch::on("roles", &["shutdown"], FIELDS) else { return };
    let accepted = [ACCEPT, &["shutdown $5 2"]].concat();
    let connects = ["socket 2 1 0", "connect $0 sin:127.0.0.1:{port} 16", "shutdown $0 1"];
    let bound = [
        "socket 2 1 0",
        "bind $0 sin:127.0.0.1:{closed} 16",
        "connect $0 sin:127.0.0.1:{port} 16",
        "shutdown $0 1",
    ];
    let client =
        [("fd.name", "127.0.0.1:*->127.0.0.1:{port}"), ("fd.is_server", "false"), ("how", "SHUT_WR")];
    let server = [("fd.name", "127.0.0.1:*->127.0.0.1:{closed}"), ("fd.is_server", "true")];
    expect_cases(
        &watch,
        &[
            case("shutdown", &accepted, &server),
            case("shutdown", &connects, &client),
            case("shutdown", &bound, &client),
        ],
    );
}

#[test]
fn every_message_of_a_call_is_told() {
    // Two messages behind one another, each to another port: a struct of both.
    let one = MESSAGE.trim_end_matches('}').trim_start_matches('{');
    let both = format!("sendmmsg $0 {{ {one} w:0 {} w:0 }} 2 0", one.replace(":9 ", ":11 "));
    let script: &[&str] = &["socket 2 2 0", &both];
    let to = |name| [("fd.name", name), ("evt.buffer", "helloyou"), ("evt.rawres", "8")];
    let (first, second) = (to("*->127.0.0.1:9"), to("*->127.0.0.1:11"));
    check("several messages", &[case("sendmmsg", script, &first), case("sendmmsg", script, &second)]);
    // Rules that name the call for one message only see them as well.
    let Some(watch) = Watch::on("several messages as one each", &["sendmsg"], FIELDS) else { return };
    expect_cases(&watch, &[case("sendmsg", script, &first), case("sendmsg", script, &second)]);
}

#[test]
fn what_sends_can_connect() {
    let fast_open = &["socket 2 1 0", "sendto $0 s:hello 5 0x20000000 sin:127.0.0.1:{port} 16"];
    let message = MESSAGE.replace(":9 ", ":{port} ");
    let fast_message = format!("sendmsg $0 {message} 0x20000000");
    let script: &[&str] = &["socket 2 1 0", &fast_message];
    let connected =
        &[("fd.name", "127.0.0.1:*->127.0.0.1:{port}"), ("fd.connected", "true"), ("evt.rawres", "0")];
    // An io_uring does not wait for the other end.
    let begun = &connected[..2];
    let cases = [
        case("connect", fast_open, connected).not_by(URING),
        case("connect", script, connected).not_by(URING),
        case("connect", fast_open, begun),
        case("connect", script, begun),
    ];
    check("fast open", &cases);
    let Some(watch) = Watch::on("fast open without what sends", &["connect"], FIELDS) else { return };
    expect_cases(&watch, &cases);
}

#[test]
fn other_families_and_protocols_are_no_way_around() {
    // ::ffff:127.0.0.1, as a struct sockaddr_in6 without its port.
    let mapped = "{ u16:10 u16:{net_port} u32:0 =00000000000000000000ffff7f000001 u32:0 } 28";
    let connect = format!("connect $0 {mapped}");
    let in_ipv6: &[&str] = &["socket 10 1 0", &connect];
    check(
        "other families",
        &[
            case(
                "connect",
                in_ipv6,
                &[("fd.name", "127.0.0.1:*->127.0.0.1:{port}"), ("fd.type", "ipv4"), ("fd.sip", "127.0.0.1")],
            ),
            // IPPROTO_MPTCP.
            case(
                "connect",
                &["socket 2 1 262", "connect $0 sin:127.0.0.1:{port} 16"],
                &[("fd.l4proto", "tcp"), ("fd.rport", "{port}")],
            ),
            // What sends to an address of IPv4 from a socket of IPv6.
            case(
                "sendto",
                &["socket 10 2 0", "sendto $0 s:hello 5 0 sin:127.0.0.1:9 16"],
                &[("fd.name", "0.0.0.0:*->127.0.0.1:9"), ("fd.type", "ipv4")],
            ),
        ],
    );
}

#[test]
fn options_are_told() {
    check(
        "options",
        &[
            case(
                "setsockopt",
                &["socket 2 1 0", "setsockopt $0 1 2 { u32:1 } 4"],
                &[
                    ("level", "SOL_SOCKET"),
                    ("optname", "SO_REUSEADDR"),
                    ("val", "1"),
                    ("optlen", "4"),
                    ("res", "0"),
                ],
            ),
            case(
                "getsockopt",
                &["socket 2 1 0", "getsockopt $0 1 3 b:4 { u32:4 }"],
                &[("level", "SOL_SOCKET"), ("optname", "SO_TYPE"), ("val", "1"), ("fd", "<4>")],
            ),
        ],
    );
}
