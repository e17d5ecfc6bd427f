//! Writes alerts to the topic, and answers once the brokers have them.
//!
//! What one client writes lands in order and without a hole, or not at all from some record on:
//! that is why a record that fails takes everything behind it along. Then the client is thrown away,
//! and sensors send again what was not acknowledged. What still waits of theirs names a batch before
//! it that is not there ([`Append::previous`]), and is refused.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cadge_proto::raw::RawAlert;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};
use tokio::sync::{mpsc, oneshot};

use super::super::{Append, Appended, HOLE, LogError};
use super::client::{Answers, Client, Progress, client};
use super::record::Number;
use super::sent::{Key, New, Sent, Wrote};
use super::shared::Shared;

/// Bytes of alerts that are on their way. Past that whoever appends waits.
const BYTES_MAX: usize = 32 << 20;

/// What a record takes beside its alert, about.
const RECORD_MORE: usize = 200;

/// The brokers get so long for the next record: slow ones are waited for, dead ones are not.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A batch, and who waits for it.
pub(super) type Request = (Append, Reply);

type Reply = oneshot::Sender<Result<Appended, LogError>>;

/// A batch on its way.
struct Pending {
    wrote: Wrote,
    bytes: usize,
    progress: Arc<Progress>,
    outcome: Appended,
    reply: Reply,
}

/// Writes to the topic.
pub(super) struct Writer {
    shared: Arc<Shared>,
    client: Client,
    answers: Arc<Answers>,
    /// How many records the brokers had when they were last looked at, and when that was.
    moved: (u64, Instant),
    pending: VecDeque<Pending>,
    bytes: usize,
    sent: Sent,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, LogError> {
        let answers = Arc::default();
        Ok(Self {
            client: client(&shared.broker, &answers)?,
            shared,
            answers,
            moved: (0, Instant::now()),
            pending: VecDeque::new(),
            bytes: 0,
            sent: Sent::default(),
        })
    }

    /// Writes until nobody can ask any more.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            let late = TIMEOUT.saturating_sub(self.moved.1.elapsed());
            tokio::select! {
                request = requests.recv(), if self.bytes < BYTES_MAX => match request {
                    Some((batch, reply)) => self.take(batch, reply).await,
                    None => break,
                },
                () = self.answers.news.notified(), if !self.pending.is_empty() => {}
                () = tokio::time::sleep(late), if !self.pending.is_empty() => self.look(),
            }
            self.settle();
        }
        // To give up a client may take a moment.
        tokio::task::spawn_blocking(move || drop(self));
    }

    /// Gives up if the brokers have taken nothing for too long.
    fn look(&mut self) {
        if self.answers.delivered() == self.moved.0 {
            self.fail(&KafkaError::MessageProduction(RDKafkaErrorCode::RequestTimedOut));
        }
        self.moved = (self.answers.delivered(), Instant::now());
    }

    async fn take(&mut self, batch: Append, reply: Reply) {
        self.sent.forget_seen(*self.shared.reached.borrow());
        let key = (batch.sensor.clone(), batch.epoch);
        let Some(New { alerts, identities, outcome, note }) = self.sent.select(&self.shared, batch) else {
            let _ = reply.send(Err(self.shared.broker.problem(HOLE)));
            return;
        };
        let progress = Progress::new(alerts.len() + usize::from(note.is_some()));
        let bytes = alerts.iter().map(|(_, alert)| alert.as_bytes().len() + RECORD_MORE).sum();
        self.bytes += bytes;
        let wrote = Wrote { key: key.clone(), identities, high_water: outcome.high_water, end: 0 };
        self.sent.add(&wrote);
        if self.pending.is_empty() {
            self.moved = (self.answers.delivered(), Instant::now());
        }
        let its = Arc::clone(&progress);
        self.pending.push_back(Pending { wrote, bytes, progress: its, outcome, reply });
        let alerts = alerts.into_iter().map(|(sequence, alert)| (sequence, Some(alert)));
        for (sequence, alert) in alerts.chain(note.map(|sequence| (sequence, None))) {
            if let Err(cause) = self.write(&key, sequence, alert.as_ref(), &progress).await {
                self.fail(&cause);
                return;
            }
        }
    }

    async fn write(
        &self,
        (sensor, epoch): &Key,
        sequence: u64,
        alert: Option<&RawAlert>,
        progress: &Arc<Progress>,
    ) -> Result<(), KafkaError> {
        let number = Number { epoch: *epoch, sequence };
        let payload = alert.map(|alert| &alert.as_bytes()[..]);
        let headers = payload.map_or_else(|| number.headers(), |alert| number.headers_with(alert));
        let mut record = BaseRecord::with_opaque_to(self.shared.broker.topic(), Arc::clone(progress))
            .partition(0)
            .key(sensor.as_str())
            .headers(headers);
        record.payload = payload;
        while let Err((cause, unsent)) = self.client.send(record) {
            if cause.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(cause);
            }
            record = unsent;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Answers for what has landed, in order: so what was left out as a repetition is on disk too.
    fn settle(&mut self) {
        let failure = self.answers.failure().take();
        if let Some(cause) = failure {
            self.fail(&cause);
        }
        while let Some(batch) = self.pending.pop_front_if(|batch| batch.progress.is_done()) {
            self.bytes -= batch.bytes;
            let end = batch.progress.end();
            let _ = batch.reply.send(Ok(batch.outcome));
            self.sent.landed(Wrote { end, ..batch.wrote });
        }
        self.sent.forget_seen(*self.shared.reached.borrow());
    }

    /// Gives up everything that is on its way.
    fn fail(&mut self, cause: &KafkaError) {
        let error = self.shared.broker.failed("alerts can't be written", cause);
        tracing::error!(%error, batches = self.pending.len(), "nothing of these is acknowledged");
        self.client.purge(PurgeConfig::default().queue().inflight());
        let answers = Arc::default();
        match client(&self.shared.broker, &answers) {
            Ok(new) => {
                self.answers = answers;
                let old = std::mem::replace(&mut self.client, new);
                tokio::task::spawn_blocking(move || drop(old));
            }
            Err(error) => tracing::error!(%error, "the old writer is used on"),
        }
        for batch in self.pending.drain(..) {
            let _ = batch.reply.send(Err(error.clone()));
        }
        self.bytes = 0;
        self.sent.give_up();
    }
}
