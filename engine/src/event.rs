//! What a source tells the engine: one event, borrowed from wherever the source keeps it.
//!
//! Text is bytes: paths and names in the kernel are not always UTF-8.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::flags::Names;
use crate::{ContainerState, Fd, FdKind, Given, L4Proto, Process};

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
