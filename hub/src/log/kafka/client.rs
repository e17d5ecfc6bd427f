//! The client that writes: what one has written lands in order and without a hole, up to some record.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{ProducerContext, ThreadedProducer};
use tokio::sync::Notify;

use super::super::LogError;
use super::broker::{Broker, trace};

/// The client.
pub(super) type Client = ThreadedProducer<Deliveries>;

/// How far a batch's records have come.
#[derive(Debug)]
pub(super) struct Progress {
    left: AtomicUsize,
    /// The offset behind the last record.
    end: AtomicU64,
}

/// The brokers' answers to one client.
#[derive(Default)]
pub(super) struct Answers {
    /// A batch is through, or a record has failed.
    pub(super) news: Notify,
    failure: Mutex<Option<KafkaError>>,
    /// Records that the brokers have.
    delivered: AtomicU64,
}

/// Takes the brokers' answers.
pub(super) struct Deliveries(Arc<Answers>);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, part: &str, text: &str) {
        trace(level, part, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Progress>;

    fn delivery(&self, result: &DeliveryResult<'_>, progress: Arc<Progress>) {
        match result {
            Ok(record) => {
                let end = u64::try_from(record.offset()).unwrap_or(0) + 1;
                progress.end.fetch_max(end, Ordering::Relaxed);
                self.0.delivered.fetch_add(1, Ordering::Relaxed);
            }
            Err((cause, _)) => {
                self.0.failure().get_or_insert_with(|| cause.clone());
                self.0.news.notify_one();
                // It stays undone for ever.
                return;
            }
        }
        if progress.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.news.notify_one();
        }
    }
}

impl Answers {
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(super) fn failure(&self) -> MutexGuard<'_, Option<KafkaError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    pub(super) fn new(records: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(records), end: AtomicU64::new(0) })
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// The offset behind its last record, once it is done.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }
}

/// Makes a client.
pub(super) fn client(broker: &Broker, answers: &Arc<Answers>) -> Result<Client, LogError> {
    let mut config = broker.config();
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .set("batch.size", "900000")
        .set("batch.num.messages", "10000")
        // Its queue takes more than we have on the way: it is never full because of us.
        .set("queue.buffering.max.kbytes", "131072")
        .set("queue.buffering.max.messages", "1000000")
        // Not for a single record: one that failed alone would leave a hole.
        .set("message.timeout.ms", "0");
    let made = config.create_with_context(Deliveries(Arc::clone(answers)));
    made.map_err(|cause| broker.failed("a writer can't be made", &cause))
}
