//! A source on the running kernel, and what a test keeps of its events.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cadge_engine::{Event, EventType};
use cadge_sensor::source::{Source as _, SourceSettings, ebpf};

/// How long a test waits for what surely comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a test keeps of events before it looks at them.
const KEPT_MAX: usize = 1 << 20;

/// A running source. One at a time, so that tests do not see each other's.
pub(crate) struct Live<T> {
    kept: Receiver<T>,
    stop: SyncSender<()>,
    thread: Option<JoinHandle<HashMap<String, u64>>>,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

/// Whoever has this is the only one that watches.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Live<T> {
    /// Watches for these kinds of event. `None`, said aloud, where the machine does not allow it.
    pub(crate) fn start(
        test: &str,
        types: Vec<EventType>,
        keep: impl FnMut(&Event<'_>, &mut dyn FnMut(T)) + Send + 'static,
    ) -> Option<Self> {
        Self::with(test, SourceSettings { event_types: types, ..SourceSettings::default() }, keep)
    }

    /// The same with all settings.
    pub(crate) fn with(
        test: &str,
        settings: SourceSettings,
        mut keep: impl FnMut(&Event<'_>, &mut dyn FnMut(T)) + Send + 'static,
    ) -> Option<Self> {
        let check = ebpf::check().to_string();
        if check.contains("missing") {
            skipped(test, &check);
            return None;
        }
        let alone = alone();
        let settings = SourceSettings { hostname: "test".to_owned(), ..settings };
        let mut source = ebpf::Ebpf::open(&settings).unwrap();
        let (sender, kept) = sync_channel(KEPT_MAX);
        let (stop, stopped) = sync_channel(4);
        let thread = std::thread::spawn(move || {
            while stopped.try_recv().is_err() {
                source
                    .poll(Duration::from_millis(20), &mut |event| {
                        keep(event, &mut |seen| {
                            let _ = sender.send(seen);
                        });
                    })
                    .unwrap();
            }
            source.counters().into_iter().collect()
        });
        Some(Self { kept, stop, thread: Some(thread), _alone: alone })
    }

    /// The next, or `None` if none comes before the deadline.
    #[track_caller]
    pub(crate) fn next(&self, deadline: Instant) -> Option<T> {
        match self.kept.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(seen) => Some(seen),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the source has ended"),
        }
    }
}

impl<T> Live<T> {
    /// Stops, and answers the counters.
    pub(crate) fn stop(mut self) -> HashMap<String, u64> {
        let _ = self.stop.send(());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl<T> Drop for Live<T> {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The line of `cadge sensor --check` that says that the kernel lacks something the sensor can do without.
pub(crate) fn absent(what: &str) -> Option<String> {
    let check = ebpf::check_all().to_string();
    check.lines().find(|line| line.starts_with("absent") && line.contains(what)).map(str::to_owned)
}

/// Says that something can't run here, also to whoever hides the output of tests that pass.
pub(crate) fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {why}");
}
