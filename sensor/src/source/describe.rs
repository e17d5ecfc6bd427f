//! Records to events: keeps the process table by them, and describes each to the engine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cadge_engine::cgroup::container_id;
use cadge_engine::{Arg, ArgValue, Event, EventType, Fd, FdKind, L4Proto, Process, Processes};

use super::ebpf::address::{self, Addresses};
use super::ebpf::flags;
use super::ebpf::record::{
    Body, ConnectPart, DETACHED, Header, OpenPart, ProcessPart, Record, join_path, part,
};
use crate::state::{Names, ProcessTable};

/// The clock of records (since boot) and the wall clock drift apart: they are compared so often.
const CLOCK_INTERVAL: Duration = Duration::from_secs(1);

/// Turns records into events.
pub(super) struct Describer {
    pub(super) table: ProcessTable,
    names: Names,
    clock: Clock,
    hostname: String,
    num: u64,
    /// Records that could not be read.
    pub(super) malformed: u64,
    path: Vec<u8>,
    base: Vec<u8>,
    text: Vec<u8>,
}

/// Wall-clock time of the boot.
struct Clock {
    boot_unix_ns: u64,
    compared: Instant,
    /// A recording brings its own.
    is_fixed: bool,
}

impl Clock {
    fn now() -> Self {
        Self { boot_unix_ns: boot_unix_ns(), compared: Instant::now(), is_fixed: false }
    }

    fn unix_ns(&self, boot_ns: u64) -> u64 {
        self.boot_unix_ns.saturating_add(boot_ns)
    }

    fn refresh(&mut self) {
        if !self.is_fixed && self.compared.elapsed() >= CLOCK_INTERVAL {
            *self = Self::now();
        }
    }
}

/// When the machine was booted, in nanoseconds since the Unix epoch.
pub(super) fn boot_unix_ns() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_nanos()).unwrap_or_default();
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default().as_nanos();
    u64::try_from(unix.saturating_sub(boot)).unwrap_or_default()
}

