//! What was taken of a call, in the form in which an event borrows it.

use std::sync::Arc;

use cadge_engine::{Abi, Arg, ArgValue, Fd, FdKind, Process, Processes as _};

use super::super::ebpf::calls::{Call, FdOf, Value};
use super::super::ebpf::flags;
use super::super::ebpf::record::{
    CallPart, DETACHED, FilePart, MessagePart, Record, SocketPart, UNREADABLE, URING, arg, exe, part,
};
use super::socket::SocketView;
use super::texts::Texts;
use crate::state::{Aliases, ProcessTable};

/// What was taken of a call.
pub(crate) struct Taken<'a> {
    pub(super) record: Record<'a>,
    pub(crate) call: CallPart,
    pub(super) row: &'static Call,
    pub(super) texts: &'a Texts,
    pub(super) processes: &'a ProcessTable,
}

impl<'a> Taken<'a> {
    /// The bytes of a part of an argument; none if it was not taken.
    pub(crate) fn bytes(&self, kind: u8, at: u8) -> &'a [u8] {
        self.record.part_of(kind, at).map_or(&b""[..], |part| part.bytes)
    }

    /// The process that made the call.
    pub(crate) fn process(&self) -> Option<&'a Process> {
        self.process_of(i64::from(self.record.header.pid))
    }

    /// Another process.
    pub(crate) fn process_of(&self, pid: i64) -> Option<&'a Process> {
        self.processes.process(pid)
    }

    /// The thread that made the call.
    pub(crate) fn tid(&self) -> i64 {
        self.record.header.tid.into()
    }

    /// By which road the call came: `enum cadge_abi`, but of an operation of an `io_uring` that.
    pub(super) fn abi(&self) -> Abi {
        match self.call.abi {
            _ if self.call.flags & URING != 0 => Abi::IoUring,
            1 if cfg!(target_arch = "x86_64") => Abi::I386,
            1 => Abi::Arm,
            2 => Abi::X32,
            _ => Abi::Native,
        }
    }

    /// Whether the caller's memory was not there.
    pub(super) fn is_unreadable(&self) -> bool {
        self.record.parts().any(|part| part.flags & UNREADABLE != 0)
    }

    /// The file that the descriptor of an argument refers to.
    pub(crate) fn file(&self, at: u8) -> Option<FilePart> {
        FilePart::read(self.bytes(part::FILE, at))
    }

    /// Another name of the event's file, if rules have one for it.
    pub(super) fn other_name(&self, aliases: &mut Aliases) -> Option<Arc<[u8]>> {
        let file = self.file(self.row.fd.place()?)?;
        let name = self.fd_name();
        let real = || aliases.name(file.real_dev, file.real_ino, name).filter(|_| file.real_ino != 0);
        let known = aliases.name(file.dev, file.ino, name).or_else(real);
        known.or_else(|| aliases.seen_name(file.dev, file.ino, file.nlink, name))
    }

    /// The path of what the descriptor of an argument refers to, as an event's argument.
    pub(crate) fn path_of(&self, at: u8) -> ArgValue<'a> {
        let path = &self.texts.files[usize::from(at)];
        ArgValue::Path { raw: path, resolved: path }
    }

    /// The name of the event's descriptor.
    pub(crate) fn fd_name(&self) -> &'a [u8] {
        match self.row.fd {
            FdOf::None => b"",
            FdOf::Arg(at) | FdOf::Copied(at) => &self.texts.files[usize::from(at)],
            FdOf::Opened(at) => self.opened(at),
            FdOf::OpenedBy(..) => self.opened(arg::NONE),
            FdOf::Accepted(_) => &self.texts.files[usize::from(arg::RESULT)],
        }
    }

    /// The path of the file that the call opened, or would have.
    fn opened(&self, at: u8) -> &'a [u8] {
        let opened = &self.texts.files[usize::from(arg::RESULT)];
        match self.texts.paths.get(usize::from(at)) {
            Some(asked) if opened.is_empty() => asked,
            _ => opened,
        }
    }

    /// One of the event's arguments.
    pub(super) fn value(&self, value: Value) -> ArgValue<'a> {
        let call = &self.call;
        match value {
            Value::Result => ArgValue::Errno(call.result),
            Value::ResultFd => self.descriptor(call.result, arg::RESULT),
            Value::Fd(at) => self.descriptor(call.int(at), at),
            Value::Path(at) => {
                ArgValue::Path { raw: self.bytes(part::STRING, at), resolved: self.resolved(at) }
            }
            Value::Text(at) => ArgValue::Text(self.bytes(part::STRING, at)),
            Value::Int(at) => ArgValue::Int(call.int(at)),
            Value::Uint(at) => ArgValue::Uint(call.word(at).into()),
            Value::Long(at) => ArgValue::Uint(call.arg(at)),
            Value::Mode(at) => ArgValue::Mode(call.word(at)),
            Value::OpenFlags(at) => {
                ArgValue::OpenFlags(flags::open(call.word(at), self.file(arg::RESULT).as_ref()))
            }
            Value::Flags(at, names) => ArgValue::Flags { value: call.word(at).into(), names },
            Value::Enum(at, names) => ArgValue::Enum { value: call.int(at), names },
            Value::Signal(at) => ArgValue::Signal(call.int(at)),
            Value::Uid(at) => ArgValue::Uid(call.word(at), self.texts.names[usize::from(at)].as_bytes()),
            Value::Gid(at) => ArgValue::Gid(call.word(at), self.texts.names[usize::from(at)].as_bytes()),
            Value::Pid(at) => {
                let pid = call.int(at);
                ArgValue::Pid(pid, self.processes.process(pid).map_or(&b""[..], |process| &process.comm))
            }
            Value::Made(make) => make(self),
        }
    }

    /// A path that the caller passed, resolved; of a file that was opened its own.
    fn resolved(&self, at: u8) -> &'a [u8] {
        if self.row.fd == FdOf::Opened(at) { self.opened(at) } else { &self.texts.paths[usize::from(at)] }
    }

    /// A descriptor that an argument has or points to.
    pub(crate) fn descriptor(&self, num: i64, at: u8) -> ArgValue<'a> {
        if let Some(socket) = self.socket(at) {
            let name = &self.texts.files[usize::from(at)];
            return ArgValue::Socket { num, typechar: typechar(socket.kind), l4proto: socket.l4proto, name };
        }
        let (typechar, name) = match self.file(at) {
            Some(file) => (typechar(self.kind(&file, at)), self.texts.files[usize::from(at)].as_slice()),
            // What would have been opened.
            None if at == arg::RESULT && self.fd_name().is_empty() => (0, &b""[..]),
            None if at == arg::RESULT => (b'f', self.fd_name()),
            None => match self.texts.files[usize::from(at)].as_slice() {
                b"" => (0, &b""[..]),
                directory => (b'd', directory),
            },
        };
        ArgValue::Fd { num, typechar, name }
    }

    /// All of the event's arguments.
    pub(super) fn args(&self, args: &mut [Arg<'a>]) -> usize {
        let mut count = 0;
        for ((name, value), at) in self.row.args.iter().zip(args) {
            *at = Arg { name, value: self.value(*value) };
            count += 1;
        }
        count
    }

    /// The event's descriptor.
    pub(super) fn fd(&self) -> Option<Fd<'a>> {
        match self.row.fd {
            FdOf::None => None,
            FdOf::Arg(at) => match self.socket(at) {
                Some(socket) => Some(self.connected(socket, self.call.int(at))),
                None => Some(self.plain(self.call.int(at), at, b"")),
            },
            FdOf::OpenedBy(at, numbers) => {
                let opens = numbers.contains(&self.call.word(at));
                opens.then(|| self.plain(self.call.result, arg::RESULT, b""))
            }
            FdOf::Opened(at) => match self.socket(arg::RESULT) {
                Some(socket) => Some(self.connected(socket, self.call.result)),
                None => Some(self.plain(self.call.result, arg::RESULT, self.bytes(part::STRING, at))),
            },
            FdOf::Copied(at) => Some(match self.socket(at) {
                Some(socket) => self.connected(socket, self.call.result),
                None => self.plain(self.call.result, at, b""),
            }),
            FdOf::Accepted(at) => {
                let socket = self.socket(arg::RESULT).or_else(|| self.socket(at))?;
                Some(self.connected(socket, self.call.result))
            }
        }
    }

    /// The socket that the descriptor of an argument refers to.
    fn socket(&self, at: u8) -> Option<&'a SocketView> {
        self.texts.sockets.get(usize::from(at))?.as_ref()
    }

    /// The sender's end and the receiver's of the event's socket.
    pub(crate) fn tuple(&self) -> &'a [u8] {
        &self.texts.ends.tuple
    }

    /// The end of the event's socket that the caller named.
    pub(crate) fn address(&self) -> &'a [u8] {
        &self.texts.ends.address
    }

    /// The call itself.
    pub(crate) fn call(&self) -> &CallPart {
        &self.call
    }

    /// The message that the event is about.
    pub(crate) fn message(&self) -> Option<MessagePart> {
        MessagePart::read(self.record.part(part::MESSAGE)?.bytes)
    }

    /// The inode of the socket of an argument; 0 if there is none.
    pub(crate) fn socket_ino(&self, at: u8) -> u64 {
        self.socket(at).map_or(0, |socket| socket.ino)
    }

    /// How many connections wait on the listening socket, and how many can.
    pub(crate) fn queue(&self) -> (u32, u32) {
        let socket = SocketPart::read(self.bytes(part::SOCKET, 0));
        socket.map_or((0, 0), |socket| (socket.waiting, socket.waiting_max))
    }

    /// What kind of file an argument's descriptor refers to. What is on no file system has a name by its kind.
    fn kind(&self, file: &FilePart, at: u8) -> FdKind {
        let detached = self.record.part_of(part::PATH, at).is_some_and(|part| part.flags & DETACHED != 0);
        let name = if detached { self.texts.files[usize::from(at)].as_slice() } else { b"" };
        // Since 6.9 processes' descriptors are on a file system of their own, without names.
        if detached && name == b"/" && file.mode & 0o7777 == 0o700 {
            return FdKind::Pidfd;
        }
        let known = ANONYMOUS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, kind)| *kind);
        known.unwrap_or(match file.mode & libc::S_IFMT {
            libc::S_IFDIR => FdKind::Directory,
            libc::S_IFIFO => FdKind::Pipe,
            _ => FdKind::File,
        })
    }

    fn plain(&self, num: i64, at: u8, name_raw: &'a [u8]) -> Fd<'a> {
        let file = self.file(at);
        Fd {
            num,
            kind: file.map_or(FdKind::File, |file| self.kind(&file, at)),
            name: self.fd_name(),
            name_raw,
            name_host: &self.texts.host,
            name_opened: &self.texts.opened,
            upper_layer: file.is_some_and(|file| flags::is_in(&file, exe::UPPER)),
            lower_layer: file.is_some_and(|file| flags::is_in(&file, exe::LOWER)),
            client_is_local: true,
            name_changed: true,
            dev: file.map_or(0, |file| file.dev),
            ino: file.map_or(0, |file| file.ino),
            ..Fd::default()
        }
    }

    fn connected(&self, socket: &SocketView, num: i64) -> Fd<'a> {
        Fd {
            num,
            kind: socket.kind,
            name: self.fd_name(),
            name_raw: if socket.kind == FdKind::Unix { self.address() } else { b"" },
            client: socket.client,
            server: socket.server,
            client_is_local: socket.client_is_local,
            is_server: socket.is_server,
            l4proto: socket.l4proto,
            connected: socket.connected,
            name_changed: socket.name_changed,
            ino: socket.ino,
            ..Fd::default()
        }
    }
}

/// How the kernel's names of what is on no file system begin.
const ANONYMOUS: &[(&[u8], FdKind)] = &[
    (b"/memfd:", FdKind::Memfd),
    (b"/[eventfd]", FdKind::Event),
    (b"/[eventpoll]", FdKind::Eventpoll),
    (b"/[signalfd]", FdKind::Signal),
    (b"/[timerfd]", FdKind::Timer),
    (b"/inotify", FdKind::Inotify),
    (b"/[userfaultfd]", FdKind::Userfault),
    (b"/[io_uring]", FdKind::IoUring),
    (b"/[pidfd]", FdKind::Pidfd),
    (b"/bpf-", FdKind::Bpf),
];

/// Falco's character for a kind.
fn typechar(kind: FdKind) -> u8 {
    kind.name().1.bytes().next().unwrap_or(b'o')
}
