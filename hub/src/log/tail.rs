//! The youngest entries in memory, for the consumers that keep up.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Entry;

/// Bytes of alerts in memory.
const BYTES_MAX: usize = 16 << 20;

/// The youngest entries.
#[derive(Debug, Default)]
pub(super) struct Tail {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Tail {
    pub(super) fn push(&self, entries: impl Iterator<Item = Entry>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            inner.bytes += entry.alert.as_bytes().len();
            inner.entries.push_back(entry);
        }
        while inner.bytes > BYTES_MAX
            && let Some(entry) = inner.entries.pop_front()
        {
            inner.bytes -= entry.alert.as_bytes().len();
        }
    }

    /// The entries behind a position; `None` if some of them are no longer here.
    pub(super) fn read(&self, after: u64, count: usize, bytes: usize) -> Option<Vec<Entry>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.entries.front()?.position > after + 1 {
            return None;
        }
        let start = inner.entries.partition_point(|entry| entry.position <= after);
        Some(bounded(inner.entries.range(start..).cloned(), count, bytes))
    }
}

/// At most so many entries, and no more once there are so many bytes.
pub(super) fn bounded(entries: impl Iterator<Item = Entry>, count: usize, bytes: usize) -> Vec<Entry> {
    let mut size = 0;
    let mut taken = Vec::new();
    for entry in entries.take(count) {
        size += entry.alert.as_bytes().len();
        taken.push(entry);
        if size >= bytes {
            break;
        }
    }
    taken
}
