//! What the sensor counts, by metric name. *Raised = spooled + dropped* holds at any time that the
//! queue is empty.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// All counters but those of the sources.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Alerts that rules raised.
    pub(crate) raised: AtomicU64,
    /// Alerts that are or were in the spool.
    pub(crate) spooled: AtomicU64,
    /// Alerts that found the queue to the disk full.
    pub(crate) queue_full: AtomicU64,
    /// Alerts that the disk refused.
    pub(crate) disk_error: AtomicU64,
    /// Alerts that made room for younger ones in a full spool.
    pub(crate) spool_full: AtomicU64,
    /// Alerts whose fields were cut to fit.
    pub(crate) cut: AtomicU64,
    /// Names of hosts that were looked up.
    pub(crate) host_lookups: AtomicU64,
    /// Those of them that nobody knows, or that could not be asked for.
    pub(crate) host_lookups_failed: AtomicU64,
    /// Names of hosts that are too many to be looked up.
    pub(crate) host_names_refused: AtomicU64,
    /// Alerts that the hub has.
    pub(crate) delivered: AtomicU64,
    /// Events that had to wait for what was being looked up.
    pub(crate) pending: AtomicU64,
    /// Those of them that waited until it was known.
    pub(crate) pending_answered: AtomicU64,
    /// Those of them that waited for as long as they may.
    pub(crate) pending_timed_out: AtomicU64,
    /// Events that would have had to wait, but too many did already.
    pub(crate) pending_refused: AtomicU64,
    /// Containers that are remembered.
    pub(crate) containers: AtomicU64,
    /// Containers that a runtime knew.
    pub(crate) containers_known: AtomicU64,
    /// Containers that no runtime knew.
    pub(crate) containers_unknown: AtomicU64,
    /// Containers that made room for others.
    pub(crate) containers_evicted: AtomicU64,
    /// Containers that could not be asked for because too many others were.
    pub(crate) lookups_refused: AtomicU64,
    sources: Mutex<Vec<(String, u64)>>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn set(gauge: &AtomicU64, value: usize) {
        gauge.store(u64::try_from(value).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Takes over what the sources have counted.
    pub(crate) fn set_sources(&self, counters: Vec<(String, u64)>) {
        *self.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = counters;
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<(String, u64)> {
        let own = [
            ("alerts_raised_total", &self.raised),
            ("alerts_spooled_total", &self.spooled),
            ("alerts_delivered_total", &self.delivered),
            ("alerts_cut_total", &self.cut),
            ("host_lookups_total", &self.host_lookups),
            ("host_lookups_failed_total", &self.host_lookups_failed),
            ("host_names_refused_total", &self.host_names_refused),
            ("dropped_total{class=\"alert\",cause=\"queue_full\"}", &self.queue_full),
            ("dropped_total{class=\"alert\",cause=\"disk_error\"}", &self.disk_error),
            ("dropped_total{class=\"alert\",cause=\"spool_full\"}", &self.spool_full),
            ("pending_total", &self.pending),
            ("pending_ended_total{by=\"answer\"}", &self.pending_answered),
            ("pending_ended_total{by=\"timeout\"}", &self.pending_timed_out),
            ("pending_refused_total", &self.pending_refused),
            ("containers", &self.containers),
            ("containers_looked_up_total{outcome=\"known\"}", &self.containers_known),
            ("containers_looked_up_total{outcome=\"unknown\"}", &self.containers_unknown),
            ("containers_looked_up_total{outcome=\"refused\"}", &self.lookups_refused),
            ("containers_evicted_total", &self.containers_evicted),
        ];
        let own = own.map(|(name, counter)| (name.to_owned(), counter.load(Ordering::Relaxed)));
        let sources = self.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        own.into_iter().chain(sources.iter().cloned()).collect()
    }
}
