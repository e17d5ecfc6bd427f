//! The topic `<topic>.state`: cursors, and checkpoints of the marks. It is compacted, so the last
//! record of each key is kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::LogError;
use super::broker::{Broker, Reader, Traced};
use super::follow::{Checkpoint, reader_at};
use super::shared::{Reached, wait};

/// A record is on its way for so long at most.
const RECORD_TIMEOUT_MS: &str = "10000";

/// Bytes of records that wait in the client.
const BYTES_MAX: usize = 4 << 20;

/// Bytes of one part of a checkpoint.
const PART: usize = 512 << 10;

/// A wait for the next record.
const IDLE: Duration = Duration::from_millis(100);

/// The key of a record that is written to be read: what was written before it is known then.
const BARRIER: &str = "barrier";

/// The parts of a checkpoint that have come.
type Parts = Vec<Option<Vec<u8>>>;

/// What the topic says.
#[derive(Default)]
struct Known {
    cursors: BTreeMap<String, u64>,
    /// Checkpoints by offset. Once there is a whole one, older ones go.
    checkpoints: BTreeMap<u64, Parts>,
}

/// The topic.
pub(super) struct State {
    broker: Broker,
    topic: String,
    producer: FutureProducer<Traced>,
    known: Mutex<Known>,
    reached: Reached,
    /// The offset of the last whole checkpoint.
    pub(super) saved: Arc<AtomicU64>,
}

impl State {
    /// Reads the topic, and goes on reading it until `stop`.
    pub(super) async fn open(broker: Broker, stop: CancellationToken) -> Result<Arc<Self>, LogError> {
        let mut config = broker.config();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", RECORD_TIMEOUT_MS)
            .set("linger.ms", "1");
        let made = config.create_with_context(Traced);
        let producer = made.map_err(|cause| broker.failed("a writer can't be made", &cause))?;
        let topic = broker.state_topic();
        let reader = reader_at(&broker, &topic, 0, BYTES_MAX)?;
        let saved = Arc::default();
        let (known, reached) = (Mutex::default(), watch::Sender::new(0));
        let state = Arc::new(Self { broker, topic, producer, known, reached, saved });
        let following = Arc::clone(&state);
        std::thread::Builder::new()
            .name("cadge-log-state".to_owned())
            .spawn(move || following.follow(&reader, &stop))
            .map_err(|cause| state.broker.problem(format!("its thread can't be started: {cause}")))?;
        state.settle().await?;
        Ok(state)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, reader: &Reader, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match reader.poll(IDLE) {
                Some(Ok(record)) => {
                    let key = std::str::from_utf8(record.key().unwrap_or_default()).unwrap_or_default();
                    self.take(key, record.payload());
                    let next = u64::try_from(record.offset()).unwrap_or(0) + 1;
                    self.reached.send_replace(next);
                }
                // The client tries again by itself.
                Some(Err(error)) => tracing::warn!(%error, "the cursors' topic can't be followed for now"),
                None => {}
            }
        }
    }

    fn take(&self, key: &str, value: Option<&[u8]>) {
        let mut known = self.known();
        match key.split_once('/') {
            Some(("cursor", name)) => {
                match value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok()) {
                    Some(position) => drop(known.cursors.insert(name.to_owned(), position)),
                    None => drop(known.cursors.remove(name)),
                }
            }
            Some(("checkpoint", part)) => {
                if let Some((offset, index, count)) = parse_part(part) {
                    known.take_part(offset, index, count, value);
                    if let Some(whole) = known.whole() {
                        self.saved.store(whole, Ordering::Relaxed);
                    }
                }
            }
            _ => {}
        }
    }

    /// Writes a record. Answers with the offset behind it.
    async fn put(&self, key: &str, value: Option<&[u8]>) -> Result<u64, LogError> {
        let record = FutureRecord { payload: value, ..FutureRecord::to(&self.topic).key(key).partition(0) };
        match self.producer.send(record, Timeout::After(Duration::from_secs(10))).await {
            Ok(delivered) => Ok(u64::try_from(delivered.offset).unwrap_or(0) + 1),
            Err((cause, _)) => Err(self.broker.failed(&format!("`{key}` can't be written"), &cause)),
        }
    }

    /// Waits until everything that any hub has written so far is known.
    async fn settle(&self) -> Result<(), LogError> {
        let next = self.put(BARRIER, Some(b"")).await?;
        wait(&self.broker, &self.reached, next).await
    }

    pub(super) async fn cursor(&self, name: &str) -> Result<Option<u64>, LogError> {
        self.settle().await?;
        Ok(self.known().cursors.get(name).copied())
    }

    pub(super) async fn cursors(&self) -> Result<Vec<(String, u64)>, LogError> {
        self.settle().await?;
        Ok(self.known().cursors.iter().map(|(name, position)| (name.clone(), *position)).collect())
    }

    pub(super) async fn commit(&self, name: &str, position: u64) -> Result<(), LogError> {
        self.put(&format!("cursor/{name}"), Some(position.to_string().as_bytes())).await.map(drop)
    }

    pub(super) async fn forget(&self, name: &str) -> Result<bool, LogError> {
        let was_there = self.cursor(name).await?.is_some();
        let next = self.put(&format!("cursor/{name}"), None).await?;
        wait(&self.broker, &self.reached, next).await?;
        Ok(was_there)
    }

    /// The last whole checkpoint. Its memory is given up.
    pub(super) fn checkpoint(&self) -> Option<Vec<u8>> {
        let mut known = self.known();
        let offset = known.whole()?;
        let parts = known.checkpoints.get_mut(&offset)?;
        Some(parts.iter_mut().flatten().flat_map(std::mem::take).collect())
    }

    /// Writes checkpoints as they come, and deletes the ones before.
    pub(super) async fn save(&self, mut checkpoints: mpsc::Receiver<Checkpoint>) {
        while let Some((offset, bytes)) = checkpoints.recv().await {
            if let Err(error) = self.save_one(offset, &bytes).await {
                tracing::warn!(%error, "a checkpoint can't be written: the next start takes longer");
            }
        }
    }

    pub(super) async fn save_one(&self, offset: u64, bytes: &[u8]) -> Result<(), LogError> {
        let older: Vec<String> = self.known().keys_before(offset);
        let parts: Vec<&[u8]> = bytes.chunks(PART).collect();
        for (index, part) in parts.iter().enumerate() {
            self.put(&part_key(offset, index, parts.len()), Some(part)).await?;
        }
        for key in older {
            self.put(&key, None).await?;
        }
        tracing::debug!(offset, bytes = bytes.len(), "a checkpoint was written");
        Ok(())
    }
}

