//! Reads older alerts from the brokers, for the consumers that don't keep up: a few clients, which
//! go on where they are if that is where the next reading begins.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::message::Message as _;
use tokio::sync::Semaphore;

use super::super::{Entry, LogError};
use super::broker::{PATIENCE, Reader, bounds};
use super::follow::{entry, place};
use super::shared::Shared;

/// Readings that are under way at once. Others wait.
const READERS: usize = 4;

/// Bytes of records that wait in each client.
const BYTES_MAX: usize = 4 << 20;

/// A client and the offset of the record that it will bring next.
struct Placed {
    reader: Reader,
    next: u64,
}

/// The clients that nobody uses now.
pub(super) struct Readers {
    shared: Arc<Shared>,
    idle: Arc<Mutex<Vec<Placed>>>,
    permits: Semaphore,
}

/// What is to be read.
#[derive(Clone, Copy)]
struct Wanted {
    after: u64,
    /// The offset behind the last record that is there.
    end: u64,
    count: usize,
    bytes: usize,
}

impl Readers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, idle: Arc::default(), permits: Semaphore::new(READERS) }
    }

    /// The alerts behind a position: one at least, if there is one. There is none behind it where the topic
    /// has expired up to its last alert.
    pub(super) async fn read(&self, after: u64, count: usize, bytes: usize) -> Result<Vec<Entry>, LogError> {
        let closed = || self.shared.broker.problem("it is closed");
        let _permit = self.permits.acquire().await.map_err(|_| closed())?;
        let wanted = Wanted { after, end: *self.shared.head.borrow(), count, bytes };
        if self.shared.first.load(Ordering::Relaxed) >= wanted.end {
            return Ok(Vec::new());
        }
        let (shared, idle) = (Arc::clone(&self.shared), Arc::clone(&self.idle));
        let reading = tokio::task::spawn_blocking(move || {
            let mut placed = take(&shared, &idle, after)?;
            let entries = placed.read(&shared, wanted)?;
            // One that failed is not used again.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(placed);
            Ok(entries)
        });
        reading.await.map_err(|_| closed())?
    }
}

/// An idle client, best one that is where the reading begins.
fn take(shared: &Shared, idle: &Mutex<Vec<Placed>>, after: u64) -> Result<Placed, LogError> {
    let found = {
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = idle.iter().position(|placed| placed.next == after);
        if let Some(index) = fits {
            Some(idle.swap_remove(index))
        } else if idle.len() == READERS {
            idle.pop()
        } else {
            None
        }
    };
    match found {
        Some(placed) => Ok(placed),
        None => Ok(Placed { reader: shared.broker.reader(BYTES_MAX)?, next: u64::MAX }),
    }
}

impl Placed {
    fn read(&mut self, shared: &Shared, wanted: Wanted) -> Result<Vec<Entry>, LogError> {
        let topic = shared.broker.topic();
        if self.next != wanted.after {
            let assigned = self.reader.assign(&place(topic, wanted.after));
            assigned.map_err(|cause| shared.broker.failed("it can't be read", &cause))?;
            self.next = wanted.after;
        }
        let (mut entries, mut size) = (Vec::new(), 0);
        let mut deadline = Instant::now() + PATIENCE;
        while self.next < wanted.end
            && entries.len() < wanted.count
            && (entries.is_empty() || size < wanted.bytes)
        {
            match self.reader.poll(Duration::from_millis(100)) {
                Some(Ok(record)) => {
                    deadline = Instant::now() + PATIENCE;
                    let offset = u64::try_from(record.offset()).unwrap_or(0);
                    self.next = offset + 1;
                    // All that was wanted has expired, and what comes instead may not be in the marks yet.
                    if offset >= wanted.end {
                        break;
                    }
                    let payload = record.payload().unwrap_or_default();
                    if !shared.marks().leaves_out(offset) {
                        size += payload.len();
                        entries.push(entry(offset, payload));
                    }
                }
                // What is there is enough for now.
                _ if !entries.is_empty() => break,
                _ if Instant::now() > deadline => {
                    if bounds(&self.reader, topic).is_ok_and(|(first, _)| first >= wanted.end) {
                        break;
                    }
                    let text = format!("nothing came within {PATIENCE:?}; check that the brokers are up");
                    return Err(shared.broker.problem(text));
                }
                // The client tries again by itself.
                _ => {}
            }
        }
        Ok(entries)
    }
}
