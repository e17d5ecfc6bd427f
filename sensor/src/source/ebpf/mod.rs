//! Events from the running kernel, through eBPF programs.

pub(crate) mod record;
mod mirror;
pub(crate) mod address;
pub(crate) mod calls;
pub(crate) mod flags;
pub(crate) mod hooks;
mod check;
mod destinations;
mod load;
mod rings;
mod uring;
#[cfg(test)]
mod layout;

use std::fs::File;
use std::io::{BufWriter, Read as _};
use std::time::Duration;

use cadge_engine::Event;

use super::describe::{Describer, boot_ns};
use super::replay;
use super::{Source, SourceError, SourceSettings};
pub use check::{Check, check, check_all};
use load::Loaded;
use record::{append_part, part, size_and_time};

/// The source. Dropping it takes everything out of the kernel again.
pub struct Ebpf {
    loaded: Loaded,
    describer: Describer,
    recording: Option<BufWriter<File>>,
}

impl Ebpf {
    /// Loads and attaches the programs, then fills the process table.
    pub fn open(settings: &SourceSettings) -> Result<Self, SourceError> {
        check().require()?;
        let mut loaded = load::load(settings)?;
        let mut describer = Describer::new(settings);
        let mut recording = None;
        if let Some(path) = &settings.recording {
            recording = Some(replay::create(path)?);
        }
        // The programs are attached: what happens from here on is in the rings, and the table of
        // what was there before may be older than that, never newer than it seems.
        for record in snapshot(&mut loaded, settings.environment)? {
            write(&mut recording, &record);
            describer.take(&record, &mut |_| {});
        }
        Ok(Self { loaded, describer, recording })
    }
}

/// Every process, as records, each with its arguments and its environment.
fn snapshot(loaded: &mut Loaded, with_environment: bool) -> Result<Vec<Vec<u8>>, SourceError> {
    let mut bytes = Vec::new();
    loaded.snapshot()?.read_to_end(&mut bytes).map_err(|error| SourceError {
        source_name: "ebpf",
        problem: format!("the list of processes can't be read: {error}"),
        advice: "the kernel ended its task iterator early: start again".to_owned(),
    })?;
    let mut records = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((size, _)) = size_and_time(rest)
        && let Some(record) = rest.get(..size)
        && size > 0
    {
        let mut record = record.to_vec();
        add_own_memory(&mut record, with_environment);
        records.push(record);
        rest = &rest[size..];
    }
    Ok(records)
}

/// Adds what is in a process's own memory, as the kernel's programs do for their caller.
fn add_own_memory(record: &mut Vec<u8>, with_environment: bool) {
    // The header's pid.
    let Some(pid) = record.get(20..24).and_then(|bytes| bytes.first_chunk()) else { return };
    let pid = u32::from_ne_bytes(*pid);
    if let Ok(argv) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        append_ends(record, part::ARGV, &argv, ARGV_BYTES);
    }
    if with_environment && let Ok(env) = std::fs::read(format!("/proc/{pid}/environ")) {
        append_ends(record, part::ENV, &env, ENV_BYTES);
    }
}

/// Bytes that are kept of the beginning and the end of long arguments and environments, as in `process.bpf.c`.
const ARGV_BYTES: (usize, usize) = (8000, 2048);
const ENV_BYTES: (usize, usize) = (3072, 1024);

fn append_ends(record: &mut Vec<u8>, kind: u8, bytes: &[u8], (head, tail): (usize, usize)) {
    if bytes.len() <= head + tail {
        append_part(record, kind, bytes);
        return;
    }
    append_part(record, kind, &bytes[..head]);
    append_part(record, kind, &bytes[bytes.len() - tail..]);
}

fn write(recording: &mut Option<BufWriter<File>>, record: &[u8]) {
    if let Some(writer) = recording
        && let Err(error) = replay::append(writer, record)
    {
        tracing::error!(%error, "the recording can't be written: it ends here");
        *recording = None;
    }
}

impl Source for Ebpf {
    fn name(&self) -> &'static str {
        "ebpf"
    }

    fn poll(&mut self, timeout: Duration, sink: &mut dyn FnMut(&Event<'_>)) -> Result<bool, SourceError> {
        let Self { loaded, describer, recording } = self;
        loaded.rings.poll(timeout, &mut |record| {
            write(recording, record);
            describer.take(record, sink);
        });
        describer.expire(boot_ns(), sink);
        Ok(true)
    }

    fn containers(&self, see: &mut dyn FnMut(&str)) {
        self.describer.table.containers(see);
    }

    fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = self.loaded.counters();
        counters.extend([
            ("dropped_total{class=\"any\",cause=\"malformed\"}".to_owned(), self.describer.malformed),
            ("hooks_forgotten_total".to_owned(), self.describer.hooked.forgotten),
            ("call_beginnings_forgotten_total".to_owned(), self.describer.entered.forgotten),
            ("io_uring_evicted_total".to_owned(), self.describer.requests.evicted),
            ("io_uring_unpaired_total".to_owned(), self.describer.requests.unpaired),
            ("processes".to_owned(), u64::try_from(self.describer.table.len()).unwrap_or(u64::MAX)),
            ("processes_evicted_total".to_owned(), self.describer.table.evicted()),
            ("processes_evicted_alive_total".to_owned(), self.describer.table.evicted_alive()),
            (
                "processes_text_bytes".to_owned(),
                u64::try_from(self.describer.table.bytes()).unwrap_or(u64::MAX),
            ),
        ]);
        counters
    }
}
