//! Events that stay when their source has gone on.

use std::collections::HashMap;
use std::sync::Arc;

use cadge_engine::{Arg, ArgValue, Endpoint, Event, EventType, Fd, FdKind, L4Proto, Process, Processes};

/// An event and everything that it refers to.
pub(super) struct Stored {
    pub(super) kind: EventType,
    num: u64,
    time_ns: u64,
    tid: i64,
    result: Option<i64>,
    args: Vec<Arg<'static>>,
    /// The process and its ancestors.
    chain: Chain,
    fd: Option<StoredFd>,
}

struct Chain(Vec<Arc<Process>>);

impl Processes for Chain {
    fn process(&self, pid: i64) -> Option<&Process> {
        self.0.iter().map(|process| &**process).find(|process| process.pid == pid)
    }
}

struct StoredFd {
    num: i64,
    kind: FdKind,
    name: &'static [u8],
    name_raw: &'static [u8],
    ends: (Option<Endpoint>, Option<Endpoint>),
    l4proto: L4Proto,
    flags: (bool, bool, bool, bool),
    file: (u32, u64),
}

/// Keeps events; what many of them share is kept once, and for ever.
#[derive(Default)]
pub(super) struct Keeper {
    processes: HashMap<i64, Arc<Process>>,
    texts: HashMap<Vec<u8>, &'static [u8]>,
}

impl Keeper {
    fn text(&mut self, text: &[u8]) -> &'static [u8] {
        if let Some(known) = self.texts.get(text) {
            return known;
        }
        let kept: &'static [u8] = Vec::leak(text.to_vec());
        self.texts.insert(text.to_vec(), kept);
        kept
    }

    fn process(&mut self, process: &Process) -> Arc<Process> {
        match self.processes.get(&process.pid) {
            Some(known) if **known == *process => Arc::clone(known),
            _ => {
                let kept = Arc::new(process.clone());
                self.processes.insert(process.pid, Arc::clone(&kept));
                kept
            }
        }
    }

    fn value(&mut self, value: ArgValue<'_>) -> ArgValue<'static> {
        match value {
            ArgValue::Text(text) => ArgValue::Text(self.text(text)),
            ArgValue::Bytes(bytes) => ArgValue::Bytes(self.text(bytes)),
            ArgValue::Path { raw, resolved } => {
                ArgValue::Path { raw: self.text(raw), resolved: self.text(resolved) }
            }
            ArgValue::Fd { num, typechar, name } => ArgValue::Fd { num, typechar, name: self.text(name) },
            ArgValue::Socket { num, typechar, l4proto, name } => {
                ArgValue::Socket { num, typechar, l4proto, name: self.text(name) }
            }
            ArgValue::Pid(pid, name) => ArgValue::Pid(pid, self.text(name)),
            ArgValue::Uid(uid, name) => ArgValue::Uid(uid, self.text(name)),
            ArgValue::Int(number) => ArgValue::Int(number),
            ArgValue::Uint(number) => ArgValue::Uint(number),
            ArgValue::Errno(number) => ArgValue::Errno(number),
            ArgValue::OpenFlags(flags) => ArgValue::OpenFlags(flags),
            ArgValue::Mode(mode) => ArgValue::Mode(mode),
            ArgValue::Gid(gid, name) => ArgValue::Gid(gid, self.text(name)),
            ArgValue::Flags { value, names } => ArgValue::Flags { value, names },
            ArgValue::Enum { value, names } => ArgValue::Enum { value, names },
            ArgValue::Signal(signal) => ArgValue::Signal(signal),
            _ => ArgValue::Missing,
        }
    }

    pub(super) fn keep(&mut self, event: &Event<'_>) -> Stored {
        let mut chain = Vec::new();
        let mut next = event.process;
        while let Some(process) = next.filter(|_| chain.len() < 16) {
            chain.push(self.process(process));
            next = event.processes.process(process.ppid).filter(|parent| parent.pid != process.pid);
        }
        let fd = event.fd.map(|fd| StoredFd {
            num: fd.num,
            kind: fd.kind,
            name: self.text(fd.name),
            name_raw: self.text(fd.name_raw),
            ends: (fd.client, fd.server),
            l4proto: fd.l4proto,
            flags: (fd.client_is_local, fd.connected, fd.name_changed, fd.is_server),
            file: (fd.dev, fd.ino),
        });
        let args =
            event.args.iter().map(|arg| Arg { name: arg.name, value: self.value(arg.value) }).collect();
        Stored {
            kind: event.kind,
            num: event.num,
            time_ns: event.time_ns,
            tid: event.tid,
            result: event.result,
            args,
            chain: Chain(chain),
            fd,
        }
    }
}

impl Stored {
    pub(super) fn with<T>(&self, see: impl FnOnce(&Event<'_>) -> T) -> T {
        let fd = self.fd.as_ref().map(|fd| Fd {
            num: fd.num,
            kind: fd.kind,
            name: fd.name,
            name_raw: fd.name_raw,
            client: fd.ends.0,
            server: fd.ends.1,
            client_is_local: fd.flags.0,
            is_server: fd.flags.3,
            l4proto: fd.l4proto,
            connected: fd.flags.1,
            name_changed: fd.flags.2,
            dev: fd.file.0,
            ino: fd.file.1,
            ..Fd::default()
        });
        see(&Event {
            num: self.num,
            time_ns: self.time_ns,
            tid: self.tid,
            result: self.result,
            args: &self.args,
            process: self.chain.0.first().map(|process| &**process),
            processes: &self.chain,
            container: cadge_engine::ContainerState::Unknown,
            fd: fd.as_ref(),
            hostname: "host",
            ..Event::new(self.kind)
        })
    }
}
