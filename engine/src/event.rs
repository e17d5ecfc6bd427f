//! What a source tells the engine: one event, borrowed from wherever the source keeps it.
//!
//! Text is bytes: paths and names in the kernel are not always UTF-8.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::flags::Names;
use crate::{ContainerState, Given};

/// One event. Everything is borrowed, so that describing one costs nothing.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// Counts the events of a source from 1.
    pub num: u64,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// What happened.
    pub kind: EventType,
    /// The CPU on which it happened.
    pub cpu: u16,
    /// The thread that made it.
    pub tid: i64,
    /// The system call's return value, where there is one: negative is `-errno`.
    pub result: Option<i64>,
    /// The event's arguments, named and ordered as in Falco's event table.
    pub args: &'a [Arg<'a>],
    /// The process that made it, as it was when it did.
    pub process: Option<&'a Process>,
    /// Every known process: for parents, ancestors and session leaders.
    pub processes: &'a dyn Processes,
    /// The container in which that process runs.
    pub container: ContainerState<'a>,
    /// The file descriptor that the event creates or uses.
    pub fd: Option<&'a Fd<'a>>,
    /// By which road the call came.
    pub abi: Abi,
    /// A text that the caller passed was another one at the end of the call than at its beginning.
    pub arg_changed: bool,
    /// A text that the caller passed could not be read.
    pub arg_unreadable: bool,
    /// What is known of the names of addresses.
    pub hosts: &'a dyn Hosts,
    /// The host's name.
    pub hostname: &'a str,
    /// Where it comes from: `syscall` or the name of another source.
    pub source: &'a str,
    /// What it is, if it is a JSON object.
    pub json: Option<&'a serde_json::Value>,
    /// Its fields, if it is made of nothing else.
    pub given: Option<&'a Given>,
}

impl Event<'static> {
    /// An event of system calls of which nothing is known.
    pub fn new(kind: EventType) -> Self {
        Self {
            num: 0,
            time_ns: 0,
            kind,
            cpu: 0,
            tid: 0,
            result: None,
            args: &[],
            process: None,
            processes: &(),
            container: ContainerState::Unknown,
            fd: None,
            abi: Abi::Native,
            arg_changed: false,
            arg_unreadable: false,
            hosts: &(),
            hostname: "",
            source: crate::fields::SYSCALL,
            json: None,
            given: None,
        }
    }
}

/// By which road a call reached the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Abi {
    /// As programs of this machine call.
    #[default]
    Native,
    /// As 32-bit programs of x86 do, whoever does it.
    I386,
    /// With 32-bit pointers in 64-bit registers.
    X32,
    /// As 32-bit programs of ARM do.
    Arm,
    /// In the queue of an `io_uring`.
    IoUring,
}

impl Abi {
    /// As `evt.abi` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::I386 => "i386",
            Self::X32 => "x32",
            Self::Arm => "arm",
            Self::IoUring => "io_uring",
        }
    }
}

/// What is known of the names of addresses. Whoever answers never waits for it.
pub trait Hosts {
    /// The names that are known to belong to an address.
    fn names(&self, ip: IpAddr) -> &[Box<str>];
}

/// No names at all.
impl Hosts for () {
    fn names(&self, _: IpAddr) -> &[Box<str>] {
        &[]
    }
}

