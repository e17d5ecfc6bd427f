//! The two ends of a socket, as the kernel's record has them, and the names that they give it.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cadge_engine::{Endpoint, FdKind, L4Proto};

use super::record::SocketPart;

/// Sockets of other families that take addresses of IP.
const AF_SMC: i32 = 43;

/// TCP over several paths: `IPPROTO_MPTCP` and, with shared memory, `IPPROTO_SMC`.
const OVER_TCP: [i32; 2] = [262, 256];

/// The ends of an IP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) kind: FdKind,
    /// This program's.
    pub(crate) local: Endpoint,
    /// The other one, if there is one.
    pub(crate) remote: Option<Endpoint>,
}

impl Ends {
    /// The socket's own ends; where it has no other end (it is not connected, or that failed), the one that
    /// the caller passed. `None` for other families.
    pub(crate) fn new(socket: &SocketPart, given: &[u8]) -> Option<Self> {
        let family = match i32::from(socket.family) {
            family @ (libc::AF_INET | libc::AF_INET6) => family,
            AF_SMC => i32::from(u16::from_ne_bytes(*given.first_chunk()?)),
            _ => return None,
        };
        let local = Endpoint { ip: ip(&socket.local, family), port: socket.local_port };
        let own = Endpoint { ip: ip(&socket.remote, family), port: socket.remote_port };
        // The kernel takes the port away again from a socket whose connection was refused. One of a raw
        // socket has none.
        let is_raw = i32::from(socket.r#type) == libc::SOCK_RAW;
        let has_remote = !own.ip.is_unspecified() && (own.port != 0 || is_raw);
        let remote = if has_remote { Some(own) } else { given_ip(family, given) };
        Some(Self::plain(local, remote))
    }

    /// Addresses of IPv4 in the form of IPv6 are addresses of IPv4.
    fn plain(local: Endpoint, remote: Option<Endpoint>) -> Self {
        let mapped = |end: Endpoint| match end.ip {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
            IpAddr::V4(_) => true,
        };
        if !remote.map_or_else(|| mapped(local), mapped) {
            return Self { kind: FdKind::Ipv6, local, remote };
        }
        let v4 = |end: Endpoint| match end.ip {
            IpAddr::V6(v6) => {
                Endpoint { ip: v6.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED).into(), port: end.port }
            }
            IpAddr::V4(_) => end,
        };
        Self { kind: FdKind::Ipv4, local: v4(local), remote: remote.map(v4) }
    }
}

fn ip(bytes: &[u8; 16], family: i32) -> IpAddr {
    if family == libc::AF_INET {
        let [a, b, c, d, ..] = *bytes;
        return Ipv4Addr::new(a, b, c, d).into();
    }
    Ipv6Addr::from(*bytes).into()
}

/// The address of a `sockaddr_in` or `sockaddr_in6`, as a socket of a family reads it: one of IPv4 takes an
/// unspecified family for its own.
fn given_ip(family: i32, given: &[u8]) -> Option<Endpoint> {
    let given_family = i32::from(u16::from_ne_bytes(*given.first_chunk()?));
    let port = u16::from_be_bytes(*given.get(2..)?.first_chunk()?);
    let ip = match (family, given_family) {
        (_, libc::AF_INET) | (libc::AF_INET, libc::AF_UNSPEC) => {
            IpAddr::from(*given.get(4..)?.first_chunk::<4>()?)
        }
        (libc::AF_INET6, libc::AF_INET6) => IpAddr::from(*given.get(8..)?.first_chunk::<16>()?),
        _ => return None,
    };
    Some(Endpoint { ip, port })
}

/// Whether the address that a caller passed is none: connect takes it to undo a connection.
pub(crate) fn is_unspecified(given: &[u8]) -> bool {
    given.first_chunk().is_some_and(|family| i32::from(u16::from_ne_bytes(*family)) == libc::AF_UNSPEC)
}