impl Known {
    fn take_part(&mut self, offset: u64, index: usize, count: usize, value: Option<&[u8]>) {
        let Some(value) = value else {
            // Without one of its parts it is none.
            self.checkpoints.remove(&offset);
            return;
        };
        let parts = self.checkpoints.entry(offset).or_default();
        parts.resize(count, None);
        parts[index] = Some(value.to_vec());
        let Some(whole) = self.whole() else { return };
        // What is older is of no use any more; its keys are still to be deleted.
        for part in self.checkpoints.range_mut(..whole).flat_map(|(_, parts)| parts).flatten() {
            *part = Vec::new();
        }
    }

    /// The offset of the last whole checkpoint.
    fn whole(&self) -> Option<u64> {
        let mut all = self.checkpoints.iter().rev();
        all.find(|(_, parts)| parts.iter().all(Option::is_some)).map(|(offset, _)| *offset)
    }

    fn keys_before(&self, offset: u64) -> Vec<String> {
        let older = self.checkpoints.range(..offset);
        older
            .flat_map(|(offset, parts)| (0..parts.len()).map(|index| part_key(*offset, index, parts.len())))
            .collect()
    }
}

fn part_key(offset: u64, index: usize, count: usize) -> String {
    format!("checkpoint/{offset}/{index}/{count}")
}

/// Reads `offset/index/count`.
fn parse_part(text: &str) -> Option<(u64, usize, usize)> {
    let (offset, rest) = text.split_once('/')?;
    let (index, count) = rest.split_once('/')?;
    let (index, count) = (index.parse().ok()?, count.parse().ok()?);
    // A checkpoint has 64 parts at most: anything else is not one.
    (index < count && count <= 64).then_some((offset.parse().ok()?, index, count))
}
