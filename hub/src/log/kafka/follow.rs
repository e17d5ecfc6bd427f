//! The thread that follows the alerts' topic: it keeps the marks, and the youngest alerts in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cadge_proto::raw::RawAlert;
use rdkafka::consumer::Consumer as _;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::super::{Entry, LogError};
use super::broker::{Broker, Reader, bounds};
use super::marks::Marks;
use super::record::Number;
use super::shared::Shared;

/// Records that are taken under one lock.
const TAKE_MAX: usize = 1000;

/// A checkpoint is made after so many records, but not more often than that.
const CHECKPOINT: (u64, Duration) = (200_000, Duration::from_secs(10));

/// The topic's beginning is looked at so often.
const BEGINNING: Duration = Duration::from_secs(15);

/// A wait for the next record.
const IDLE: Duration = Duration::from_millis(100);

/// A checkpoint on its way: its offset and its bytes.
pub(super) type Checkpoint = (u64, Vec<u8>);

/// The only partition of a topic, from an offset on.
pub(super) fn place(topic: &str, offset: u64) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    // A plain offset is always taken.
    let _ = list.add_partition_offset(topic, 0, Offset::Offset(offset));
    list
}

/// A client that reads a topic's only partition from an offset on.
pub(super) fn reader_at(broker: &Broker, topic: &str, offset: u64, bytes: usize) -> Result<Reader, LogError> {
    let reader = broker.reader(bytes)?;
    let assigned = reader.assign(&place(topic, offset));
    assigned.map_err(|cause| broker.failed(&format!("the topic `{topic}` can't be read"), &cause))?;
    Ok(reader)
}

/// A record's offset and the bytes of its alert.
pub(super) fn entry(offset: u64, bytes: &[u8]) -> Entry {
    Entry { position: offset + 1, alert: RawAlert::new(bytes.to_vec()) }
}

/// Follows the topic.
pub(super) struct Follower {
    pub(super) shared: Arc<Shared>,
    pub(super) reader: Reader,
    pub(super) checkpoints: mpsc::Sender<Checkpoint>,
    /// The offset of the last checkpoint, whichever hub has made it.
    pub(super) saved: Arc<AtomicU64>,
}

impl Follower {
    /// Follows until the log is closed.
    pub(super) fn run(self) {
        let mut looked = Instant::now();
        let mut saved = Instant::now();
        while !self.shared.stop.is_cancelled() {
            match self.reader.poll(IDLE) {
                Some(Ok(record)) => self.take(&record),
                // The client tries again by itself.
                Some(Err(error)) => tracing::warn!(%error, "the alerts' topic can't be followed for now"),
                None => {}
            }
            if looked.elapsed() > BEGINNING {
                looked = Instant::now();
                if let Ok((first, _)) = bounds(&self.reader, self.shared.broker.topic()) {
                    self.shared.begin_at(first);
                }
            }
            if saved.elapsed() > CHECKPOINT.1 && self.is_due() {
                saved = Instant::now();
                self.save();
            }
        }
    }

    fn is_due(&self) -> bool {
        *self.shared.reached.borrow() >= self.saved.load(Ordering::Relaxed) + CHECKPOINT.0
    }

    fn save(&self) {
        let marks = self.shared.marks();
        let checkpoint = (marks.next(), marks.save());
        drop(marks);
        // If the last one is not written yet, the next one will do.
        let _ = self.checkpoints.try_send(checkpoint);
    }

    /// Takes a record, and what is there already behind it.
    fn take(&self, record: &BorrowedMessage<'_>) {
        let mut entries = Vec::new();
        let mut marks = self.shared.marks();
        take(&mut marks, record, &mut entries);
        for _ in 1..TAKE_MAX {
            let Some(Ok(record)) = self.reader.poll(Duration::ZERO) else { break };
            take(&mut marks, &record, &mut entries);
        }
        let (next, head) = (marks.next(), marks.head());
        drop(marks);
        self.shared.tail.push(entries.into_iter());
        self.shared.publish(next, head);
    }
}

fn take(marks: &mut Marks, record: &BorrowedMessage<'_>, entries: &mut Vec<Entry>) {
    let offset = u64::try_from(record.offset()).unwrap_or(0);
    if offset < marks.next() {
        return;
    }
    let sensor = std::str::from_utf8(record.key().unwrap_or_default()).unwrap_or_default();
    let number = Number::of(record);
    if number.is_none() {
        tracing::warn!(offset, "a record is not from a hub: it is left out");
    }
    let payload = record.payload();
    if marks.take(offset, sensor, number, payload.is_some()) {
        entries.push(entry(offset, payload.unwrap_or_default()));
    }
}
