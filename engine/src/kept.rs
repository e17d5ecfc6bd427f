//! An event of which a copy is kept, to evaluate it again later: as it was, with every process that a rule
//! may ask for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::{Abi, Arg, ContainerState, Event, EventType, Fd, FdKind, Process, Processes};

/// Ancestors that are kept: a chain that is longer is a loop.
const ANCESTORS_MAX: usize = 64;

/// Descriptors that are kept of a process.
const FILES_MAX: usize = 1024;

/// The copy. It is for system calls: what is made of JSON or of fields needs no other evaluation.
#[derive(Debug)]
pub struct KeptEvent {
    num: u64,
    time_ns: u64,
    kind: EventType,
    cpu: u16,
    tid: i64,
    result: Option<i64>,
    /// Without their texts, which are in `texts` in the same order.
    args: Vec<Arg<'static>>,
    fd: Option<Fd<'static>>,
    texts: Texts,
    process: Option<Arc<Process>>,
    processes: KeptProcesses,
    /// The names of its descriptor's addresses.
    hosts: HashMap<IpAddr, Vec<Box<str>>>,
    marks: (Abi, bool, bool),
    hostname: Box<str>,
    source: Box<str>,
}

/// Texts, one behind the other.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

/// Processes that belong to an event.
#[derive(Debug, Default)]
struct KeptProcesses {
    processes: HashMap<i64, Arc<Process>>,
    /// What the event's own process had open.
    files: Vec<(i64, FdKind)>,
}

impl KeptEvent {
    /// Copies an event.
    pub fn new(event: &Event<'_>) -> Self {
        let mut texts = Texts::default();
        let mut keep = |text: &[u8]| -> &'static [u8] {
            texts.push(text);
            &[]
        };
        let args = event.args.iter().map(|arg| Arg { name: arg.name, value: arg.value.moved(&mut keep) });
        let args = args.collect();
        let fd = event.fd.map(|fd| fd.moved(&mut keep));
        let processes = KeptProcesses::new(event);
        let own = event.process.map(|process| match processes.processes.get(&process.pid) {
            Some(known) if **known == *process => Arc::clone(known),
            _ => Arc::new(process.clone()),
        });
        Self {
            num: event.num,
            time_ns: event.time_ns,
            kind: event.kind,
            cpu: event.cpu,
            tid: event.tid,
            result: event.result,
            args,
            fd,
            texts,
            process: own,
            processes,
            hosts: hosts(event),
            marks: (event.abi, event.arg_changed, event.arg_unreadable),
            hostname: event.hostname.into(),
            source: event.source.into(),
        }
    }

    /// The first digits of the id of the container in which it happened; empty on the host.
    pub fn container_id(&self) -> &str {
        self.process.as_ref().map_or("", |process| &process.container_id)
    }

    /// Hands the event over, with what is known of its container by now.
    pub fn with<T>(&self, container: ContainerState<'_>, see: impl FnOnce(&Event<'_>) -> T) -> T {
        let mut texts = self.texts.iter();
        let mut put_back = |_: &[u8]| texts.next().unwrap_or_default();
        let args: Vec<Arg<'_>> = self
            .args
            .iter()
            .map(|arg| Arg { name: arg.name, value: arg.value.moved(&mut put_back) })
            .collect();
        let fd = self.fd.map(|fd| fd.moved(&mut put_back));
        let (abi, arg_changed, arg_unreadable) = self.marks;
        see(&Event {
            num: self.num,
            time_ns: self.time_ns,
            cpu: self.cpu,
            tid: self.tid,
            result: self.result,
            args: &args,
            process: self.process.as_deref(),
            processes: &self.processes,
            container,
            fd: fd.as_ref(),
            abi,
            arg_changed,
            arg_unreadable,
            hosts: &self.hosts,
            hostname: &self.hostname,
            source: &self.source,
            ..Event::new(self.kind)
        })
    }
}

/// What is known of the names of an event's addresses.
fn hosts(event: &Event<'_>) -> HashMap<IpAddr, Vec<Box<str>>> {
    let ends = event.fd.into_iter().flat_map(|fd| [fd.client, fd.server]).flatten();
    let names = ends.map(|end| (end.ip, event.hosts.names(end.ip).to_vec()));
    names.filter(|(_, names)| !names.is_empty()).collect()
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }
}

impl KeptProcesses {
    /// The process, its ancestors, and the leaders of their sessions and groups.
    fn new(event: &Event<'_>) -> Self {
        let mut kept = Self::default();
        let mut next = event.process;
        for _ in 0..ANCESTORS_MAX {
            let Some(process) = next else { break };
            for pid in [process.pid, process.sid, process.pgid, process.vpgid] {
                kept.keep(event, pid);
            }
            next = event.processes.process(process.ppid).filter(|_| process.ppid != process.pid);
        }
        if let Some(process) = event.process {
            event.processes.open_files(process.pid, &mut |num, kind| {
                if kept.files.len() < FILES_MAX {
                    kept.files.push((num, kind));
                }
            });
        }
        kept
    }

    fn keep(&mut self, event: &Event<'_>, pid: i64) {
        if !self.processes.contains_key(&pid)
            && let Some(process) = event.processes.shared(pid)
        {
            self.processes.insert(pid, process);
        }
    }
}

impl Processes for KeptProcesses {
    fn process(&self, pid: i64) -> Option<&Process> {
        self.processes.get(&pid).map(Arc::as_ref)
    }

    fn shared(&self, pid: i64) -> Option<Arc<Process>> {
        self.processes.get(&pid).cloned()
    }

    fn open_files(&self, _: i64, see: &mut dyn FnMut(i64, FdKind)) {
        self.files.iter().for_each(|(num, kind)| see(*num, *kind));
    }
}
