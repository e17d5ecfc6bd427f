//! `fd.*` and `fs.path.*`: the file or connection that the event is about.

use super::{Field, Get, Type, Value, number, row, text, truth};
use crate::{ArgValue, Endpoint, Event, EventType, Fd, FdKind, L4Proto};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    row("fd.cip", Type::Ip, "the client's address", Get::One(|e| ip(e.fd?.client))),
    row("fd.cnet", Type::Net, "the client's address, compared with networks", Get::One(|e| ip(e.fd?.client))),
    truth("fd.connected", "the socket is connected, or on its way", |e| Some(Value::Bool(e.fd?.connected))),
    number("fd.cport", "the client's port", |e| port(e.fd?.client)),
    number("fd.dev", "the number of the file's device", |e| file(e).map(|fd| Value::number(fd.dev))),
    text("fd.directory", "the directory of the file's path", |e| Some(Value::text(directory(file(e)?.name)))),
    text("fd.filename", "the file's name without its directory", |e| {
        Some(Value::text(filename(file(e)?.name)))
    }),
    number("fd.ino", "the file's inode", |e| file(e).map(|fd| Value::number(fd.ino))),
    row("fd.ip", Type::Ip, "the address of either end", Get::Either(|e| ends(e).map(ip))),
    text("fd.l4proto", "tcp, udp, icmp or raw; `<NA>` otherwise", |e| {
        Some(Value::text(match e.fd?.l4proto {
            L4Proto::Tcp => "tcp",
            L4Proto::Udp => "udp",
            L4Proto::Icmp => "icmp",
            L4Proto::Raw => "raw",
            L4Proto::Unknown => "<NA>",
        }))
    }),
    row("fd.lip", Type::Ip, "this host's address", Get::One(|e| ip(local(e)))),
    row("fd.lnet", Type::Net, "this host's address, compared with networks", Get::One(|e| ip(local(e)))),
    number("fd.lport", "this host's port", |e| port(local(e))),
    text("fd.name", "the file's path, or `client:port->server:port`", |e| Some(Value::text(e.fd?.name))),
    truth("fd.name_changed", "the name differs from the one before the event", |e| {
        Some(Value::Bool(e.fd?.name_changed))
    }),
    text("fd.nameraw", "the file's path as the caller gave it", |e| Some(Value::text(e.fd?.name_raw))),
    row(
        "fd.net",
        Type::Net,
        "the address of either end, compared with networks",
        Get::Either(|e| ends(e).map(ip)),
    ),
    number("fd.num", "its number; negative if the call failed", |e| Some(Value::number(e.fd?.num))),
    row("fd.port", Type::Number, "the port of either end", Get::Either(|e| ends(e).map(port))),
    row("fd.rip", Type::Ip, "the other host's address", Get::One(|e| ip(remote(e)))),
    row(
        "fd.rnet",
        Type::Net,
        "the other host's address, compared with networks",
        Get::One(|e| ip(remote(e))),
    ),
    number("fd.rport", "the other host's port", |e| port(remote(e))),
    row("fd.sip", Type::Ip, "the server's address", Get::One(|e| ip(e.fd?.server))),
    row("fd.snet", Type::Net, "the server's address, compared with networks", Get::One(|e| ip(e.fd?.server))),
    text("fd.sockfamily", "`ip` or `unix`", |e| match e.fd?.kind {
        FdKind::Ipv4 | FdKind::Ipv6 => Some(Value::text("ip")),
        FdKind::Unix => Some(Value::text("unix")),
        _ => None,
    }),
    number("fd.sport", "the server's port", |e| port(e.fd?.server)),
    text("fd.type", "file, directory, ipv4, ipv6, unix, netlink, pipe or unknown", |e| {
        Some(Value::text(kind(e.fd?).0))
    }),
    text("fd.typechar", "f, d, 4, 6, u, n, p or o", |e| Some(Value::text(kind(e.fd?).1))),
    text("fs.path.name", "the path of a file that was opened", |e| Some(Value::text(opened(e)?.name))),
    text("fs.path.nameraw", "the path of a file that was opened, as the caller gave it", |e| {
        Some(Value::text(opened(e)?.name_raw))
    }),
];

fn ip(end: Option<Endpoint>) -> Option<Value<'static>> {
    end.map(|end| Value::Ip(end.ip))
}

fn port(end: Option<Endpoint>) -> Option<Value<'static>> {
    end.map(|end| Value::number(end.port))
}

fn ends(event: &Event<'_>) -> [Option<Endpoint>; 2] {
    event.fd.map_or([None, None], |fd| [fd.client, fd.server])
}

fn local(event: &Event<'_>) -> Option<Endpoint> {
    let fd = event.fd?;
    if fd.client_is_local { fd.client } else { fd.server }
}

fn remote(event: &Event<'_>) -> Option<Endpoint> {
    let fd = event.fd?;
    if fd.client_is_local { fd.server } else { fd.client }
}

fn file<'a>(event: &Event<'a>) -> Option<&'a Fd<'a>> {
    event.fd.filter(|fd| matches!(fd.kind, FdKind::File | FdKind::Directory))
}

/// What Falco's `fs.path.name` is defined for: the open calls whose descriptor is not exactly -1.
fn opened<'a>(event: &Event<'a>) -> Option<&'a Fd<'a>> {
    let is_open = [EventType::OPEN, EventType::OPENAT, EventType::OPENAT2].contains(&event.kind);
    let fd = event.args.iter().find(|arg| arg.name == "fd")?;
    (is_open && !matches!(fd.value, ArgValue::Fd { num: -1, .. })).then_some(event.fd?)
}

fn directory(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) | None => b"/",
        Some(end) => &path[..end],
    }
}

fn filename(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(path, |end| &path[end + 1..])
}

fn kind(fd: &Fd<'_>) -> (&'static str, &'static str) {
    match fd.kind {
        FdKind::File => ("file", "f"),
        FdKind::Directory => ("directory", "d"),
        FdKind::Ipv4 => ("ipv4", "4"),
        FdKind::Ipv6 => ("ipv6", "6"),
        FdKind::Unix => ("unix", "u"),
        FdKind::Netlink => ("netlink", "n"),
        FdKind::Pipe => ("pipe", "p"),
        FdKind::Other => ("unknown", "o"),
    }
}
