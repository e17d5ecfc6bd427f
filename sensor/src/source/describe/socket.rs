//! Sockets: which end the program is, what the socket is called, and what is told of it.

use std::io::Write as _;

use cadge_engine::{Endpoint, FdKind, L4Proto};

use super::super::ebpf::address::{self, Ends};
use super::super::ebpf::calls::Call;
use super::super::ebpf::record::{BOUND, CallPart, MessagePart, Record, SHARED, SocketPart, arg, part};
use crate::state::{Role, Sockets};

/// `TCP_*` of `linux/tcp_states.h`, by which sockets of every family say how far they are.
const TCP_CLOSE: u16 = 7;
const TCP_LISTEN: u16 = 10;

/// `MSG_FASTOPEN`: the first data goes out with the request to connect.
const FAST_OPEN: u32 = 0x2000_0000;

/// A socket, as an event has it. Its name is a text of its own.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of rules")]
pub(super) struct SocketView {
    pub(super) kind: FdKind,
    pub(super) client: Option<Endpoint>,
    pub(super) server: Option<Endpoint>,
    pub(super) client_is_local: bool,
    pub(super) l4proto: L4Proto,
    pub(super) connected: bool,
    pub(super) name_changed: bool,
    pub(super) is_server: bool,
    pub(super) ino: u64,
}

/// A socket in a record, and the record.
pub(super) struct Found<'a> {
    pub(super) record: &'a Record<'a>,
    pub(super) call: &'a CallPart,
    pub(super) row: &'static Call,
    pub(super) socket: SocketPart,
    /// The argument that it belongs to.
    pub(super) arg: u8,
    pub(super) in_container: bool,
}

/// What the arguments of an event say of its socket.
#[derive(Default)]
pub(super) struct EndTexts {
    /// The sender's end, then the receiver's.
    pub(super) tuple: Vec<u8>,
    /// The end that the caller named.
    pub(super) address: Vec<u8>,
}