impl Describer {
    pub(super) fn new(hostname: &str, processes_max: usize) -> Self {
        Self {
            table: ProcessTable::new(processes_max),
            names: Names::new(),
            clock: Clock::now(),
            hostname: hostname.to_owned(),
            num: 0,
            malformed: 0,
            path: Vec::new(),
            base: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Takes the time of the boot from a recording.
    pub(super) fn fix_clock(&mut self, boot_unix_ns: u64) {
        self.clock.boot_unix_ns = boot_unix_ns;
        self.clock.is_fixed = true;
    }

    /// Notes what a record says, and hands the event that it is, if it is one, to `sink`.
    pub(super) fn take(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Event<'_>)) {
        let Ok(record) = Record::read(bytes) else {
            self.malformed += 1;
            return;
        };
        self.clock.refresh();
        match record.body {
            Body::Task(process) => {
                let process = self.process(&record, &process);
                self.table.put(process.0, process.1);
            }
            Body::Exec(process) => self.exec(&record, &process, sink),
            Body::Fork(process) => self.fork(&record, &process, sink),
            Body::Exit(end) => {
                let status = i64::from(end.status);
                let args = [Arg { name: "status", value: ArgValue::Int(status) }];
                self.emit(&record.header, EventType::PROCEXIT, None, &args, None, sink);
                self.table.end(i64::from(record.header.pid), record.header.time_ns);
            }
            Body::Open(open) => self.open(&record, &open, sink),
            Body::Connect(connect) => self.connect(&record, &connect, sink),
        }
    }

    /// A process as a record describes it, and its start since boot.
    fn process(&mut self, record: &Record<'_>, part: &ProcessPart) -> (Process, u64) {
        let mut process = Process { pid: i64::from(record.header.pid), ..Process::default() };
        self.fill(&mut process, part);
        let comm = part.comm.split(|byte| *byte == 0).next().unwrap_or_default();
        let argv = record.part(part::ARGV).map_or(&b""[..], |part| part.bytes);
        process.set_argv(comm, argv);
        if let Some(exe) = record.part(part::EXE) {
            join_path(exe, &mut self.path);
            process.exe_path = self.path.as_slice().into();
            process.exe_from_memfd = exe.flags & DETACHED != 0 && self.path.starts_with(b"/memfd:");
        }
        if let Some(cwd) = record.part(part::CWD) {
            join_path(cwd, &mut self.path);
            if self.path.len() > 1 {
                self.path.push(b'/');
            }
            process.cwd = self.path.as_slice().into();
        }
        if let Some(cgroup) = record.part(part::CGROUP) {
            join_path(cgroup, &mut self.path);
            process.container_id = container_id(&self.path).unwrap_or_default().into();
        }
        (process, part.start_ns)
    }

    /// What a record has of a process in numbers.
    fn fill(&mut self, process: &mut Process, part: &ProcessPart) {
        process.ppid = i64::from(part.ppid);
        process.vpid = i64::from(part.vpid);
        process.sid = i64::from(part.sid);
        process.pgid = i64::from(part.pgid);
        process.tty = part.tty;
        process.uid = part.uid;
        process.gid = part.gid;
        process.loginuid = part.loginuid;
        process.user_name = self.names.user(part.uid);
        process.group_name = self.names.group(part.gid);
        process.login_name = self.names.user(part.loginuid);
        process.start_ns = self.clock.unix_ns(part.start_ns);
        process.exe_ino = part.exe_ino;
    }

    fn exec(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let (process, start_ns) = self.process(record, part);
        let kind = if part.is_execveat == 0 { EventType::EXECVE } else { EventType::EXECVEAT };
        self.table.put(process.clone(), start_ns);
        let args = process_args(&process, 0);
        self.emit(&record.header, kind, Some(0), &args, None, sink);
    }

    /// A child is its parent but for the numbers, until it runs another program.
    fn fork(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let parent = self.table.process(i64::from(part.ppid)).cloned();
        let mut process = parent.unwrap_or_else(|| {
            let mut process = Process::default();
            process.set_argv(part.comm.split(|byte| *byte == 0).next().unwrap_or_default(), b"");
            process
        });
        process.pid = i64::from(record.header.pid);
        self.fill(&mut process, part);
        self.table.put(process.clone(), part.start_ns);
        let args = process_args(&process, 0);
        self.emit(&record.header, EventType::CLONE, Some(0), &args, None, sink);
    }

    fn open(&mut self, record: &Record<'_>, open: &OpenPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let kind = match open.call {
            1 => EventType::OPEN,
            2 => EventType::OPENAT,
            3 => EventType::OPENAT2,
            4 => EventType::CREAT,
            5 => EventType::OPEN_BY_HANDLE_AT,
            _ => {
                self.malformed += 1;
                return;
            }
        };
        let raw = record.part(part::RAW).map_or(&b""[..], |part| part.bytes);
        let mut path = std::mem::take(&mut self.path);
        match record.part(part::PATH) {
            Some(part) => join_path(part, &mut path),
            None => self.resolve(record, raw, &mut path),
        }
        let is_directory = open.r#type & 0o170_000 == 0o040_000;
        let flags = flags::open(open.flags, open.created != 0);
        let fd = Fd {
            num: open.result,
            kind: if is_directory { FdKind::Directory } else { FdKind::File },
            name: &path,
            name_raw: raw,
            client: None,
            server: None,
            client_is_local: true,
            l4proto: L4Proto::Unknown,
            connected: false,
            name_changed: true,
            dev: open.dev,
            ino: open.ino,
        };
        let typechar = if is_directory { b'd' } else { b'f' };
        let mut args = Args::new();
        args.push("fd", ArgValue::Fd { num: open.result, typechar, name: &path });
        if matches!(open.call, 2 | 3) {
            args.push("dirfd", ArgValue::Fd { num: i64::from(open.dirfd), typechar: 0, name: b"" });
        }
        if open.call == 5 {
            args.push("mountfd", ArgValue::Fd { num: i64::from(open.dirfd), typechar: 0, name: b"" });
            args.push("flags", ArgValue::OpenFlags(flags));
            args.push("path", ArgValue::Path { raw: &path, resolved: &path });
        } else {
            args.push("name", ArgValue::Path { raw, resolved: &path });
            if open.call != 4 {
                args.push("flags", ArgValue::OpenFlags(flags));
            }
            args.push("mode", ArgValue::Mode(open.mode));
        }
        args.push("dev", ArgValue::Uint(u64::from(open.dev)));
        args.push("ino", ArgValue::Uint(open.ino));
        if open.call == 4 {
            args.push("creat_flags", ArgValue::OpenFlags(flags));
        }
        self.emit(&record.header, kind, Some(open.result), args.as_slice(), Some(&fd), sink);
        self.path = path;
    }

    /// The path of a call that opened nothing, by what the caller wrote: absolute and without `.`,
    /// `..` and `//`, but through symbolic links unseen.
    fn resolve(&mut self, record: &Record<'_>, raw: &[u8], path: &mut Vec<u8>) {
        path.clear();
        if raw.is_empty() {
            return;
        }
        let mut base = std::mem::take(&mut self.base);
        base.clear();
        if !raw.starts_with(b"/") {
            match record.part(part::BASE) {
                Some(part) => join_path(part, &mut base),
                None => base.extend_from_slice(b"/<UNKNOWN>"),
            }
        }
        for name in base.split(|byte| *byte == b'/').chain(raw.split(|byte| *byte == b'/')) {
            match name {
                b"" | b"." => {}
                b".." => path.truncate(path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
                name => {
                    path.push(b'/');
                    path.extend_from_slice(name);
                }
            }
        }
        if path.is_empty() {
            path.push(b'/');
        }
        self.base = base;
    }

    fn connect(&mut self, record: &Record<'_>, connect: &ConnectPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let given = record.part(part::SOCKADDR).map_or(&b""[..], |part| part.bytes);
        let addresses = Addresses::new(connect, given);
        let mut text = std::mem::take(&mut self.text);
        addresses.print(&mut text);
        let connected = connect.result >= 0 || connect.result == -i64::from(libc::EINPROGRESS);
        let fd = Fd {
            num: i64::from(connect.fd),
            kind: addresses.kind,
            name: &text,
            name_raw: b"",
            client: addresses.client,
            server: addresses.server,
            client_is_local: true,
            l4proto: address::l4proto(connect.protocol, addresses.kind),
            connected,
            name_changed: true,
            dev: 0,
            ino: 0,
        };
        let typechar = match addresses.kind {
            FdKind::Ipv4 => b'4',
            FdKind::Ipv6 => b'6',
            FdKind::Unix => b'u',
            _ => b'o',
        };
        let args = [
            Arg { name: "res", value: ArgValue::Errno(connect.result) },
            Arg { name: "tuple", value: ArgValue::Text(&text) },
            Arg { name: "fd", value: ArgValue::Fd { num: i64::from(connect.fd), typechar, name: &text } },
        ];
        self.emit(&record.header, EventType::CONNECT, Some(connect.result), &args, Some(&fd), sink);
        self.text = text;
    }

    fn emit(
        &mut self,
        header: &Header,
        kind: EventType,
        result: Option<i64>,
        args: &[Arg<'_>],
        fd: Option<&Fd<'_>>,
        sink: &mut dyn FnMut(&Event<'_>),
    ) {
        self.num += 1;
        sink(&Event {
            num: self.num,
            time_ns: self.clock.unix_ns(header.time_ns),
            kind,
            cpu: u16::try_from(header.cpu).unwrap_or(u16::MAX),
            tid: i64::from(header.tid),
            result,
            args,
            process: self.table.process(i64::from(header.pid)),
            processes: &self.table,
            fd,
            hostname: &self.hostname,
            source: cadge_engine::fields::SYSCALL,
            json: None,
            given: None,
        });
    }
}

/// Room for the arguments of any open call, without a heap.
struct Args<'a> {
    args: [Arg<'a>; 8],
    count: usize,
}

impl<'a> Args<'a> {
    fn new() -> Self {
        Self { args: [Arg { name: "", value: ArgValue::Int(0) }; 8], count: 0 }
    }

    fn push(&mut self, name: &'static str, value: ArgValue<'a>) {
        if let Some(arg) = self.args.get_mut(self.count) {
            *arg = Arg { name, value };
            self.count += 1;
        }
    }

    fn as_slice(&self) -> &[Arg<'a>] {
        &self.args[..self.count]
    }
}

/// The arguments of exec and clone.
fn process_args(process: &Process, result: i64) -> [Arg<'_>; 12] {
    let arg = |name, value| Arg { name, value };
    [
        arg("res", ArgValue::Errno(result)),
        arg("exe", ArgValue::Text(process.exe())),
        arg("args", ArgValue::Text(process.args())),
        arg("tid", ArgValue::Pid(process.pid, &process.comm)),
        arg("pid", ArgValue::Pid(process.pid, &process.comm)),
        arg("ptid", ArgValue::Pid(process.ppid, b"")),
        arg("cwd", ArgValue::Text(&process.cwd)),
        arg("comm", ArgValue::Text(&process.comm)),
        arg("tty", ArgValue::Uint(u64::from(process.tty))),
        arg("loginuid", ArgValue::Uid(process.loginuid, process.login_name.as_bytes())),
        arg("uid", ArgValue::Uid(process.uid, process.user_name.as_bytes())),
        arg("trusted_exepath", ArgValue::Text(&process.exe_path)),
    ]
}
