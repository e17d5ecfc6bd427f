//! Takes alerts from sensors into the log, and acknowledges what is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::{self, IngestRequest, IngestResponse, ingest_request, ingest_response};
use cadge_proto::{ALERT_BYTES_MAX, Priority};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, Context, caller};
use crate::config::Role;
use crate::connect::identity::Peer;
use crate::error::CallError;
use crate::fleet::Contact;
use crate::log::{Append, Appended, Log, LogError, UNORDERED};
use crate::metrics::Present;
use crate::readable::{amended, is_readable};

/// Batches of one sensor that are on their way to the disk.
const PIPELINE: usize = 8;

/// Bytes of a connection's buffer. The alerts of a larger batch keep theirs for as long as they live.
const BUFFER: usize = 8 << 10;

/// The service.
pub(super) struct Ingest(pub(super) Context);

#[tonic::async_trait]
impl v1::ingest_server::Ingest for Ingest {
    type StreamStream = Answers<IngestResponse>;

    async fn stream(
        &self,
        request: Request<Streaming<IngestRequest>>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        let peer = caller(&request, &[Role::Sensor])?;
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|request| request.kind);
        let Some(ingest_request::Kind::Hello(hello)) = first else {
            return Err(CallError::Request("the first message must be `hello`".to_owned()).into());
        };
        may_speak_for(&peer, &hello.sensor)?;
        if hello.epoch == UNORDERED {
            return Err(CallError::Request("an epoch is never 0".to_owned()).into());
        }
        let acknowledged =
            self.0.consumers.log().high_water(&hello.sensor, hello.epoch).await.map_err(CallError::Log)?;
        tracing::info!(sensor = %hello.sensor, host = %hello.hostname, version = %hello.version, acknowledged, "a sensor has connected");
        let (answers, outgoing) = mpsc::channel(PIPELINE);
        let welcome = v1::Welcome { acknowledged, version: env!("CARGO_PKG_VERSION").to_owned() };
        let _ = answers.send(Ok(answer(ingest_response::Kind::Welcome(welcome)))).await;
        let contact = self.0.fleet.connected(&hello, acknowledged).await;
        let log = Arc::clone(self.0.consumers.log());
        let link = Link { context: self.0.clone(), log, hello, contact, answers, last: AtomicU64::new(0) };
        // Ends with its connection, or when the hub stops.
        tokio::spawn(link.run(requests));
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// A sensor speaks for itself; an admin for any.
fn may_speak_for(peer: &Peer, sensor: &str) -> Result<(), Status> {
    if sensor.is_empty() || sensor.len() > 256 {
        return Err(Status::invalid_argument("the sensor's name must have 1 to 256 bytes"));
    }
    if peer.role == Some(Role::Admin) || peer.name == sensor {
        return Ok(());
    }
    let text = format!("{}: it may not speak for the sensor `{sensor}`", peer.presented);
    Err(Status::permission_denied(text))
}

fn answer(kind: ingest_response::Kind) -> IngestResponse {
    IngestResponse { kind: Some(kind) }
}

/// What came of a batch, and how long it took.
type Timed = (Result<Result<Appended, LogError>, oneshot::error::RecvError>, Duration);

/// One sensor's stream.
struct Link {
    context: Context,
    log: Arc<dyn Log>,
    hello: v1::Hello,
    contact: Contact,
    answers: mpsc::Sender<Result<IngestResponse, Status>>,
    /// The last sequence number that went to the log.
    last: AtomicU64,
}

impl Link {
    async fn run(self, mut requests: Streaming<IngestRequest>) {
        let _present = Present::new(&self.context.metrics.sensors);
        let outcome = tokio::select! {
            () = self.context.stop.cancelled() => Ok(()),
            outcome = self.take(&mut requests) => outcome,
        };
        if let Err(status) = outcome {
            tracing::warn!(sensor = %self.hello.sensor, code = ?status.code(), reason = status.message(), "the sensor's stream has ended");
            let _ = self.answers.send(Err(status)).await;
        }
    }

