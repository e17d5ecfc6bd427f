//! The two ends of a connection, as the kernel's record has them.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cadge_engine::{Endpoint, FdKind, L4Proto};

use super::record::SocketPart;

/// What a socket connects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Addresses<'a> {
    pub(crate) kind: FdKind,
    /// This host's end.
    pub(crate) client: Option<Endpoint>,
    /// The other end.
    pub(crate) server: Option<Endpoint>,
    /// A Unix socket's path.
    path: &'a [u8],
}

impl<'a> Addresses<'a> {
    /// The socket's own addresses; where it has none (the call failed, or it is a Unix socket),
    /// what the caller passed.
    pub(crate) fn new(socket: &SocketPart, given: &'a [u8]) -> Self {
        let family = if socket.family != 0 {
            i32::from(socket.family)
        } else {
            given.first_chunk().map_or(0, |bytes| i32::from(u16::from_ne_bytes(*bytes)))
        };
        match family {
            libc::AF_INET => Self::ip(socket, given, FdKind::Ipv4),
            libc::AF_INET6 => Self::ip(socket, given, FdKind::Ipv6),
            libc::AF_UNIX => Self { kind: FdKind::Unix, client: None, server: None, path: unix_path(given) },
            libc::AF_NETLINK => Self { kind: FdKind::Netlink, client: None, server: None, path: b"" },
            _ => Self { kind: FdKind::Other, client: None, server: None, path: b"" },
        }
    }

    fn ip(socket: &SocketPart, given: &'a [u8], kind: FdKind) -> Self {
        let local = Endpoint { ip: ip(&socket.local, kind), port: socket.local_port };
        let own = Endpoint { ip: ip(&socket.remote, kind), port: socket.remote_port };
        // The kernel takes the port away again from a socket whose connection was refused.
        let has_peer = !own.ip.is_unspecified() && own.port != 0;
        let server = if has_peer { Some(own) } else { given_ip(given) };
        Self { kind, client: Some(local), server, path: b"" }
    }

    /// Falco's text: `client:port->server:port`, or a Unix socket's path.
    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        out.clear();
        if let (Some(client), Some(server)) = (self.client, self.server) {
            // Writing to a vector can't fail.
            let _ = write!(out, "{}:{}->{}:{}", client.ip, client.port, server.ip, server.port);
        } else {
            out.extend_from_slice(self.path);
        }
    }
}

/// The protocol of a number of `netinet/in.h`.
pub(crate) fn l4proto(protocol: u16, kind: FdKind) -> L4Proto {
    if !matches!(kind, FdKind::Ipv4 | FdKind::Ipv6) {
        return L4Proto::Unknown;
    }
    match i32::from(protocol) {
        libc::IPPROTO_TCP => L4Proto::Tcp,
        libc::IPPROTO_UDP => L4Proto::Udp,
        libc::IPPROTO_ICMP | libc::IPPROTO_ICMPV6 => L4Proto::Icmp,
        libc::IPPROTO_RAW => L4Proto::Raw,
        _ => L4Proto::Unknown,
    }
}

fn ip(bytes: &[u8; 16], kind: FdKind) -> IpAddr {
    if kind == FdKind::Ipv4 {
        let [a, b, c, d, ..] = *bytes;
        return Ipv4Addr::new(a, b, c, d).into();
    }
    Ipv6Addr::from(*bytes).into()
}

/// The address of a `sockaddr_in` or `sockaddr_in6`.
fn given_ip(given: &[u8]) -> Option<Endpoint> {
    let family = i32::from(u16::from_ne_bytes(*given.first_chunk()?));
    let port = u16::from_be_bytes(*given.get(2..)?.first_chunk()?);
    let ip = match family {
        libc::AF_INET => IpAddr::from(*given.get(4..)?.first_chunk::<4>()?),
        libc::AF_INET6 => IpAddr::from(*given.get(8..)?.first_chunk::<16>()?),
        _ => return None,
    };
    Some(Endpoint { ip, port })
}

/// The path of a `sockaddr_un`: up to a NUL, or, of an abstract one, the bytes behind it with `@`
/// left to whoever prints them.
fn unix_path(given: &[u8]) -> &[u8] {
    let path = given.get(2..).unwrap_or_default();
    match path.first() {
        Some(0) => path,
        _ => path.split(|byte| *byte == 0).next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn socket() -> SocketPart {
        SocketPart {
            ino: 7,
            family: 2,
            r#type: 1,
            protocol: 6,
            state: 1,
            local_port: 40000,
            remote_port: 443,
            reserved: 0,
            local: [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            remote: [192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        }
    }

    fn text(socket: &SocketPart, given: &[u8]) -> String {
        let mut out = Vec::new();
        Addresses::new(socket, given).print(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_sockets_own_addresses_come_first() {
        let given = [2, 0, 0, 80, 203, 0, 113, 9];
        assert_eq!(text(&socket(), &given), "10.0.0.1:40000->192.0.2.1:443");
        let mut failed = socket();
        (failed.remote, failed.remote_port) = ([0; 16], 0);
        assert_eq!(text(&failed, &given), "10.0.0.1:40000->203.0.113.9:80");
    }

    #[test]
    fn unix_sockets_have_paths() {
        let mut unix = socket();
        unix.family = 1;
        assert_eq!(text(&unix, b"\x01\x00/run/x.sock\0rest"), "/run/x.sock");
    }

    proptest! {
        #[test]
        fn any_address_prints(family in 0..20_u16, given in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut socket = socket();
            socket.family = family;
            socket.remote = [0; 16];
            socket.remote_port = 0;
            let mut out = Vec::new();
            Addresses::new(&socket, &given).print(&mut out);
        }
    }
}
