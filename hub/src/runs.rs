//! Runs of alerts: what a consumer that sees everything takes at once, encoded once for all of them.
//!
//! Consumers that keep up are at the same place. The first that gets there reads the log; the others get the
//! same bytes, and so does the network: a run is copied into each connection, and nowhere before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cadge_proto::raw::v1;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use prost::encoding::message;

use crate::log::{Entry, Log, LogError};

/// Alerts of a run.
pub(crate) const COUNT_MAX: usize = 1024;

/// Bytes of a run's alerts, about.
pub(crate) const BYTES_MAX: usize = 256 << 10;

/// Bytes of alerts in the runs that are kept for others. They may be there twice more, encoded for each API.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// What a run takes besides its alerts.
const OVERHEAD: usize = 256;

/// The bytes in front of each gRPC message: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;

/// The youngest runs, in the log's order.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    runs: VecDeque<Arc<Run>>,
    bytes: usize,
}

/// Consecutive alerts of the log, or what a view shows of them.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The position behind which it was read.
    after: u64,
    entries: Vec<Entry>,
    fields: OnceLock<Bytes>,
    messages: OnceLock<Bytes>,
}

impl Runs {
    /// The next run behind a position; an empty one if nothing is there.
    pub(crate) async fn read(&self, log: &dyn Log, after: u64) -> Result<Arc<Run>, LogError> {
        if let Some(run) = self.kept().find(after) {
            return Ok(run);
        }
        let run = Arc::new(Run::new(after, log.read(after, COUNT_MAX, BYTES_MAX).await?));
        let mut kept = self.kept();
        // Somebody else at the same place may have been faster: all go on with the same one, or their next
        // ones would never be the same again.
        if let Some(run) = kept.find(after) {
            return Ok(run);
        }
        kept.keep(&run);
        Ok(run)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The rest of the run in which a position is, so that whoever asks arrives at the end of that run.
    fn find(&self, after: u64) -> Option<Arc<Run>> {
        let index = self.runs.partition_point(|run| run.last() <= after);
        let run = self.runs.get(index).filter(|run| run.after <= after)?;
        if run.after == after {
            return Some(Arc::clone(run));
        }
        let start = run.entries.partition_point(|entry| entry.position <= after);
        Some(Arc::new(Run::new(after, run.entries[start..].to_vec())))
    }

    /// Keeps a run unless it is older than the last: who catches up does so alone.
    fn keep(&mut self, run: &Arc<Run>) {
        let end = self.runs.back().map_or(0, |last| last.last());
        if run.entries.is_empty() || run.after < end {
            return;
        }
        self.bytes += run.bytes();
        self.runs.push_back(Arc::clone(run));
        while self.bytes > KEPT_BYTES_MAX
            && let Some(oldest) = self.runs.pop_front()
        {
            self.bytes -= oldest.bytes();
        }
    }
}

impl Run {
    /// Alerts that were read behind a position.
    pub(crate) fn new(after: u64, entries: Vec<Entry>) -> Self {
        Self { after, entries, ..Self::default() }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The alerts as the field `entries` of a `SubscribeResponse`.
    pub(crate) fn fields(&self) -> Bytes {
        const ENTRIES: u32 = 1;
        let encoded = || {
            let entries: Vec<v1::Entry> = self.entries.iter().cloned().map(Into::into).collect();
            let mut fields = BytesMut::with_capacity(message::encoded_len_repeated(ENTRIES, &entries));
            message::encode_repeated(ENTRIES, &entries, &mut fields);
            fields.freeze()
        };
        self.fields.get_or_init(encoded).clone()
    }

    /// The alerts as the messages of Falco's API, with the prefix of each.
    pub(crate) fn messages(&self) -> Bytes {
        let encoded = || {
            let mut messages = BytesMut::with_capacity(self.bytes());
            for entry in &self.entries {
                let alert = entry.alert.as_bytes();
                messages.put_slice(&prefix(alert.len()));
                messages.put_slice(alert);
            }
            messages.freeze()
        };
        self.messages.get_or_init(encoded).clone()
    }

    fn last(&self) -> u64 {
        self.entries.last().map_or(self.after, |entry| entry.position)
    }

    fn bytes(&self) -> usize {
        OVERHEAD + self.entries.iter().map(|entry| entry.alert.as_bytes().len() + PREFIX).sum::<usize>()
    }
}

/// What stands in front of a message of so many bytes.
pub(crate) fn prefix(length: usize) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    // No message is longer than a run and one alert more.
    prefix[1..].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    prefix
}

#[cfg(test)]
mod tests;
