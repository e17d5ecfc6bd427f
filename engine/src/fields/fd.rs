//! `fd.*`: the file or connection that the event is about.

use std::net::IpAddr;

use super::evt_arg::print;
use super::row::{made, names, nobody, number, row, text, truth};
use super::{Field, FieldArg, Get, Type, Value};
use crate::flags::{FD_LOWER_LAYER, FD_UPPER_LAYER};
use crate::{ArgValue, Endpoint, Event, Fd, FdKind, L4Proto};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    row("fd.cip", Type::Ipaddr, "the client's address", Get::One(|e| ip(e.fd?.client))),
    names("fd.cip.name", "the client's name in the DNS", |e| address(e.fd?.client)),
    row(
        "fd.cnet",
        Type::Ipnet,
        "the client's address, compared with networks",
        Get::One(|e| ip(e.fd?.client)),
    )
    .filter_only()
    .plain_only(),
    truth("fd.connected", "the socket is connected, or on its way", |e| Some(Value::Bool(e.fd?.connected))),
    made(
        "fd.containerdirectory",
        "the id of the container, a colon and the directory of the file",
        |e, _, out| contained(e, directory(file(e)?.name), out),
    ),
    made("fd.containername", "the id of the container, a colon and the name of the file", |e, _, out| {
        contained(e, e.fd?.name, out)
    }),
    number("fd.cport", Type::Port, "the client's port", |e| port(e.fd?.client)),
    made("fd.cproto", "the client's port, as text", |e, _, out| port_text(e.fd?.client, out)),
    number("fd.dev", Type::Int32, "the number of the file's device", |e| {
        file(e).map(|fd| Value::number(fd.dev))
    }),
    number("fd.dev.major", Type::Int32, "the major number of the file's device", |e| {
        file(e).map(|fd| Value::number(fd.dev >> 8 & 0xfff))
    }),
    number("fd.dev.minor", Type::Int32, "the minor number of the file's device", |e| {
        file(e).map(|fd| Value::number(fd.dev & 0xff | fd.dev >> 12 & 0xf_ff00))
    }),
    row(
        "fd.directory",
        Type::Fspath,
        "the directory of the file's path",
        Get::One(|e| Some(Value::text(directory(file(e)?.name)))),
    ),
    row(
        "fd.filename",
        Type::Fspath,
        "the file's name without its directory",
        Get::One(|e| Some(Value::text(filename(file(e)?.name)))),
    ),
    number("fd.ino", Type::Int64, "the file's inode", |e| e.fd.map(|fd| Value::number(fd.ino))),
    row("fd.ip", Type::Ipaddr, "the address of either end", Get::Either(|e| known(e).map(ip)))
        .filter_only()
        .plain_only(),
    truth("fd.is_lower_layer", "the file is in a lower layer of an overlay", |e| {
        Some(Value::Bool(e.fd?.lower_layer || has_flag(e, FD_LOWER_LAYER)))
    }),
    truth("fd.is_server", "the process is the server's end", |e| Some(Value::Bool(e.fd?.is_server))),
    truth("fd.is_upper_layer", "the file is in the upper layer of an overlay", |e| {
        Some(Value::Bool(e.fd?.upper_layer || has_flag(e, FD_UPPER_LAYER)))
    }),
    text("fd.l4proto", "tcp, udp, icmp or raw; `<NA>` otherwise", |e| {
        Some(Value::text(match e.fd?.l4proto {
            L4Proto::Tcp => "tcp",
            L4Proto::Udp => "udp",
            L4Proto::Icmp => "icmp",
            L4Proto::Raw => "raw",
            L4Proto::Unknown => "<NA>",
        }))
    }),
    row("fd.lip", Type::Ipaddr, "this host's address", Get::One(|e| ip(local(e)))),
    names("fd.lip.name", "this host's name in the DNS", |e| address(local(e))),
    row("fd.lnet", Type::Ipnet, "this host's address, compared with networks", Get::One(|e| ip(local(e))))
        .filter_only()
        .plain_only(),
    number("fd.lport", Type::Port, "this host's port", |e| port(local(e))),
    made("fd.lproto", "this host's port, as text", |e, _, out| port_text(local(e), out)),
    row(
        "fd.name",
        Type::Fspath,
        "the file's path, or `client:port->server:port`",
        Get::One(|e| Some(Value::text(e.fd?.name))),
    ),
    truth("fd.name_changed", "the name differs from the one before the event", |e| {
        Some(Value::Bool(e.fd?.name_changed))
    }),
    row(
        "fd.name_host",
        Type::Fspath,
        "Cadge's own: the file's path from the very top, past the root of a process in a chroot",
        Get::One(|e| {
            let fd = file(e)?;
            Some(Value::text(if fd.name_host.is_empty() { fd.name } else { fd.name_host }))
        }),
    ),
    row(
        "fd.name_opened",
        Type::Fspath,
        "Cadge's own: the path by which the file was opened, if it is told by another name that rules have for it",
        Get::One(|e| {
            let opened = e.fd?.name_opened;
            (!opened.is_empty()).then(|| Value::text(opened))
        }),
    ),
    row(
        "fd.nameraw",
        Type::Fspath,
        "the file's path as the caller gave it",
        Get::One(|e| Some(Value::text(e.fd?.name_raw))),
    ),
    row(
        "fd.net",
        Type::Ipnet,
        "the address of either end, compared with networks",
        Get::Either(|e| known(e).map(ip)),
    )
    .filter_only()
    .plain_only(),
    number("fd.num", Type::Int64, "its number; negative if the call failed", |e| {
        Some(Value::number(e.fd?.num))
    }),
    row("fd.port", Type::Port, "the port of either end", Get::Either(|e| ends(e).map(port)))
        .filter_only()
        .plain_only(),
    row(
        "fd.proto",
        Type::Charbuf,
        "the port of either end, as text",
        Get::Several {
            one: |e, _, out| port_text(ends(e).into_iter().flatten().next(), out),
            any: port_texts,
            every: true,
        },
    )
    .filter_only()
    .plain_only(),
    row("fd.rip", Type::Ipaddr, "the other host's address", Get::One(|e| ip(remote(e)))),
    names("fd.rip.name", "the other host's name in the DNS", |e| address(remote(e))),
    row(
        "fd.rnet",
        Type::Ipnet,
        "the other host's address, compared with networks",
        Get::One(|e| ip(remote(e))),
    )
    .filter_only()
    .plain_only(),
    number("fd.rport", Type::Port, "the other host's port", |e| port(remote(e))),
    made("fd.rproto", "the other host's port, as text", |e, _, out| port_text(remote(e), out)),
    row("fd.sip", Type::Ipaddr, "the server's address", Get::One(|e| ip(e.fd?.server))),
    names("fd.sip.name", "the server's name in the DNS", |e| address(e.fd?.server)),
    row(
        "fd.snet",
        Type::Ipnet,
        "the server's address, compared with networks",
        Get::One(|e| ip(e.fd?.server)),
    )
    .filter_only()
    .plain_only(),
    text("fd.sockfamily", "`ip` or `unix`", |e| match e.fd?.kind {
        FdKind::Ipv4 | FdKind::Ipv6 => Some(Value::text("ip")),
        FdKind::Unix => Some(Value::text("unix")),
        _ => None,
    }),
    number("fd.sport", Type::Port, "the server's port", |e| port(e.fd?.server)),
    made("fd.sproto", "the server's port, as text", |e, _, out| port_text(e.fd?.server, out)),
    text("fd.type", "file, directory, ipv4, ipv6, unix, pipe, event and others", |e| {
        Some(Value::text(e.fd?.kind.name().0))
    }),
    text("fd.typechar", "the type as one character: f, d, 4, 6, u, p, e and others", |e| {
        Some(Value::text(e.fd?.kind.name().1))
    }),
    row(
        "fd.types",
        Type::Charbuf,
        "the types of all descriptors that the process has open; [N] is that of one",
        Get::Many(types),
    )
    .arg()
    .list()
    .left_only(),
    made("fd.uid", "the thread's id and the descriptor's number, one behind the other", |e, _, out| {
        print(out, format_args!("{}{}", e.tid, e.fd?.num));
        Some(Value::Text(out))
    }),
];

