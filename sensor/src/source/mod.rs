//! Where events come from. Nothing outside this folder knows what a kernel is.

pub mod answers;
mod describe;
pub mod ebpf;
pub mod replay;

use std::path::PathBuf;
use std::time::Duration;

use cadge_engine::{Event, EventType, NamedFiles};

/// The version of the kernel's records, and their kinds with the bytes that each has in front of its parts: for
/// who makes records, as a fuzzer does.
pub const RECORD_VERSION: u16 = ebpf::record::VERSION;
/// See [`RECORD_VERSION`].
pub const RECORD_KINDS: &[(u16, usize)] = ebpf::record::KINDS;

/// One origin of events. A source keeps whatever state it needs to describe them.
pub trait Source: Send {
    /// Its name in the list of sources, such as `ebpf`.
    fn name(&self) -> &'static str;

    /// Hands each event that is ready to `sink`, in order, and waits at most `timeout` for the
    /// first. Answers `false` once there will never be another.
    fn poll(&mut self, timeout: Duration, sink: &mut dyn FnMut(&Event<'_>)) -> Result<bool, SourceError>;

    /// Hands over the id of each container in which something runs already.
    fn containers(&self, _see: &mut dyn FnMut(&str)) {}

    /// What it has counted since it started, by metric name: events, and what was dropped by
    /// class and cause, such as `dropped_total{class="bulk",cause="ring_full"}`.
    fn counters(&self) -> Vec<(String, u64)>;
}

/// A source that cannot start or go on: what is missing, and how to get it.
#[derive(Debug, thiserror::Error)]
#[error("source `{source_name}`: {problem}\n  {advice}")]
pub struct SourceError {
    /// The source's name.
    pub source_name: &'static str,
    /// What went wrong.
    pub problem: String,
    /// What the user can do about it.
    pub advice: String,
}

/// How to open a source.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The kinds of event that somebody wants. Others may come too.
    pub event_types: Vec<EventType>,
    /// The host's name, for `evt.hostname`.
    pub hostname: String,
    /// Bytes of the ring for events of which none may be missed: a power of two. Default: 4 MiB.
    pub critical_ring_bytes: u32,
    /// Bytes of the ring for events of which there can be floods: a power of two. Default: 16 MiB.
    pub bulk_ring_bytes: u32,
    /// Processes that are remembered, dead ones with them. Default: 32,768.
    pub processes_max: usize,
    /// Bytes of their arguments, environments and paths together. Default: 24 MiB.
    pub processes_bytes_max: usize,
    /// Files of which every name is wanted: see [`cadge_engine::Ruleset::named_files`].
    pub named_files: NamedFiles,
    /// Whether rules ask for environments. Default: they do.
    pub environment: bool,
    /// Where to write down what comes from the kernel, or what to read instead of it.
    pub recording: Option<PathBuf>,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            event_types: Vec::new(),
            hostname: String::new(),
            critical_ring_bytes: 4 << 20,
            bulk_ring_bytes: 16 << 20,
            processes_max: 32_768,
            processes_bytes_max: 24 << 20,
            named_files: NamedFiles::default(),
            environment: true,
            recording: None,
        }
    }
}

type Open = fn(&SourceSettings) -> Result<Box<dyn Source>, SourceError>;

/// Every source. To add one: write its file, then its line here.
const SOURCES: &[(&str, Open)] = &[
    ("ebpf", |settings| Ok(Box::new(ebpf::Ebpf::open(settings)?))),
    ("replay", |settings| Ok(Box::new(replay::Replay::open(settings)?))),
];

/// Opens the source of a name.
pub fn open(name: &str, settings: &SourceSettings) -> Result<Box<dyn Source>, SourceError> {
    if let Some((_, open)) = SOURCES.iter().find(|(known, _)| *known == name) {
        return open(settings);
    }
    let names: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
    Err(SourceError {
        source_name: "sources",
        problem: format!("there is no source `{name}`"),
        advice: format!("there are: {}", names.join(", ")),
    })
}
