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
    sources: Mutex<Vec<(String, u64)>>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
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
        ];
        let own = own.map(|(name, counter)| (name.to_owned(), counter.load(Ordering::Relaxed)));
        let sources = self.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        own.into_iter().chain(sources.iter().cloned()).collect()
    }
}
