//! Processes: begun, replaced by another program, changed, ended.

use cadge_engine::cgroup::container_id;
use cadge_engine::{Arg, ArgValue, Event, EventType, Process, Processes as _};

use super::super::ebpf::record::{DETACHED, ExitPart, ProcessPart, Record, join_path, part};
use super::Describer;

impl Describer {
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

    /// Notes a process that was there before.
    pub(super) fn task(&mut self, record: &Record<'_>, part: &ProcessPart) {
        let (process, start_ns) = self.process(record, part);
        self.table.put(process, start_ns);
    }

    /// Notes what a process has become by a call: all but its program and arguments.
    pub(super) fn changed(&mut self, record: &Record<'_>, part: &ProcessPart) {
        let pid = i64::from(record.header.pid);
        let Some(known) = self.table.process(pid).cloned() else { return self.task(record, part) };
        let (mut process, start_ns) = self.process(record, part);
        process.set_argv(&known.comm, &known.argv);
        self.table.put(process, start_ns);
    }

    /// Tells the end of a process. It stays in the table for a while.
    pub(super) fn exit(&mut self, record: &Record<'_>, end: ExitPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let args = [Arg { name: "status", value: ArgValue::Int(end.status.into()) }];
        self.num += 1;
        sink(&self.event(&record.header, EventType::PROCEXIT, None, &args, None));
        self.table.end(i64::from(record.header.pid), record.header.time_ns);
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

    pub(super) fn exec(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let (process, start_ns) = self.process(record, part);
        let kind = if part.is_execveat == 0 { EventType::EXECVE } else { EventType::EXECVEAT };
        self.table.put(process.clone(), start_ns);
        self.num += 1;
        let args = process_args(&process, 0);
        sink(&self.event(&record.header, kind, Some(0), &args, None));
    }

    /// A child is its parent but for the numbers, until it runs another program.
    pub(super) fn fork(&mut self, record: &Record<'_>, part: &ProcessPart, sink: &mut dyn FnMut(&Event<'_>)) {
        let parent = self.table.process(i64::from(part.ppid)).cloned();
        let mut process = parent.unwrap_or_else(|| {
            let mut process = Process::default();
            process.set_argv(part.comm.split(|byte| *byte == 0).next().unwrap_or_default(), b"");
            process
        });
        process.pid = i64::from(record.header.pid);
        self.fill(&mut process, part);
        self.table.put(process.clone(), part.start_ns);
        self.num += 1;
        let args = process_args(&process, 0);
        sink(&self.event(&record.header, EventType::CLONE, Some(0), &args, None));
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
