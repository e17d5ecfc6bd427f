//! Processes: begun, replaced by another program, changed, ended.

use std::sync::Arc;

use cadge_engine::cgroup::{container_id, container_id_of_v1};
use cadge_engine::{Arg, ArgValue, Event, EventType, Process, Processes as _, Used, flags};

use super::super::ebpf::record::{
    DETACHED, ExitPart, ProcessPart, Record, TRUNCATED, cause, exe, join_path, part,
};
use super::Describer;
use super::exec_args::exec_args;

/// Stands for the middle of what is too long to be kept, as an argument or a variable of its own.
const LEFT_OUT: &[u8] = b"\0[...]\0";

impl Describer {
    /// A process as a record describes it.
    fn process(&mut self, record: &Record<'_>, part: &ProcessPart) -> Process {
        let mut process = Process { pid: i64::from(record.header.pid), ..Process::default() };
        self.fill_ids(&mut process, part);
        self.fill_credentials(&mut process, part);
        self.fill_exe(&mut process, record, part);
        self.fill_cwd(&mut process, record);
        self.fill_cgroups(&mut process, record);
        process.set_argv(comm(part), &ends(record, part::ARGV));
        process.args_truncated = is_cut(record, part::ARGV);
        process.args_bytes = part.argv_bytes;
        process.env = ends(record, part::ENV).into();
        process.container_id = self.container(record);
        if process.container_id.is_empty() {
            process.container_id = self.container_of_v1(record);
        }
        process
    }

    fn fill_ids(&self, process: &mut Process, part: &ProcessPart) {
        process.ppid = i64::from(part.ppid);
        process.vpid = i64::from(part.vpid);
        process.sid = i64::from(part.sid);
        process.pgid = i64::from(part.pgid);
        process.vpgid = i64::from(part.vpgid);
        process.tty = part.tty;
        process.fd_limit = part.fd_limit;
        process.namespaces.pid = part.ns_pid;
        process.namespaces.mnt = part.ns_mnt;
        process.namespaces.net = part.ns_net;
        process.used = Some(Used {
            virtual_kb: part.vm_size_kb,
            resident_kb: part.vm_rss_kb,
            swapped_kb: part.vm_swap_kb,
            faults_major: part.faults_major,
            faults_minor: part.faults_minor,
        });
        process.start_ns = self.clock.unix_ns(part.start_ns);
        process.pidns_start_ns = self.clock.unix_ns(part.pidns_start_ns);
    }

    fn fill_credentials(&mut self, process: &mut Process, part: &ProcessPart) {
        process.uid = part.uid;
        process.gid = part.gid;
        process.loginuid = part.loginuid;
        process.user_name = self.names.user(part.uid);
        (process.user_home, process.user_shell) = self.names.home_and_shell(part.uid);
        process.group_name = self.names.group(part.gid);
        process.login_name = self.names.user(part.loginuid);
        process.ns_uid = Some(part.inner_uid).filter(|uid| *uid != u32::MAX);
        process.namespaces.user = part.ns_user;
        process.cap_effective = part.cap_effective;
        process.cap_permitted = part.cap_permitted;
        process.cap_inheritable = part.cap_inheritable;
    }

    fn fill_exe(&mut self, process: &mut Process, record: &Record<'_>, part: &ProcessPart) {
        process.exe_ino = part.exe_ino;
        process.exe_ctime_ns = part.exe_ctime_ns;
        process.exe_mtime_ns = part.exe_mtime_ns;
        process.exe_upper_layer = part.exe_flags & exe::UPPER != 0;
        process.exe_lower_layer = part.exe_flags & exe::LOWER != 0;
        process.exe_writable = part.exe_flags & exe::WRITABLE != 0;
        process.exe_deleted = part.exe_flags & exe::DELETED != 0;
        if let Some(interpreter) = record.part(part::INTERPRETER) {
            process.interpreter = interpreter.bytes.into();
        }
        if let Some(exe) = record.part(part::EXE) {
            join_path(exe, &mut self.path);
            process.exe_path = self.path.as_slice().into();
            process.exe_from_memfd = exe.flags & DETACHED != 0 && self.path.starts_with(b"/memfd:");
        }
    }

    fn fill_cwd(&mut self, process: &mut Process, record: &Record<'_>) {
        if let Some(cwd) = record.part(part::CWD) {
            join_path(cwd, &mut self.path);
            if self.path.len() > 1 {
                self.path.push(b'/');
            }
            share(&mut process.cwd, &self.path);
        }
    }

