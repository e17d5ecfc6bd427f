//! A source on the running kernel, and what it has seen.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cadge_engine::{ArgValue, Event, EventType};
use cadge_sensor::source::{Source as _, SourceSettings, ebpf};

/// How long a test waits for what surely comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test looks at of an event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) kind: &'static str,
    pub(crate) pid: i64,
    pub(crate) result: Option<i64>,
    pub(crate) name: String,
    pub(crate) cmdline: String,
    pub(crate) exe_path: String,
    pub(crate) cwd: String,
    pub(crate) parent: String,
    pub(crate) grandparent: String,
    pub(crate) uid: u32,
    pub(crate) user: String,
    pub(crate) from_memfd: bool,
    pub(crate) fd_name: String,
    pub(crate) fd_raw: String,
    pub(crate) dev_ino: (u32, u64),
    pub(crate) flags: u32,
    pub(crate) mode: u32,
    pub(crate) time_ns: u64,
}

impl Seen {
    fn new(event: &Event<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut seen =
            Self { kind: event.kind.name(), result: event.result, time_ns: event.time_ns, ..Self::default() };
        if let Some(process) = event.process {
            seen.pid = process.pid;
            seen.name = text(&process.comm);
            seen.cmdline = text(&process.cmdline);
            seen.exe_path = text(&process.exe_path);
            seen.cwd = text(&process.cwd);
            seen.uid = process.uid;
            seen.user = process.user_name.to_string();
            seen.from_memfd = process.exe_from_memfd;
            if let Some(parent) = event.processes.process(process.ppid) {
                seen.parent = text(&parent.comm);
                let grandparent = event.processes.process(parent.ppid);
                seen.grandparent = grandparent.map(|process| text(&process.comm)).unwrap_or_default();
            }
        }
        if let Some(fd) = event.fd {
            seen.fd_name = text(fd.name);
            seen.fd_raw = text(fd.name_raw);
            seen.dev_ino = (fd.dev, fd.ino);
        }
        for arg in event.args {
            match arg.value {
                ArgValue::OpenFlags(flags) => seen.flags = flags,
                ArgValue::Mode(mode) => seen.mode = mode,
                _ => {}
            }
        }
        seen
    }
}

/// A running source. One at a time, so that tests do not see each other's.
pub(crate) struct Watch {
    events: Receiver<Seen>,
    stop: SyncSender<()>,
    thread: Option<JoinHandle<HashMap<String, u64>>>,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Watch {
    /// `None`, said aloud, where the machine does not allow it.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let check = ebpf::check().to_string();
        if check.contains("missing") {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {check}");
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let types = [
            EventType::OPEN,
            EventType::OPENAT,
            EventType::OPENAT2,
            EventType::CREAT,
            EventType::OPEN_BY_HANDLE_AT,
            EventType::CONNECT,
        ];
        let settings = SourceSettings {
            event_types: types.to_vec(),
            hostname: "test".to_owned(),
            ..SourceSettings::default()
        };
        let mut source = ebpf::Ebpf::open(&settings).unwrap();
        let (sender, events) = sync_channel(1 << 20);
        let (stop, stopped) = sync_channel(4);
        let thread = std::thread::spawn(move || {
            while stopped.try_recv().is_err() {
                source
                    .poll(Duration::from_millis(20), &mut |event| {
                        let _ = sender.send(Seen::new(event));
                    })
                    .unwrap();
            }
            source.counters().into_iter().collect()
        });
        Some(Self { events, stop, thread: Some(thread), _alone: alone })
    }

    /// The first event, from now on or not yet looked at, that fits.
    #[track_caller]
    pub(crate) fn expect(&self, what: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        let mut like: Vec<Seen> = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.events.recv_timeout(left) {
                Ok(seen) if fits(&seen) => return seen,
                Ok(seen) => like.push(seen),
                Err(_) => break,
            }
        }
        let last = like.len().saturating_sub(10);
        panic!("no event: {what}; {} others, the last: {:#?}", like.len(), &like[last..]);
    }

    /// Stops, and answers the counters.
    pub(crate) fn stop(mut self) -> HashMap<String, u64> {
        let _ = self.stop.send(());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