/// Any table that fits in memory as it is.
impl<S: std::hash::BuildHasher> Hosts for HashMap<IpAddr, Vec<Box<str>>, S> {
    fn names(&self, ip: IpAddr) -> &[Box<str>] {
        self.get(&ip).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The table of processes.
pub trait Processes {
    /// The process with this id in the host's pid namespace.
    fn process(&self, pid: i64) -> Option<&Process>;

    /// The same process, to be kept.
    fn shared(&self, pid: i64) -> Option<Arc<Process>> {
        self.process(pid).map(|process| Arc::new(process.clone()))
    }

    /// Hands over each descriptor that a process has open, and what it refers to.
    fn open_files(&self, _pid: i64, _see: &mut dyn FnMut(i64, FdKind)) {}
}

/// No processes at all.
impl Processes for () {
    fn process(&self, _: i64) -> Option<&Process> {
        None
    }
}

/// Any table that fits in memory as it is: tests and replay use it.
impl<S: std::hash::BuildHasher> Processes for HashMap<i64, Process, S> {
    fn process(&self, pid: i64) -> Option<&Process> {
        self.get(&pid)
    }
}

/// A kind of event: a row of the event table (`events.rs`), which gives its name, category and
/// argument names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(pub(crate) u16);

/// An argument of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arg<'a> {
    /// Its name in the event table.
    pub name: &'static str,
    /// Its value.
    pub value: ArgValue<'a>,
}

/// The value of an argument, in the form from which both its raw and its resolved text are made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ArgValue<'a> {
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    Uint(u64),
    /// The kernel did not give it.
    Missing,
    /// Text.
    Text(&'a [u8]),
    /// What was read or written, as far as it was kept.
    Bytes(&'a [u8]),
    /// A path, as the caller gave it and as an absolute one.
    Path {
        /// What the caller passed.
        raw: &'a [u8],
        /// Absolute and normalised; empty if unknown.
        resolved: &'a [u8],
    },
    /// A return value: negative is `-errno` and reads as its name.
    Errno(i64),
    /// A file descriptor, or a negative error, or `AT_FDCWD`.
    Fd {
        /// The number.
        num: i64,
        /// Falco's character for its type, 0 if unknown.
        typechar: u8,
        /// The name of what it refers to; empty if unknown.
        name: &'a [u8],
    },
    /// A file descriptor that refers to a socket.
    Socket {
        /// The number.
        num: i64,
        /// Falco's character for its type.
        typechar: u8,
        /// The protocol on top of IP.
        l4proto: L4Proto,
        /// The socket's name; empty if it has none.
        name: &'a [u8],
    },
    /// Flags of `open` in Falco's own numbering (`flags.rs`).
    OpenFlags(u32),
    /// Permission bits.
    Mode(u32),
    /// A process id and the name of that process, empty if unknown.
    Pid(i64, &'a [u8]),
    /// A user id and the user's name, empty if unknown.
    Uid(u32, &'a [u8]),
    /// A group id and the group's name, empty if unknown.
    Gid(u32, &'a [u8]),
    /// Bits in the kernel's numbering, with the names of each.
    Flags {
        /// The bits.
        value: u64,
        /// Their names.
        names: &'static Names,
    },
    /// One of several numbers that have names.
    Enum {
        /// The kernel's number.
        value: i64,
        /// The names.
        names: &'static Names,
    },
    /// A signal.
    Signal(i64),
}

impl<'a> ArgValue<'a> {
    /// The same with each of its texts, in order, where `place` puts it.
    pub(crate) fn moved<'b>(self, place: &mut dyn FnMut(&'a [u8]) -> &'b [u8]) -> ArgValue<'b> {
        match self {
            Self::Int(number) => ArgValue::Int(number),
            Self::Uint(number) => ArgValue::Uint(number),
            Self::Missing => ArgValue::Missing,
            Self::Text(text) => ArgValue::Text(place(text)),
            Self::Bytes(bytes) => ArgValue::Bytes(place(bytes)),
            Self::Path { raw, resolved } => ArgValue::Path { raw: place(raw), resolved: place(resolved) },
            Self::Errno(number) => ArgValue::Errno(number),
            Self::Fd { num, typechar, name } => ArgValue::Fd { num, typechar, name: place(name) },
            Self::Socket { num, typechar, l4proto, name } => {
                ArgValue::Socket { num, typechar, l4proto, name: place(name) }
            }
            Self::OpenFlags(flags) => ArgValue::OpenFlags(flags),
            Self::Mode(mode) => ArgValue::Mode(mode),
            Self::Pid(pid, name) => ArgValue::Pid(pid, place(name)),
            Self::Uid(uid, name) => ArgValue::Uid(uid, place(name)),
            Self::Gid(gid, name) => ArgValue::Gid(gid, place(name)),
            Self::Flags { value, names } => ArgValue::Flags { value, names },
            Self::Enum { value, names } => ArgValue::Enum { value, names },
            Self::Signal(number) => ArgValue::Signal(number),
        }
    }
}

/// A process, as rules see it. A child shares its parent's long texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of rules")]
pub struct Process {
    /// Its id in the host's pid namespace.
    pub pid: i64,
    /// Its parent's id; 0 if it has none.
    pub ppid: i64,
    /// Its id in its own pid namespace; -1 if unknown.
    pub vpid: i64,
    /// Its session's id.
    pub sid: i64,
    /// Its process group's id.
    pub pgid: i64,
    /// The kernel's short name, at most 15 bytes (`proc.name`).
    pub comm: Box<[u8]>,
    /// The executable's path, resolved by the kernel (`proc.exepath`); empty if unknown.
    pub exe_path: Arc<[u8]>,
    /// All arguments, the program's own name first, each ended by a NUL.
    pub argv: Arc<[u8]>,
    /// `comm`, then a blank and each argument but the first (`proc.cmdline`): see [`Process::set_argv`].
    pub cmdline: Arc<[u8]>,
    /// The working directory, with a `/` at the end.
    pub cwd: Arc<[u8]>,
    /// The controlling terminal's device number; 0 for none.
    pub tty: u32,
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The user that logged in; `u32::MAX` if nobody did.
    pub loginuid: u32,
    /// The name of `uid`; empty if unknown.
    pub user_name: Box<str>,
    /// The home folder of `uid`; empty if unknown.
    pub user_home: Box<str>,
    /// The shell of `uid`; empty if unknown.
    pub user_shell: Box<str>,
    /// The name of `gid`; empty if unknown.
    pub group_name: Box<str>,
    /// The name of `loginuid`; empty if unknown.
    pub login_name: Box<str>,
    /// The first 12 digits of its container's id; empty on the host.
    pub container_id: Box<str>,
    /// When it started, in nanoseconds since the Unix epoch; 0 if unknown.
    pub start_ns: u64,
    /// The executable's inode number; 0 if unknown.
    pub exe_ino: u64,
    /// The executable is in a memfd.
    pub exe_from_memfd: bool,
    /// The executable is in the upper layer of an overlay file system.
    pub exe_upper_layer: bool,
    /// The executable is in a lower layer of an overlay file system.
    pub exe_lower_layer: bool,
    /// Who ran the executable may write to it.
    pub exe_writable: bool,
    /// The executable has no name any more.
    pub exe_deleted: bool,
    /// When the executable's inode was last changed, in nanoseconds since the Unix epoch; 0 if unknown.
    pub exe_ctime_ns: u64,
    /// When the executable was last written, in nanoseconds since the Unix epoch; 0 if unknown.
    pub exe_mtime_ns: u64,
    /// Of a script, the program that its first line names; empty otherwise.
    pub interpreter: Box<[u8]>,
    /// Not all arguments are in `argv`.
    pub args_truncated: bool,
    /// Bytes of all arguments, those that are not in `argv` too; 0 if unknown.
    pub args_bytes: u64,
    /// The environment, each variable ended by a NUL.
    pub env: Arc<[u8]>,
    /// Its process group's id in its own pid namespace; -1 if unknown.
    pub vpgid: i64,
    /// When the first process of its pid namespace started, in nanoseconds since the Unix epoch; 0 if unknown.
    pub pidns_start_ns: u64,
    /// The capabilities in effect, as bits.
    pub cap_effective: u64,
    /// The capabilities that it may use, as bits.
    pub cap_permitted: u64,
    /// The capabilities that exec passes on, as bits.
    pub cap_inheritable: u64,
    /// Its cgroups, each as `controller=path`, with blanks between them.
    pub cgroups: Arc<[u8]>,
    /// How many descriptors it may have open; 0 if unknown.
    pub fd_limit: u64,
    /// What it used when it was last described; nothing if that is not known.
    pub used: Option<Used>,
    /// `uid` as its own user namespace has it, where that knows it.
    pub ns_uid: Option<u32>,
    /// Its namespaces.
    pub namespaces: Namespaces,
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Virtual memory in kilobytes.
    pub virtual_kb: u32,
    /// Resident memory in kilobytes.
    pub resident_kb: u32,
    /// Swapped memory in kilobytes.
    pub swapped_kb: u32,
    /// Page faults that read from disk.
    pub faults_major: u64,
    /// Page faults that did not.
    pub faults_minor: u64,
}

/// The inodes of a process's namespaces, as the links in `/proc/PID/ns` have them; 0 if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Of process ids.
    pub pid: u32,
    /// Of mounts.
    pub mnt: u32,
    /// Of users and groups.
    pub user: u32,
    /// Of networks.
    pub net: u32,
}

impl Process {
    /// Sets `comm` and `argv` (each argument ended by a NUL), and `cmdline` from them.
    pub fn set_argv(&mut self, comm: &[u8], argv: &[u8]) {
        self.comm = comm.into();
        self.argv = argv.into();
        let mut cmdline = comm.to_vec();
        if !comm.is_empty() {
            for arg in self.arguments().skip(1) {
                cmdline.push(b' ');
                cmdline.extend_from_slice(arg);
            }
        }
        self.cmdline = cmdline.into();
    }

    /// Each argument, the program's own name first.
    pub fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        let argv = self.argv.strip_suffix(&[0]).unwrap_or(&self.argv);
        let count = if self.argv.is_empty() { 0 } else { usize::MAX };
        argv.split(|byte| *byte == 0).take(count)
    }

    /// Each variable of the environment, as `NAME=value`.
    pub fn environment(&self) -> impl Iterator<Item = &[u8]> {
        self.env.split(|byte| *byte == 0).filter(|variable| !variable.is_empty())
    }

    /// The first argument: what the caller says the program is called (`proc.exe`).
    pub fn exe(&self) -> &[u8] {
        self.arguments().next().unwrap_or_default()
    }

    /// The arguments but the first, joined by blanks (`proc.args`): the end of `cmdline`.
    pub fn args(&self) -> &[u8] {
        self.cmdline.get(self.comm.len() + 1..).unwrap_or_default()
    }
}

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