    /// In the way of /proc/PID/cgroup: the unified hierarchy has no name, of the others one is enough.
    fn fill_cgroups(&mut self, process: &mut Process, record: &Record<'_>) {
        let mut cgroups = Vec::new();
        let parts = record.parts().filter(|part| part.kind == part::CGROUP);
        for (cgroup, name) in parts.zip([&b"="[..], b" memory="]) {
            join_path(cgroup, &mut self.path);
            cgroups.extend_from_slice(name);
            cgroups.extend_from_slice(&self.path);
        }
        share(&mut process.cgroups, &cgroups);
    }

    /// The container by the cgroup of the unified hierarchy; empty if there is none.
    fn container(&mut self, record: &Record<'_>) -> Box<str> {
        let Some(cgroup) = record.part(part::CGROUP) else { return Box::default() };
        join_path(cgroup, &mut self.path);
        container_id(&self.path).map(Box::from).unwrap_or_default()
    }

    /// The container by the cgroup of a hierarchy of version 1; empty if there is none.
    fn container_of_v1(&mut self, record: &Record<'_>) -> Box<str> {
        let mut cgroups = record.parts().filter(|part| part.kind == part::CGROUP);
        let Some(cgroup) = cgroups.nth(1) else {
            return Box::default();
        };
        join_path(cgroup, &mut self.path);
        container_id_of_v1(&self.path).map(Box::from).unwrap_or_default()
    }

    /// The container that a process was moved to, in whatever hierarchy; empty if to none.
    fn container_moved_to(&mut self, record: &Record<'_>) -> Box<str> {
        if let Some(cgroup) = record.part(part::MOVED) {
            join_path(cgroup, &mut self.path);
            if let Some(id) = container_id_of_v1(&self.path) {
                return id.into();
            }
        }
        self.container(record)
    }

    /// Notes a process that was there before.
    pub(super) fn task(&mut self, record: &Record<'_>, part: &ProcessPart) {
        let process = self.process(record, part);
        self.table.put(process, part.start_ns);
    }

