//! Processes: begun, replaced by another program, changed, ended.

use cadge_engine::cgroup::{container_id, container_id_of_v1};
use cadge_engine::{Arg, ArgValue, Event, EventType, Process, Processes as _};

use super::super::ebpf::record::{DETACHED, ExitPart, ProcessPart, Record, cause, exe, join_path, part};
use super::Describer;

/// Stands for the middle of arguments that are too long to be kept, as an argument of its own.
const LEFT_OUT: &[u8] = b"\0[...]\0";

impl Describer {
    /// A process as a record describes it.
    fn process(&mut self, record: &Record<'_>, part: &ProcessPart) -> Process {
        let mut process = Process { pid: i64::from(record.header.pid), ..Process::default() };
        self.fill_ids(&mut process, part);
        self.fill_credentials(&mut process, part);
        process.set_argv(comm(part), &ends(record, part::ARGV));
        process.exe_ino = part.exe_ino;
        process.exe_upper_layer = part.exe_flags & exe::UPPER != 0;
        if let Some(exe) = record.part(part::EXE) {
            join_path(exe, &mut self.path);
            process.exe_path = self.path.as_slice().into();
            process.exe_from_memfd = exe.flags & DETACHED != 0 && self.path.starts_with(b"/memfd:");
        }
        self.fill_cwd(&mut process, record);
        process.container_id = self.container(record);
        if process.container_id.is_empty() {
            process.container_id = self.container_of_v1(record);
        }
        process
    }

    fn fill_ids(&mut self, process: &mut Process, part: &ProcessPart) {
        process.ppid = i64::from(part.ppid);
        process.vpid = i64::from(part.vpid);
        process.sid = i64::from(part.sid);
        process.pgid = i64::from(part.pgid);
        process.tty = part.tty;
        process.start_ns = self.clock.unix_ns(part.start_ns);
    }

    fn fill_credentials(&mut self, process: &mut Process, part: &ProcessPart) {
        process.uid = part.uid;
        process.gid = part.gid;
        process.loginuid = part.loginuid;
        process.user_name = self.names.user(part.uid);
        process.group_name = self.names.group(part.gid);
        process.login_name = self.names.user(part.loginuid);
    }

    fn fill_cwd(&mut self, process: &mut Process, record: &Record<'_>) {
        if let Some(cwd) = record.part(part::CWD) {
            join_path(cwd, &mut self.path);
            if self.path.len() > 1 {
                self.path.push(b'/');
            }
            if *process.cwd != *self.path {
                process.cwd = self.path.as_slice().into();
            }
        }
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

    /// Notes what a process has become: all but its program and arguments.
    pub(super) fn changed(&mut self, record: &Record<'_>, part: &ProcessPart) {
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
        } else {
            self.fill_ids(&mut process, part);
            // A thread's credentials are its own: the process's are those of its first.
            if record.header.tid == record.header.pid {
                self.fill_credentials(&mut process, part);
            }
            self.fill_cwd(&mut process, record);
            if part.cause == cause::CGROUP {
                // Who leaves a container's cgroup is still what came from there.
                let id = self.container_moved_to(record);
                process.container_id = if id.is_empty() { process.container_id } else { id };
            }
        }
        self.table.change(pid, part.start_ns, |known| *known = process);
    }

    /// Tells the end of a process. It stays in the table for a while.
    pub(super) fn exit(&mut self, record: &Record<'_>, end: ExitPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let args = [Arg { name: "status", value: ArgValue::Int(end.status.into()) }];
        self.num += 1;
        sink(&self.event(&record.header, EventType::PROCEXIT, None, &args, None));
        self.table.end(i64::from(record.header.pid), record.header.time_ns);
    }

    /// Tells that a process runs another program.
    pub(super) fn exec(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let mut process = self.process(record, part);
        // Another program makes nobody leave a container, whatever cgroup it is in by now.
        if self.container(record).is_empty()
            && let Some(before) = self.table.started(process.pid, part.start_ns)
            && !before.container_id.is_empty()
        {
            process.container_id = before.container_id.clone();
        }
        let kind = if part.cause == cause::EXECVEAT { EventType::EXECVEAT } else { EventType::EXECVE };
        self.table.put(process.clone(), part.start_ns);
        self.num += 1;
        let args = process_args(&process, 0);
        sink(&self.event(&record.header, kind, Some(0), &args, None));
    }

    /// A child is whom it was copied from but for the numbers, until it runs another program.
    pub(super) fn fork(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let copied = self.table.process(i64::from(part.by)).cloned();
        let mut process = copied.unwrap_or_else(|| {
            let mut process = Process::default();
            process.set_argv(comm(part), b"");
            process
        });
        process.pid = i64::from(record.header.pid);
        self.fill_ids(&mut process, part);
        self.fill_credentials(&mut process, part);
        process.exe_ino = part.exe_ino;
        // clone3(2) can put it into another cgroup.
        let id = self.container(record);
        if !id.is_empty() {
            process.container_id = id;
        }
        self.table.put(process.clone(), part.start_ns);
        self.num += 1;
        let args = process_args(&process, 0);
        sink(&self.event(&record.header, EventType::CLONE, Some(0), &args, None));
    }
}

/// The short name.
fn comm(part: &ProcessPart) -> &[u8] {
    part.comm.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A long part: whole, or its beginning and its end.
fn ends(record: &Record<'_>, kind: u8) -> Vec<u8> {
    let mut parts = record.parts().filter(|part| part.kind == kind);
    let mut text = parts.next().map_or_else(Vec::new, |head| head.bytes.to_vec());
    if let Some(tail) = parts.next() {
        text.extend_from_slice(LEFT_OUT);
        text.extend_from_slice(tail.bytes);
    }
    text
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
