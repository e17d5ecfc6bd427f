//! Where events come from. Nothing outside this folder knows what a kernel is.

use std::time::Duration;

use cadge_engine::Event;

/// One origin of events. A source keeps whatever state it needs to describe them.
pub trait Source: Send {
    /// Its name in the list of sources, such as `ebpf`.
    fn name(&self) -> &'static str;

    /// Hands each event that is ready to `sink`, in order, and waits at most `timeout` for the
    /// first. Answers `false` once there will never be another.
    fn poll(&mut self, timeout: Duration, sink: &mut dyn FnMut(&Event<'_>)) -> Result<bool, SourceError>;

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