    /// Notes what a process has become: all but its program and arguments. Tells moves between cgroups.
    pub(super) fn changed(
        &mut self,
        record: &Record<'_>,
        part: &ProcessPart,
        sink: &mut dyn FnMut(&Event<'_>),
    ) {
        let pid = i64::from(record.header.pid);
        let Some(mut process) = self.table.started(pid, part.start_ns).cloned() else {
            // Of a new name nothing else is known.
            if part.cause != cause::RENAME {
                self.task(record, part);
            }
            return;
        };
        if part.cause == cause::RENAME {
            let argv = process.argv.clone();
            process.set_argv(comm(part), &argv);
            self.table.change(pid, part.start_ns, |known| *known = process);
            return;
        }
        self.fill_ids(&mut process, part);
        // A thread's credentials are its own: the process's are those of its first.
        if record.header.tid == record.header.pid {
            self.fill_credentials(&mut process, part);
        }
        self.fill_cwd(&mut process, record);
        let before = process.container_id.clone();
        if part.cause == cause::CGROUP {
            self.fill_cgroups(&mut process, record);
            // Who leaves a container's cgroup is still what came from there.
            let id = self.container_moved_to(record);
            process.container_id = if id.is_empty() { process.container_id } else { id };
        }
        self.table.change(pid, part.start_ns, |known| *known = process);
        if part.cause == cause::CGROUP {
            self.moved(record, part, &before, sink);
        }
    }

    /// Tells a move to another cgroup, and between which containers it was.
    fn moved(
        &mut self,
        record: &Record<'_>,
        part: &ProcessPart,
        before: &str,
        sink: &mut dyn FnMut(&Event<'_>),
    ) {
        let to = self.container_moved_to(record);
        let mut path = Vec::new();
        if let Some(moved) = record.part(part::MOVED) {
            join_path(moved, &mut path);
        }
        let by = i64::from(part.by);
        let by_name = self.table.shared(by);
        let id = |id: &'_ str| if id.is_empty() { "host" } else { id }.to_owned();
        let (before, to) = (id(before), id(&to));
        let args = [
            Arg { name: "cgroup", value: ArgValue::Text(&path) },
            Arg { name: "from", value: ArgValue::Text(before.as_bytes()) },
            Arg { name: "to", value: ArgValue::Text(to.as_bytes()) },
            Arg { name: "by", value: ArgValue::Pid(by, by_name.as_ref().map_or(b"", |by| &by.comm)) },
        ];
        self.num += 1;
        if let Some(kind) = EventType::from_name("cgroup_attach") {
            sink(&self.event(&record.header, kind, None, &args, None));
        }
    }

    /// Tells the end of a process. It stays in the table for a while.
    pub(super) fn exit(&mut self, record: &Record<'_>, end: ExitPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let status = i64::from(end.status);
        let signal = status & 0x7f;
        let args = [
            Arg { name: "status", value: ArgValue::Int(status) },
            Arg { name: "ret", value: ArgValue::Int(if signal == 0 { status >> 8 & 0xff } else { 0 }) },
            Arg { name: "sig", value: ArgValue::Signal(signal) },
            Arg { name: "core", value: ArgValue::Uint(u64::from(status & 0x80 != 0)) },
            Arg { name: "reaper_tid", value: ArgValue::Missing },
        ];
        self.num += 1;
        sink(&self.event(&record.header, EventType::PROCEXIT, None, &args, None));
        self.table.end(i64::from(record.header.pid), record.header.time_ns);
    }

    /// Tells that a process runs another program.
    pub(super) fn exec(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let mut process = self.process(record, part);
        if let Some(before) = self.table.started(process.pid, part.start_ns).cloned() {
            // Another program makes nobody leave a container, whatever cgroup it is in by now.
            if !before.container_id.is_empty() && self.container(record).is_empty() {
                process.container_id = before.container_id;
            }
            // Most programs get the environment of who starts them.
            if before.env == process.env {
                process.env = before.env;
            }
        }
        let kind = if part.cause == cause::EXECVEAT { EventType::EXECVEAT } else { EventType::EXECVE };
        let pid = process.pid;
        self.table.put(process, part.start_ns);
        self.num += 1;
        let Some(process) = self.table.shared(pid) else { return };
        let asked = record.part(part::ASKED).map_or(&b""[..], |part| part.bytes);
        let args = exec_args(&process, part, asked);
        // What execveat is asked for is a descriptor: Falco has no argument for it.
        let count = kind.info().args.len().min(args.len());
        sink(&self.event(&record.header, kind, Some(0), &args[..count], None));
    }

    /// A child is whom it was copied from but for the numbers, until it runs another program.
    pub(super) fn fork(&mut self, record: &Record<'_>, part: &ProcessPart) {
        let copied = self.table.process(i64::from(part.by)).cloned();
        let mut process = copied.unwrap_or_else(|| self.process(record, part));
        process.pid = i64::from(record.header.pid);
        self.fill_ids(&mut process, part);
        self.fill_credentials(&mut process, part);
        // clone3(2) can put it into another cgroup.
        let id = self.container(record);
        if !id.is_empty() {
            process.container_id = id;
        }
        self.table.put(process, part.start_ns);
    }
}

/// The executable's marks in Falco's numbers.
pub(crate) fn exe_marks(process: &Process) -> ArgValue<'static> {
    let marks = [
        (process.exe_writable, 1),
        (process.exe_upper_layer, 2),
        (process.exe_from_memfd, 4),
        (process.exe_lower_layer, 8),
    ];
    let value = marks.iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum();
    ArgValue::Flags { value, names: &flags::EXECVE }
}

/// The short name.
fn comm(part: &ProcessPart) -> &[u8] {
    part.comm.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A long part: whole, or its beginning, of an environment what is for the loader, and its end.
fn ends(record: &Record<'_>, kind: u8) -> Vec<u8> {
    let mut parts = record.parts().filter(|part| part.kind == kind);
    let mut text = parts.next().map_or_else(Vec::new, |head| head.bytes.to_vec());
    for more in parts {
        text.extend_from_slice(LEFT_OUT);
        text.extend_from_slice(more.bytes);
    }
    text
}

/// Whether not all of a long part is there.
fn is_cut(record: &Record<'_>, kind: u8) -> bool {
    let mut parts = record.parts().filter(|part| part.kind == kind);
    parts.next().is_some_and(|head| head.flags & TRUNCATED != 0) || parts.next().is_some()
}

/// Puts a text in, unless it is the one that is there: that may be shared with others.
fn share(text: &mut Arc<[u8]>, new: &[u8]) {
    if **text != *new {
        *text = new.into();
    }
}