/// Sorted by name.
pub(super) const LIST: &[Field] = &[
    nobody("fdlist.cips", Type::Charbuf, "the clients' addresses of the descriptors, joined by commas"),
    nobody("fdlist.cports", Type::Charbuf, "the clients' ports of the descriptors, joined by commas"),
    nobody("fdlist.names", Type::Charbuf, "the names of the descriptors, joined by commas"),
    nobody("fdlist.nums", Type::Charbuf, "the numbers of the descriptors, joined by commas"),
    nobody("fdlist.sips", Type::Charbuf, "the servers' addresses of the descriptors, joined by commas"),
    nobody("fdlist.sports", Type::Charbuf, "the servers' ports of the descriptors, joined by commas"),
];

/// Each type once, or that of one descriptor.
fn types(event: &Event<'_>, which: &FieldArg, see: &mut dyn FnMut(Value<'_>)) -> bool {
    let Some(process) = event.process else { return false };
    let mut seen: Vec<&str> = Vec::new();
    event.processes.open_files(process.pid, &mut |num, kind| {
        let name = kind.name().0;
        let wanted = which.index.is_none_or(|index| i64::try_from(index) == Ok(num));
        if wanted && !seen.contains(&name) {
            seen.push(name);
            see(Value::text(name));
        }
    });
    true
}