impl Found<'_> {
    /// Describes the socket, and writes its name.
    pub(super) fn describe(&self, sockets: &mut Sockets, name: &mut Vec<u8>) -> SocketView {
        let ends = Ends::new(&self.socket, self.given());
        let kind = ends.map_or_else(|| address::kind(&self.socket), |ends| ends.kind);
        let role = self.role(ends, sockets.role(self.socket.ino));
        let l4proto = address::l4proto(&self.socket, kind);
        let (client, server) = match (role, ends) {
            (Role::Client, Some(ends)) if ends.remote.is_some() => (Some(ends.local), ends.remote),
            (Role::Server, Some(ends)) => (ends.remote, Some(ends.local)),
            _ => (None, None),
        };
        name.clear();
        if kind == FdKind::Unix {
            self.print_unix(role, name);
        } else {
            address::print(client, server, l4proto, name);
        }
        let name_changed = sockets.note(self.socket.ino, role, name);
        let client_is_local = match (role, client) {
            (Role::Server, Some(end)) if self.in_container => Some(end.ip) == server.map(|end| end.ip),
            (Role::Server, Some(end)) => sockets.is_local(end.ip),
            (Role::Server, None) => false,
            _ => true,
        };
        SocketView {
            kind,
            client,
            server,
            client_is_local,
            l4proto: if role == Role::None && l4proto != L4Proto::Raw { L4Proto::Unknown } else { l4proto },
            connected: self.is_connected(),
            name_changed,
            is_server: role == Role::Server,
            ino: self.socket.ino,
        }
    }

    /// The other end as the caller passed it.
    fn given(&self) -> &[u8] {
        if self.row.event == "bind" { b"" } else { self.named() }
    }

    /// The address that the caller passed, if it is this socket's.
    fn named(&self) -> &[u8] {
        let part = self.record.part(part::ADDRESS).filter(|_| self.arg == 0);
        part.map_or(&b""[..], |part| part.bytes)
    }

    /// Which end the program is: the call tells, or an earlier one has, or how the socket got its port.
    fn role(&self, ends: Option<Ends>, known: Role) -> Role {
        let is_bound = self.socket.flags & BOUND != 0 || self.socket.state == TCP_LISTEN;
        let is_stream = i32::from(self.socket.r#type) == libc::SOCK_STREAM;
        match self.row.event {
            "connect" if address::is_unspecified(self.given()) && !self.is_connected() => return Role::None,
            "connect" => return Role::Client,
            "accept" | "accept4" if self.arg == arg::RESULT => return Role::Server,
            "bind" | "listen" if is_bound => return Role::Server,
            _ => {}
        }
        let Some(ends) = ends.filter(|_| known == Role::None) else { return known };
        match ends.remote {
            // A stream that was accepted is not bound itself.
            Some(_) if is_stream && self.is_connected() => {
                if self.socket.flags & SHARED == 0 {
                    Role::Client
                } else {
                    Role::Server
                }
            }
            _ if is_bound => Role::Server,
            Some(_) => Role::Client,
            None => Role::None,
        }
    }

    fn is_connected(&self) -> bool {
        match self.row.event {
            "connect" if self.arg == 0 => {
                let result = self.call.result;
                let undone = address::is_unspecified(self.given());
                !undone && (result >= 0 || result == -i64::from(libc::EINPROGRESS))
            }
            _ => !matches!(self.socket.state, 0 | TCP_CLOSE | TCP_LISTEN),
        }
    }

    /// Writes what the event's arguments say of the socket, which has a name by now.
    pub(super) fn print_ends(&self, name: &[u8], out: &mut EndTexts) {
        out.tuple.clear();
        out.address.clear();
        let Some(Ends { kind, local, remote }) = Ends::new(&self.socket, self.given()) else {
            out.tuple.extend_from_slice(name);
            address::print_unix(address::given_unix(self.named()), &mut out.address);
            return;
        };
        let l4proto = address::l4proto(&self.socket, kind);
        let comes_in = self.row.event.starts_with("recv") || self.row.event.starts_with("accept");
        let named = match (self.row.event, self.call.result) {
            ("bind", 0..) => Some(local),
            ("bind", _) => Ends::new(&self.socket, self.named()).and_then(|ends| ends.remote),
            _ => remote,
        };
        address::print(None, named, l4proto, &mut out.address);
        if let Some(remote) = remote {
            let (from, to) = if comes_in { (remote, local) } else { (local, remote) };
            address::print(Some(from), Some(to), l4proto, &mut out.tuple);
        }
    }

    /// `ours->theirs path` in the inodes of both ends, for two that talk; else the path. It is the one that
    /// the server's end was bound to, as the kernel has it.
    fn print_unix(&self, role: Role, out: &mut Vec<u8>) {
        let of = |kind| self.record.part_of(kind, self.arg).map_or(&b""[..], |part| part.bytes);
        let (own, peer) = (of(part::NAME), of(part::PEER));
        let given = address::given_unix(self.given());
        let (first, second) = if role == Role::Server { (own, peer) } else { (peer, own) };
        let path = [first, given, second].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        if self.is_connected() || self.row.event == "connect" || !given.is_empty() {
            // Writing to a vector can't fail.
            let _ = write!(out, "{:x}->{:x} ", self.socket.ino, self.socket.peer_ino);
        }
        address::print_unix(path, out);
    }
}

/// A call as one of its messages has it: what it returned are then the message's bytes.
pub(super) fn of_message(record: &Record<'_>, call: &CallPart) -> CallPart {
    let message = record.part(part::MESSAGE).and_then(|part| MessagePart::read(part.bytes));
    match message {
        Some(message) if call.result >= 0 => {
            CallPart { result: i64::try_from(message.moved).unwrap_or(i64::MAX), ..*call }
        }
        _ => *call,
    }
}

/// The connection that a call which sends makes on the way, as the call that it would have been.
pub(super) fn fast_open(record: &Record<'_>, call: &CallPart, row: &Call) -> Option<CallPart> {
    let flags = match *row.calls.first()? {
        "sendmsg" => call.word(2),
        "sendto" | "sendmmsg" => call.word(3),
        _ => return None,
    };
    let socket = SocketPart::read(record.part_of(part::SOCKET, 0)?.bytes)?;
    let is_stream = i32::from(socket.r#type) == libc::SOCK_STREAM;
    let is_ip = Ends::new(&socket, b"").is_some();
    let connects = flags & FAST_OPEN != 0 && is_stream && is_ip && record.part(part::ADDRESS).is_some();
    connects.then_some(CallPart { result: call.result.min(0), ..*call })
}
