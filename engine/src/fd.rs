//! A descriptor of an event, as a source describes it.

use std::net::IpAddr;

/// What a file descriptor refers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FdKind {
    /// A regular file, device or anything else with a path.
    File,
    /// A directory.
    Directory,
    /// An IPv4 socket.
    Ipv4,
    /// An IPv6 socket.
    Ipv6,
    /// A Unix socket.
    Unix,
    /// A netlink socket.
    Netlink,
    /// A pipe.
    Pipe,
    /// An eventfd.
    Event,
    /// A signalfd.
    Signal,
    /// An epoll.
    Eventpoll,
    /// An inotify.
    Inotify,
    /// A timerfd.
    Timer,
    /// A bpf object.
    Bpf,
    /// A userfaultfd.
    Userfault,
    /// An `io_uring`.
    IoUring,
    /// A memfd.
    Memfd,
    /// A process.
    Pidfd,
    /// Anything else.
    #[default]
    Other,
}

impl FdKind {
    /// Falco's name for it (`fd.type`) and its character (`fd.typechar`).
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::File => ("file", "f"),
            Self::Directory => ("directory", "d"),
            Self::Ipv4 => ("ipv4", "4"),
            Self::Ipv6 => ("ipv6", "6"),
            Self::Unix => ("unix", "u"),
            Self::Netlink => ("netlink", "n"),
            Self::Pipe => ("pipe", "p"),
            Self::Event => ("event", "e"),
            Self::Signal => ("signalfd", "s"),
            Self::Eventpoll => ("eventpoll", "l"),
            Self::Inotify => ("inotify", "i"),
            Self::Timer => ("timerfd", "t"),
            Self::Bpf => ("bpf", "b"),
            Self::Userfault => ("userfaultfd", "u"),
            Self::IoUring => ("io_uring", "r"),
            Self::Memfd => ("memfd", "m"),
            Self::Pidfd => ("pidfd", "P"),
            Self::Other => ("unknown", "o"),
        }
    }
}

/// The protocol on top of IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum L4Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// A raw socket.
    Raw,
    /// Not known, or no such protocol.
    #[default]
    Unknown,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
}

/// The file descriptor that an event creates or uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of rules")]
pub struct Fd<'a> {
    /// Its number; -1 where none was created.
    pub num: i64,
    /// What it refers to.
    pub kind: FdKind,
    /// An absolute path, or `client:port->server:port`, as `fd.name` has it.
    pub name: &'a [u8],
    /// The path as the caller gave it.
    pub name_raw: &'a [u8],
    /// The path from the very top, past the root of a process in a chroot; empty if that is `name`.
    pub name_host: &'a [u8],
    /// The path by which the file was opened, if `name` is another one that rules have for it; else empty.
    pub name_opened: &'a [u8],
    /// The end that connected, for a socket that has a role.
    pub client: Option<Endpoint>,
    /// The end that was connected to, for a socket that has a role.
    pub server: Option<Endpoint>,
    /// This host is the client's end.
    pub client_is_local: bool,
    /// The process is the server's end.
    pub is_server: bool,
    /// The protocol, for an IP socket.
    pub l4proto: L4Proto,
    /// The socket is connected, or on its way.
    pub connected: bool,
    /// The name differs from the one before this event.
    pub name_changed: bool,
    /// The device's number of a file; 0 if unknown.
    pub dev: u32,
    /// The inode's number of a file; 0 if unknown.
    pub ino: u64,
    /// The file is in the upper layer of an overlay file system.
    pub upper_layer: bool,
    /// The file is in a lower layer of an overlay file system.
    pub lower_layer: bool,
}

impl<'a> Fd<'a> {
    /// The same with each of its texts, in order, where `place` puts it.
    pub(crate) fn moved<'b>(self, place: &mut dyn FnMut(&'a [u8]) -> &'b [u8]) -> Fd<'b> {
        Fd {
            name: place(self.name),
            name_raw: place(self.name_raw),
            name_host: place(self.name_host),
            name_opened: place(self.name_opened),
            num: self.num,
            kind: self.kind,
            client: self.client,
            server: self.server,
            client_is_local: self.client_is_local,
            is_server: self.is_server,
            l4proto: self.l4proto,
            connected: self.connected,
            name_changed: self.name_changed,
            dev: self.dev,
            ino: self.ino,
            upper_layer: self.upper_layer,
            lower_layer: self.lower_layer,
        }
    }
}
