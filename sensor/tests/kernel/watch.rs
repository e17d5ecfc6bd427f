//! A source on the running kernel, and what it has seen.

use std::collections::HashMap;
use std::time::Instant;

use cadge_engine::output::Template;
use cadge_engine::{Event, EventType};

use super::live::{Live, PATIENCE};

/// The fields that are kept of each event, beside all its arguments. A test may ask for more.
const FIELDS: &[&str] = &[
    "evt.abi",
    "evt.res",
    "evt.rawres",
    "evt.failed",
    "evt.dir",
    "evt.category",
    "proc.name",
    "proc.exepath",
    "proc.cmdline",
    "proc.pname",
    "user.uid",
    "user.name",
    "fd.num",
    "fd.type",
    "fd.typechar",
    "fd.name",
    "fd.nameraw",
    "fd.directory",
    "fd.l4proto",
    "fd.cip",
    "fd.cport",
    "fd.sip",
    "fd.sport",
    "fd.connected",
    "fs.path.name",
    "fs.path.nameraw",
    "fs.path.source",
    "fs.path.sourceraw",
    "fs.path.target",
    "fs.path.targetraw",
];

/// The system calls that the source shows without anybody asking for more.
const TYPES: &[&str] = &["open", "openat", "openat2", "creat", "open_by_handle_at", "connect"];

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
    pub(crate) upper_layer: bool,
    pub(crate) container: String,
    pub(crate) fd_name: String,
    pub(crate) fd_raw: String,
    pub(crate) dev_ino: (u32, u64),
    pub(crate) time_ns: u64,
    /// Every field that is watched, and each argument as `evt.arg.NAME`: the text that a rule's output
    /// would have. What is missing is not here.
    pub(crate) fields: HashMap<String, String>,
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
            seen.upper_layer = process.exe_upper_layer;
            seen.container = process.container_id.to_string();
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
        seen
    }

    /// The text of a field, `<NA>` if it is missing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("<NA>", String::as_str)
    }

    /// The text of `evt.arg.NAME`, `<NA>` if it is missing.
    pub(crate) fn arg(&self, name: &str) -> &str {
        self.field(&format!("evt.arg.{name}"))
    }
}

/// Makes the fields of events, with one template for each kind.
struct Fields {
    watched: String,
    templates: HashMap<&'static str, Template>,
}

impl Fields {
    fn new(more: &[&str]) -> Self {
        let mut watched = String::new();
        for name in FIELDS.iter().chain(more) {
            watched.push_str(&format!(" %{name}"));
        }
        Self { watched, templates: HashMap::new() }
    }

    fn of(&mut self, event: &Event<'_>) -> HashMap<String, String> {
        let template = self.templates.entry(event.kind.name()).or_insert_with(|| {
            // The `*`: go on after what is missing.
            let mut text = format!("*{}", self.watched);
            for arg in event.kind.info().args {
                text.push_str(&format!(" %evt.arg.{arg}"));
            }
            Template::new(&text).unwrap()
        });
        let values = template.format(event).values;
        values.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }
}

/// A running source, and the events that were not looked at yet.
pub(crate) struct Watch {
    live: Live<Seen>,
}

impl Watch {
    /// Watches what opens and connects. `None`, said aloud, where the machine does not allow it.
    pub(crate) fn start(test: &str) -> Option<Self> {
        Self::on(test, TYPES, &[])
    }

    /// Watches these kinds of event, and keeps more fields of each than [`FIELDS`].
    #[track_caller]
    pub(crate) fn on(test: &str, types: &[&str], fields: &[&str]) -> Option<Self> {
        let kind = |name: &&str| EventType::from_name(name).unwrap_or_else(|| panic!("no event type {name}"));
        let mut fields = Fields::new(fields);
        let live = Live::start(test, types.iter().map(kind).collect(), move |event, keep| {
            keep(Seen { fields: fields.of(event), ..Seen::new(event) });
        })?;
        Some(Self { live })
    }

    /// The first event, from now on or not yet looked at, that fits.
    #[track_caller]
    pub(crate) fn expect(&self, what: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let mut like: Vec<Seen> = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while let Some(seen) = self.live.next(deadline) {
            if fits(&seen) {
                return seen;
            }
            like.push(seen);
        }
        let last = like.len().saturating_sub(10);
        panic!("no event: {what}; {} others, the last: {:#?}", like.len(), &like[last..]);
    }

    /// The next event, or `None` if none comes before the deadline.
    #[track_caller]
    pub(crate) fn next(&self, deadline: Instant) -> Option<Seen> {
        self.live.next(deadline)
    }

    /// Stops, and answers the counters.
    pub(crate) fn stop(self) -> HashMap<String, u64> {
        self.live.stop()
    }
}
