//! Records to events: keeps the process table by them, and describes each to the engine.

mod hooked;
mod cached;
mod entered;
mod path;
mod process;
mod caller;
mod exec_args;
mod socket;
mod taken;
mod texts;
#[cfg(test)]
mod types;
mod uring;

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cadge_engine::{Arg, ArgValue, ContainerState, Event, EventType, Fd, Process, Processes as _};

use super::SourceSettings;
use super::ebpf::calls::{self, Call};
use super::ebpf::record::{Body, CallPart, Header, Record};
use crate::state::{Aliases, Names, ProcessTable, Sockets};
use entered::Entered;
use hooked::Hooked;
pub(crate) use process::exe_marks;
pub(crate) use taken::Taken;
use texts::Texts;
use uring::Requests;

/// The clock of records (since boot) and the wall clock drift apart: they are compared so often.
const CLOCK_INTERVAL: Duration = Duration::from_secs(1);

/// Arguments that an event has at most.
const ARGS_MAX: usize = 32;

/// Turns records into events.
pub(super) struct Describer {
    pub(super) table: ProcessTable,
    names: Names,
    sockets: Sockets,
    clock: Clock,
    hostname: String,
    num: u64,
    /// Records that could not be read.
    pub(super) malformed: u64,
    path: Vec<u8>,
    texts: Texts,
    pub(super) hooked: Hooked,
    aliases: Aliases,
    wanted: HashSet<EventType>,
    pub(super) entered: Entered,
    parts: Vec<u8>,
    pub(super) requests: Requests,
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
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_nanos()).unwrap_or_default();
    u64::try_from(unix.saturating_sub(boot_ns().into())).unwrap_or_default()
}

/// The time since the boot, in nanoseconds: the clock of records.
pub(super) fn boot_ns() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
    u64::try_from(boot.as_nanos()).unwrap_or_default()
}

impl Describer {
    pub(super) fn new(settings: &SourceSettings) -> Self {
        Self {
            table: ProcessTable::new(settings.processes_max, settings.processes_bytes_max),
            names: Names::new(),
            sockets: Sockets::new(),
            clock: Clock::now(),
            hostname: settings.hostname.clone(),
            num: 0,
            malformed: 0,
            path: Vec::new(),
            texts: Texts::default(),
            hooked: Hooked::default(),
            aliases: Aliases::new(&settings.named_files),
            wanted: settings.event_types.iter().copied().collect(),
            entered: Entered::default(),
            parts: Vec::new(),
            requests: Requests::default(),
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
            Body::Task(process) => self.task(&record, &process),
            Body::Changed(process) => self.changed(&record, &process, sink),
            Body::Exec(process) => self.exec(&record, &process, sink),
            Body::Fork(process) => self.fork(&record, &process),
            Body::Exit(end) => self.exit(&record, end, sink),
            Body::Hook(hook) => self.hooked.put(&record, hook),
            Body::Enter(_) => self.entered.note(record.header.tid, bytes),
            Body::Call(call) => {
                self.call(&record, &call, sink);
                self.hooked.end(record.header.tid);
            }
            Body::Submitted(_) => self.submitted(&record, bytes, sink),
            Body::Completed(end) => self.completed(&record, &end, sink),
        }
        self.expire(record.header.time_ns, sink);
    }

    /// Tells what waits for more that will not come, by the time of the machine's clock.
    pub(super) fn expire(&mut self, now_ns: u64, sink: &mut dyn FnMut(&Event<'_>)) {
        while let Some(mut call) = self.requests.expired(now_ns) {
            // In a recording the processes are those of another time or machine.
            if !self.clock.is_fixed {
                self.add_meant(&mut call);
            }
            self.tell_made(&call, None, sink);
        }
    }

    fn completed(&mut self, record: &Record<'_>, end: &CallPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let Some(request) = uring::request(record) else {
            self.malformed += 1;
            return;
        };
        if let Some(call) = self.requests.completed(record, end, &request) {
            self.tell_made(&call, Some(record.header.tid), sink);
        }
    }

