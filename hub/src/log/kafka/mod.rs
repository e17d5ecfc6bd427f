//! The log in one Kafka topic with one partition, for more than one hub.
//!
//! A position is a record's offset and one. Every hub follows the topic, so that all agree on which
//! records repeat others (`marks.rs`); cursors are in a compacted topic beside it (`state.rs`).

mod security;
mod broker;
mod topic;
mod record;
mod marks;
mod shared;
mod follow;
mod state;
mod sent;
mod append;
mod client;
mod fetch;
mod claim;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::Offset;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Append, Claim, Durable, Entry, Log, LogError, LogStatus};
use append::{Request, Writer};
use broker::Broker;
use fetch::Readers;
use follow::Follower;
use marks::Marks;
use shared::Shared;
use state::State;

pub use broker::KafkaSettings;
pub use security::KafkaSecurity;

/// Batches that wait for the writer. A full queue makes sensors wait, not the hub grow.
const QUEUE: usize = 256;

/// Bytes of records that wait in the client that follows.
const FOLLOW_BYTES_MAX: usize = 8 << 20;

/// The log.
pub struct Kafka {
    shared: Arc<Shared>,
    state: Arc<State>,
    readers: Readers,
    requests: mpsc::Sender<Request>,
}

impl Kafka {
    /// Opens the log, and reads it from the last checkpoint to its end. The topics are made if they
    /// are missing.
    pub async fn open(settings: KafkaSettings) -> Result<Self, LogError> {
        let broker = Broker::new(settings)?;
        topic::prepare(&broker).await?;
        let stop = tokio_util::sync::CancellationToken::new();
        let closing = stop.clone().drop_guard();
        let state = State::open(broker.clone(), stop.clone()).await?;
        let (first, end) = broker.bounds().await?;
        let marks = begin(&broker, &state, first, end)?;
        let from = marks.next();
        let shared = Arc::new(Shared::new(broker.clone(), marks, first, stop));
        let (checkpoints, queue) = mpsc::channel(1);
        let follower = Follower {
            shared: Arc::clone(&shared),
            reader: follow::reader_at(&broker, broker.topic(), from, FOLLOW_BYTES_MAX)?,
            checkpoints,
            saved: Arc::clone(&state.saved),
        };
        std::thread::Builder::new()
            .name("cadge-log-follow".to_owned())
            .spawn(move || follower.run())
            .map_err(|cause| broker.problem(format!("its thread can't be started: {cause}")))?;
        tracing::info!(path = broker.path(), from, end, "the log is read up to its end");
        shared.reach(end).await?;
        let (requests, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(Writer::new(Arc::clone(&shared))?.run(waiting));
        let saving = Arc::clone(&state);
        tokio::spawn(async move { saving.save(queue).await });
        closing.disarm();
        let readers = Readers::new(Arc::clone(&shared));
        Ok(Self { shared, state, readers, requests })
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// What is known before the first record is read.
fn begin(broker: &Broker, state: &State, first: u64, end: u64) -> Result<Marks, LogError> {
    let mut marks = match state.checkpoint() {
        Some(saved) => Marks::restore(&saved).map_err(|cause| {
            broker.problem(format!(
                "a checkpoint in `{}` can't be read: {cause}; delete that topic if another program has written to it (cursors begin anew)",
                broker.state_topic()
            ))
        })?,
        None => Marks::default(),
    };
    if marks.next() > end {
        return Err(broker.problem(format!(
            "the topic ends at offset {end}, but a checkpoint says {}: it was deleted and made anew; delete `{}` too",
            marks.next(),
            broker.state_topic()
        )));
    }
    marks.begin_at(first);
    Ok(marks)
}

impl Log for Kafka {
    fn append(&self, batch: Append) -> BoxFuture<'_, Result<Durable, LogError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let sent = self.requests.send((batch, reply)).await;
            sent.map_err(|_| self.shared.broker.problem("it is closed"))?;
            Ok(answer)
        })
    }

    fn high_water<'a>(&'a self, sensor: &'a str, epoch: u64) -> BoxFuture<'a, Result<u64, LogError>> {
        Box::pin(async move {
            // What the sensor has sent to another hub is seen first.
            self.shared.catch_up().await?;
            Ok(self.shared.marks().high_water(sensor, epoch))
        })
    }

    fn read(&self, after: u64, count: usize, bytes: usize) -> BoxFuture<'_, Result<Vec<Entry>, LogError>> {
        Box::pin(async move {
            if count == 0 || *self.shared.head.borrow() <= after {
                return Ok(Vec::new());
            }
            if let Some(entries) = self.shared.tail.read(after, count, bytes) {
                return Ok(entries);
            }
            self.readers.read(after, count, bytes).await
        })
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    fn position_at(&self, time_ns: i64) -> BoxFuture<'_, Result<u64, LogError>> {
        Box::pin(async move {
            // Kafka counts in milliseconds: rather one alert too many than one too few.
            let time = u64::try_from(time_ns / 1_000_000).unwrap_or(0);
            let asked = follow::place(self.shared.broker.topic(), time);
            let answer = self.shared.broker.ask("a moment can't be found", move |asking| {
                asking.offsets_for_times(asked, broker::PATIENCE)
            });
            let found = answer
                .await?
                .elements()
                .first()
                .map(rdkafka::topic_partition_list::TopicPartitionListElem::offset);
            match found {
                Some(Offset::Offset(offset)) => Ok(u64::try_from(offset).unwrap_or(0)),
                _ => Ok(self.shared.broker.bounds().await?.1),
            }
        })
    }

    fn cursor<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<u64>, LogError>> {
        Box::pin(self.state.cursor(name))
    }

    fn commit<'a>(&'a self, name: &'a str, position: u64) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(async move {
            self.state.commit(name, position).await?;
            if let Some(shown) = self.shared.claimed().get(name) {
                shown.store(position, Ordering::Relaxed);
            }
            Ok(())
        })
    }

    fn cursors(&self) -> BoxFuture<'_, Result<Vec<(String, u64)>, LogError>> {
        Box::pin(self.state.cursors())
    }

    fn forget<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, LogError>> {
        Box::pin(self.state.forget(name))
    }

    fn claim<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Claim, LogError>> {
        Box::pin(claim::claim(Arc::clone(&self.shared), name))
    }

    fn status(&self) -> BoxFuture<'_, Result<LogStatus, LogError>> {
        Box::pin(async move {
            let (first, _) = self.shared.broker.bounds().await?;
            let (path, head) = (self.shared.broker.path(), *self.shared.head.borrow());
            // Brokers don't tell clients how many bytes a topic takes.
            Ok(LogStatus { kind: "kafka", path, first: first + 1, head, bytes: 0 })
        })
    }
}