/// What a descriptor of a socket is, by its family.
pub(crate) fn kind(socket: &SocketPart) -> FdKind {
    match i32::from(socket.family) {
        libc::AF_INET | AF_SMC => FdKind::Ipv4,
        libc::AF_INET6 => FdKind::Ipv6,
        libc::AF_UNIX => FdKind::Unix,
        libc::AF_NETLINK => FdKind::Netlink,
        _ => FdKind::Other,
    }
}

/// The protocol on top of IP.
pub(crate) fn l4proto(socket: &SocketPart, kind: FdKind) -> L4Proto {
    if !matches!(kind, FdKind::Ipv4 | FdKind::Ipv6) {
        return L4Proto::Unknown;
    }
    let protocol = i32::from(socket.protocol);
    match protocol {
        _ if i32::from(socket.r#type) == libc::SOCK_RAW => L4Proto::Raw,
        libc::IPPROTO_TCP => L4Proto::Tcp,
        _ if i32::from(socket.family) == AF_SMC || OVER_TCP.contains(&protocol) => L4Proto::Tcp,
        libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE => L4Proto::Udp,
        libc::IPPROTO_ICMP | libc::IPPROTO_ICMPV6 => L4Proto::Icmp,
        libc::IPPROTO_RAW => L4Proto::Raw,
        _ => L4Proto::Unknown,
    }
}

/// Falco's text: `client:port->server:port`, without ports for protocols that have none; of a socket that
/// only waits `server:port`.
pub(crate) fn print(client: Option<Endpoint>, server: Option<Endpoint>, l4proto: L4Proto, out: &mut Vec<u8>) {
    // Writing to a vector can't fail.
    let _ = match (client, server) {
        (Some(client), Some(server)) if matches!(l4proto, L4Proto::Icmp | L4Proto::Raw) => {
            write!(out, "{}->{}", client.ip, server.ip)
        }
        (Some(client), Some(server)) => {
            write!(out, "{}:{}->{}:{}", client.ip, client.port, server.ip, server.port)
        }
        (Some(end), None) | (None, Some(end)) => write!(out, "{}:{}", end.ip, end.port),
        (None, None) => Ok(()),
    };
}

/// The path of a `sockaddr_un`.
pub(crate) fn given_unix(given: &[u8]) -> &[u8] {
    let is_unix =
        given.first_chunk().is_some_and(|family| i32::from(u16::from_ne_bytes(*family)) == libc::AF_UNIX);
    given.get(2..).filter(|_| is_unix).unwrap_or_default()
}

/// Adds the name of a Unix socket: the path up to a NUL; of an abstract one, which begins with NUL, `@`
/// and all that follows.
pub(crate) fn print_unix(name: &[u8], out: &mut Vec<u8>) {
    match name {
        [0, name @ ..] if !name.is_empty() => {
            out.push(b'@');
            out.extend_from_slice(name.split(|byte| *byte == 0).next().unwrap_or_default());
        }
        name => out.extend_from_slice(name.split(|byte| *byte == 0).next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn socket(local: &str, remote: &str) -> SocketPart {
        let bytes = |text: &str| {
            let mut bytes = [0; 16];
            let end: std::net::SocketAddr = text.parse().unwrap();
            match end.ip() {
                IpAddr::V4(v4) => bytes[..4].copy_from_slice(&v4.octets()),
                IpAddr::V6(v6) => bytes = v6.octets(),
            }
            (bytes, end.port(), if end.is_ipv4() { 2 } else { 10 })
        };
        let (local, local_port, family) = bytes(local);
        let (remote, remote_port, _) = bytes(remote);
        SocketPart {
            ino: 7,
            peer_ino: 0,
            family,
            r#type: 1,
            protocol: 6,
            state: 1,
            local_port,
            remote_port,
            flags: 0,
            waiting: 0,
            waiting_max: 0,
            local,
            remote,
        }
    }

    fn text(socket: &SocketPart, given: &[u8]) -> String {
        let ends = Ends::new(socket, given).unwrap();
        let mut out = Vec::new();
        print(Some(ends.local), ends.remote, l4proto(socket, ends.kind), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_sockets_own_addresses_come_first() {
        let given = [2, 0, 0, 80, 203, 0, 113, 9];
        assert_eq!(text(&socket("10.0.0.1:4", "192.0.2.1:443"), &given), "10.0.0.1:4->192.0.2.1:443");
        assert_eq!(text(&socket("10.0.0.1:4", "0.0.0.0:0"), &given), "10.0.0.1:4->203.0.113.9:80");
        assert_eq!(text(&socket("10.0.0.1:4", "0.0.0.0:0"), b""), "10.0.0.1:4");
    }

    #[test]
    fn a_socket_of_ipv4_reads_an_unspecified_family_as_its_own() {
        let given = [0, 0, 0, 80, 203, 0, 113, 9];
        assert_eq!(text(&socket("10.0.0.1:4", "0.0.0.0:0"), &given), "10.0.0.1:4->203.0.113.9:80");
        assert_eq!(text(&socket("[::1]:4", "[::]:0"), &given), "::1:4");
    }

    #[test]
    fn ipv4_in_the_form_of_ipv6_is_ipv4() {
        let mapped = socket("[::ffff:10.0.0.1]:4", "[::ffff:192.0.2.1]:443");
        assert_eq!(text(&mapped, b""), "10.0.0.1:4->192.0.2.1:443");
        assert_eq!(Ends::new(&mapped, b"").unwrap().kind, FdKind::Ipv4);
        // A datagram from a socket that is on all addresses.
        let given = [2, 0, 0, 53, 192, 0, 2, 1];
        assert_eq!(text(&socket("[::]:4", "[::]:0"), &given), "0.0.0.0:4->192.0.2.1:53");
    }

    #[test]
    fn protocols_without_ports_have_none_in_names() {
        let mut raw = socket("10.0.0.1:1", "192.0.2.1:0");
        (raw.r#type, raw.protocol) = (3, 1);
        assert_eq!(l4proto(&raw, FdKind::Ipv4), L4Proto::Raw);
        assert_eq!(text(&raw, b""), "10.0.0.1->192.0.2.1");
        raw.r#type = 2;
        assert_eq!(l4proto(&raw, FdKind::Ipv4), L4Proto::Icmp);
        raw.protocol = 262;
        assert_eq!(l4proto(&raw, FdKind::Ipv4), L4Proto::Tcp);
    }

    #[test]
    fn unix_sockets_have_paths() {
        let name = |name: &[u8]| {
            let mut out = Vec::new();
            print_unix(name, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(name(given_unix(b"\x01\x00/run/x.sock\0rest")), "/run/x.sock");
        assert_eq!(name(given_unix(b"\x01\x00\0abstract")), "@abstract");
        assert_eq!(name(given_unix(b"\x02\x00/run/x.sock")), "");
        assert_eq!(name(b"\0"), "");
    }

    proptest! {
        #[test]
        fn any_address_prints(
            family in prop_oneof![0..50_u16, Just(2), Just(10)],
            kind in 0..6_u16,
            ends in any::<([u8; 16], [u8; 16], u16, u16)>(),
            given in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut socket = socket("10.0.0.1:4", "0.0.0.0:0");
            (socket.family, socket.r#type) = (family, kind);
            (socket.local, socket.remote, socket.local_port, socket.remote_port) = ends;
            let mut out = Vec::new();
            if let Some(ends) = Ends::new(&socket, &given) {
                print(Some(ends.local), ends.remote, l4proto(&socket, ends.kind), &mut out);
                let is_v4 = ends.kind == FdKind::Ipv4;
                prop_assert_eq!(ends.local.ip.is_ipv4(), is_v4);
                prop_assert!(ends.remote.is_none_or(|remote| remote.ip.is_ipv4() == is_v4));
            }
            print_unix(given_unix(&given), &mut out);
            prop_assert!(!is_unspecified(&given) || given[..2] == [0, 0]);
        }
    }
}