    fn submitted(&mut self, record: &Record<'_>, bytes: &[u8], sink: &mut dyn FnMut(&Event<'_>)) {
        let Some(request) = uring::request(record) else {
            self.malformed += 1;
            return;
        };
        for call in self.requests.submitted(bytes, request, record.header.time_ns) {
            self.tell_made(&call, None, sink);
        }
    }

    /// Tells a call whose record was made here. `worker` is the thread that did its work just now.
    fn tell_made(&mut self, bytes: &[u8], worker: Option<u32>, sink: &mut dyn FnMut(&Event<'_>)) {
        let Ok(record) = Record::read(bytes) else { return };
        let Body::Call(call) = record.body else { return };
        let tid = record.header.tid;
        // The caller may be in another call, whose check is not this one's.
        let own = self.hooked.take(tid);
        if worker == Some(tid) {
            self.hooked.give(tid, own);
            self.tell_each(&record, &call, false, sink);
            return self.hooked.end(tid);
        }
        let check = worker.and_then(|worker| self.hooked.take(worker));
        self.hooked.give(tid, check);
        self.tell_each(&record, &call, false, sink);
        self.hooked.end(tid);
        self.hooked.give(tid, own);
    }

    /// Tells a call with the texts that it began with, and if they changed in between, also with those at
    /// its end, unless the kernel has said what the call was about.
    fn call(&mut self, record: &Record<'_>, call: &CallPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let begun = self.entered.take(record.header.tid);
        let before = begun.as_deref().and_then(|bytes| Record::read(bytes).ok());
        let Some(before) = before.filter(|before| entered::is_beginning(before, call)) else {
            return self.tell_each(record, call, false, sink);
        };
        let mut parts = std::mem::take(&mut self.parts);
        let changed = entered::merge(&before, record, &mut parts);
        self.tell_each(&record.with_parts(&parts), call, changed, sink);
        let row = calls::row(call.call);
        if changed && !row.is_some_and(|(row, _)| self.hooked.knows(record.header.tid, call, row)) {
            self.tell_each(record, call, true, sink);
        }
        self.parts = parts;
    }

    /// Notes what a call says of its caller, and tells it.
    fn tell_each(
        &mut self,
        record: &Record<'_>,
        call: &CallPart,
        changed: bool,
        sink: &mut dyn FnMut(&Event<'_>),
    ) {
        let call = &calls::compat::widened(call);
        let Some((row, kind)) = calls::row(call.call) else {
            self.malformed += 1;
            return;
        };
        for record in record.messages() {
            let call = socket::of_message(&record, call);
            if let Some(connect) = socket::fast_open(&record, &call, row)
                && let Some(row) = calls::of_event(EventType::CONNECT)
            {
                self.tell(&record, &connect, (row, EventType::CONNECT), changed, sink);
            }
            // In the place of a call that sends: only what connects is told.
            if kind != EventType::CONNECT || row.flags & calls::STAND_IN == 0 {
                self.tell(&record, &call, (row, kind), changed, sink);
            }
            if let Some(other) =
                calls::also(row).filter(|(row, kind)| self.wanted.contains(kind) && row.admits(&call))
            {
                self.tell(&record, &call, other, changed, sink);
            }
        }
    }

    fn tell(
        &mut self,
        record: &Record<'_>,
        call: &CallPart,
        (row, kind): (&'static Call, EventType),
        changed: bool,
        sink: &mut dyn FnMut(&Event<'_>),
    ) {
        let caller = self.caller(&record.header, call, row);
        let mut texts = std::mem::take(&mut self.texts);
        self.table.touch(i64::from(record.header.pid));
        texts.fill(record, call, row, &mut self.names);
        if let Some(process) = self.table.process(record.header.pid.into()) {
            texts.follow_own_links(process);
        }
        self.hooked.correct(record.header.tid, call, row, &mut texts);
        let process = self.table.process(record.header.pid.into());
        let in_container = process.is_some_and(|process| !process.container_id.is_empty());
        texts.fill_sockets(record, call, row, in_container, &mut self.sockets);
        self.num += 1;
        let taken = Taken { record: *record, call: *call, row, texts: &texts, processes: &self.table };
        let other = taken.other_name(&mut self.aliases);
        self.show(&taken, kind, changed, caller.as_ref(), sink);
        if let (Some(name), Some(at)) = (other, row.fd.place()) {
            self.num += 1;
            texts.call_it(at, &name);
            let taken = Taken { record: *record, call: *call, row, texts: &texts, processes: &self.table };
            self.show(&taken, kind, changed, caller.as_ref(), sink);
        }
        self.texts = texts;
    }

    /// Tells what was taken of a call.
    fn show(
        &self,
        taken: &Taken<'_>,
        kind: EventType,
        changed: bool,
        caller: Option<&Process>,
        sink: &mut dyn FnMut(&Event<'_>),
    ) {
        let mut args = [Arg { name: "", value: ArgValue::Missing }; ARGS_MAX];
        let count = taken.args(&mut args);
        let fd = taken.fd();
        let header = &taken.record.header;
        let event = self.event(header, kind, Some(taken.call.result), &args[..count], fd.as_ref());
        sink(&Event {
            abi: taken.abi(),
            arg_changed: changed,
            arg_unreadable: taken.is_unreadable(),
            process: caller.or(event.process),
            ..event
        });
    }

    fn event<'a>(
        &'a self,
        header: &Header,
        kind: EventType,
        result: Option<i64>,
        args: &'a [Arg<'a>],
        fd: Option<&'a Fd<'a>>,
    ) -> Event<'a> {
        Event {
            num: self.num,
            time_ns: self.clock.unix_ns(header.time_ns),
            cpu: u16::try_from(header.cpu).unwrap_or(u16::MAX),
            tid: i64::from(header.tid),
            result,
            args,
            process: self.table.process(i64::from(header.pid)),
            processes: &self.table,
            // The evaluation knows it.
            container: ContainerState::Unknown,
            fd,
            hostname: &self.hostname,
            ..Event::new(kind)
        }
    }
}