fn port_text(end: Option<Endpoint>, out: &mut Vec<u8>) -> Option<Value<'_>> {
    print(out, format_args!("{}", end?.port));
    Some(Value::Text(out))
}

/// The text of each end's port.
fn port_texts(event: &Event<'_>, _: &FieldArg, see: &mut dyn FnMut(Value<'_>)) -> bool {
    let (mut found, mut out) = (false, Vec::new());
    for end in ends(event).into_iter().flatten() {
        out.clear();
        found = true;
        print(&mut out, format_args!("{}", end.port));
        see(Value::Text(&out));
    }
    found
}

fn contained<'a>(event: &Event<'_>, name: &[u8], out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    out.extend_from_slice(event.process?.container_id.as_bytes());
    out.push(b':');
    out.extend_from_slice(name);
    Some(Value::Text(out))
}

fn has_flag(event: &Event<'_>, flag: u32) -> bool {
    event.args.iter().any(|arg| matches!(arg.value, ArgValue::OpenFlags(flags) if flags & flag != 0))
}

fn address(end: Option<Endpoint>) -> Option<IpAddr> {
    end.map(|end| end.ip)
}

fn ip(end: Option<Endpoint>) -> Option<Value<'static>> {
    end.map(|end| Value::Ip(end.ip))
}

fn port(end: Option<Endpoint>) -> Option<Value<'static>> {
    end.map(|end| Value::number(end.port))
}

fn ends(event: &Event<'_>) -> [Option<Endpoint>; 2] {
    event.fd.map_or([None, None], |fd| [fd.client, fd.server])
}

/// The ends whose addresses are known. A datagram socket is on all of the host's addresses until it is
/// connected: that says nothing about the traffic, and rules that ask for `0.0.0.0` mean something else.
fn known(event: &Event<'_>) -> [Option<Endpoint>; 2] {
    let all = |end: Option<Endpoint>| end.is_some_and(|end| end.ip.is_unspecified());
    match ends(event) {
        [client, Some(server)] if all(client) && !all(Some(server)) => [None, Some(server)],
        [Some(client), server] if all(server) && !all(Some(client)) => [Some(client), None],
        both => both,
    }
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

fn directory(path: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', path) {
        Some(0) | None => b"/",
        Some(end) => &path[..end],
    }
}

fn filename(path: &[u8]) -> &[u8] {
    memchr::memrchr(b'/', path).map_or(path, |end| &path[end + 1..])
}