    /// Puts batches in and sends acknowledgements out, several batches at a time.
    async fn take(&self, requests: &mut Streaming<IngestRequest>) -> Result<(), Status> {
        let mut pending: FuturesOrdered<BoxFuture<'static, Timed>> = FuturesOrdered::new();
        let mut ended = false;
        loop {
            tokio::select! {
                Some((outcome, took)) = pending.next() => {
                    self.context.metrics.append_seconds.observe(took.as_secs_f64());
                    let outcome: Result<Appended, LogError> =
                        outcome.map_err(|_| Status::unavailable("the hub is stopping"))?;
                    self.acknowledge(outcome.map_err(CallError::Log)?).await?;
                }
                request = requests.message(), if !ended && pending.len() < PIPELINE => match request? {
                    Some(IngestRequest { kind: Some(ingest_request::Kind::Batch(batch)) }) => {
                        let since = Instant::now();
                        self.contact.batch();
                        self.context.metrics.batches.inc();
                        if let Some(batch) = self.check(batch)? {
                            let durable = self.log.append(batch).await.map_err(CallError::Log)?;
                            pending.push_back(Box::pin(async move { (durable.await, since.elapsed()) }));
                        }
                    }
                    Some(IngestRequest { kind: Some(ingest_request::Kind::Heartbeat(beat)) }) => {
                        tracing::debug!(sensor = %self.hello.sensor, spooled = beat.spooled, "heartbeat");
                        self.contact.heartbeat(beat);
                    }
                    Some(_) => return Err(Status::invalid_argument("expected a batch or a heartbeat")),
                    None => ended = true,
                },
                else => return Ok(()),
            }
        }
    }

    async fn acknowledge(&self, outcome: Appended) -> Result<(), Status> {
        self.context.metrics.duplicates.inc_by(outcome.duplicates);
        if outcome.missing > 0 {
            self.announce_missing(outcome.missing).await;
        }
        self.contact.acknowledged(outcome.high_water);
        let acknowledgement = v1::Acknowledgement { sequence: outcome.high_water };
        let answer = answer(ingest_response::Kind::Acknowledgement(acknowledgement));
        self.answers.send(Ok(answer)).await.map_err(|_| Status::cancelled("the sensor has gone"))
    }

    async fn announce_missing(&self, missing: u64) {
        self.context.metrics.missing.inc_by(missing);
        let text =
            format!("{missing} alerts of the sensor {} were lost before they came here", self.hello.sensor);
        let fields =
            [("sensor".to_owned(), self.hello.sensor.clone()), ("missing".to_owned(), missing.to_string())];
        let rule = "Cadge internal: alerts missing";
        self.context.announcer.raise(rule, Priority::Critical, &text, fields.into()).await;
    }

    /// Leaves out what is no alert of this sensor: it would be unreadable for every consumer, and
    /// to refuse the batch would hold up all that follows.
    fn check(&self, batch: v1::Batch) -> Result<Option<Append>, Status> {
        let count = batch.alerts.len() as u64;
        let Some(last) = batch.first_sequence.checked_add(count).map(|end| end.saturating_sub(1)) else {
            return Err(Status::invalid_argument("the sequence numbers of the batch are too large"));
        };
        if batch.first_sequence == 0 {
            return Err(Status::invalid_argument("sequence numbers begin with 1"));
        }
        if count == 0 {
            return Ok(None);
        }
        self.context.metrics.received.inc_by(count);
        let first = batch.first_sequence;
        let bytes: usize = batch.alerts.iter().map(|alert| alert.as_bytes().len()).sum();
        // A few alerts are not worth the whole buffer that they came in.
        let own = |alert: RawAlert| {
            if bytes < BUFFER { RawAlert::new(Bytes::copy_from_slice(alert.as_bytes())) } else { alert }
        };
        let numbered = (first..).zip(batch.alerts.into_iter().map(own));
        let alerts: Vec<_> =
            numbered.filter_map(|(sequence, alert)| Some((sequence, self.sound(sequence, alert)?))).collect();
        let Some(malformed) = count.checked_sub(alerts.len() as u64).filter(|malformed| *malformed > 0)
        else {
            return Ok(Some(self.append(first, alerts, last)));
        };
        self.context.metrics.malformed.inc_by(malformed);
        tracing::error!(sensor = %self.hello.sensor, malformed, "alerts can't be read, or are not the sensor's: they are left out");
        Ok(Some(self.append(first, alerts, last)))
    }

    fn append(&self, first: u64, alerts: Vec<(u64, RawAlert)>, last: u64) -> Append {
        let previous = self.last.swap(last, Ordering::Relaxed);
        let (sensor, epoch) = (self.hello.sensor.clone(), self.hello.epoch);
        Append { sensor, epoch, previous, first, alerts, last }
    }

    /// The alert, if it is one of this sensor's.
    fn sound(&self, sequence: u64, encoded: RawAlert) -> Option<RawAlert> {
        if encoded.as_bytes().len() > ALERT_BYTES_MAX {
            return None;
        }
        let origin = encoded.origin().ok()?;
        let is_own = origin.sensor == self.hello.sensor
            && origin.epoch == self.hello.epoch
            && origin.sequence == sequence;
        let is_readable = is_own && is_readable(&origin);
        match (is_own, is_readable) {
            (false, _) => None,
            (true, true) => Some(encoded),
            (true, false) => amended(&encoded),
        }
    }
}
