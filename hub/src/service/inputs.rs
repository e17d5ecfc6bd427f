//! Takes events from other programs into the log, each as an alert that no rule has raised, and acknowledges what
//! is on disk.

mod event;

use std::sync::Arc;

use cadge_proto::raw::v1::{self, PushRequest, PushResponse, RefusedEvent};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use prometheus::{IntCounter, IntCounterVec, Opts};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, Call, Context, caller};
use crate::config::Role;
use crate::error::CallError;
use crate::log::LogError;
use crate::unordered::{Keeping, Unordered};
use event::{Caller, Taken};

/// Requests of one stream that are on their way to the disk.
const PIPELINE: usize = 8;

/// Larger requests are read on a thread where that holds up nobody.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// The service.
pub(super) struct Inputs {
    unordered: Unordered,
    stop: CancellationToken,
    accepted: IntCounter,
    rejected: IntCounter,
}

impl Inputs {
    pub(super) fn new(context: &Context) -> Self {
        let metrics = context.metrics.clone();
        let events = Opts::new("cadge_hub_input_events_total", "Events that other programs have handed in.");
        let events = IntCounterVec::new(events, &["status"]).expect("name and labels are valid");
        metrics.registry.register(Box::new(events.clone())).expect("the name is registered once");
        Self {
            unordered: Unordered { log: Arc::clone(context.consumers.log()), metrics },
            stop: context.stop.clone(),
            accepted: events.with_label_values(&["accepted"]),
            rejected: events.with_label_values(&["rejected"]),
        }
    }
}

#[tonic::async_trait]
impl v1::inputs_server::Inputs for Inputs {
    type PushStream = Answers<PushResponse>;

    async fn push(
        &self,
        request: Request<Streaming<PushRequest>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let call = caller(&request, &[Role::Sensor])?;
        let (answers, outgoing) = mpsc::channel(PIPELINE);
        let link = Link {
            sensor: format!("input/{}", call.name),
            call,
            unordered: self.unordered.clone(),
            accepted: self.accepted.clone(),
            rejected: self.rejected.clone(),
            answers,
        };
        // Ends with its connection, or when the hub stops.
        tokio::spawn(link.run(request.into_inner(), self.stop.clone()));
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// What came of a request.
struct Kept {
    outcome: Result<u64, LogError>,
    alerts: u64,
    response: PushResponse,
}

/// One caller's stream.
struct Link {
    call: Arc<Call>,
    sensor: String,
    unordered: Unordered,
    accepted: IntCounter,
    rejected: IntCounter,
    answers: mpsc::Sender<Result<PushResponse, Status>>,
}

impl Link {
    async fn run(self, mut requests: Streaming<PushRequest>, stop: CancellationToken) {
        let outcome = tokio::select! {
            () = stop.cancelled() => Err(Status::unavailable("the hub is stopping")),
            () = self.answers.closed() => return,
            outcome = self.take(&mut requests) => outcome,
        };
        if let Err(status) = outcome {
            tracing::debug!(sensor = %self.sensor, code = ?status.code(), reason = status.message(), "a stream of events has ended");
            let _ = self.answers.send(Err(status)).await;
        }
    }

    /// Puts events in and sends acknowledgements out, several requests at a time.
    async fn take(&self, requests: &mut Streaming<PushRequest>) -> Result<(), Status> {
        let mut pending: FuturesOrdered<BoxFuture<'static, Kept>> = FuturesOrdered::new();
        let (mut count, mut ended) = (0_u64, false);
        loop {
            tokio::select! {
                Some(kept) = pending.next() => self.acknowledge(kept).await?,
                request = requests.message(), if !ended && pending.len() < PIPELINE => match request? {
                    Some(request) => {
                        let events = request.events.len() as u64;
                        let Taken { alerts, refused } = self.read(request, count).await?;
                        count += events;
                        let handed = alerts.len() as u64;
                        let keeping = self.unordered.hand_in(&self.sensor, alerts).await;
                        let keeping = keeping.map_err(CallError::Log)?;
                        pending.push_back(Box::pin(kept(keeping, handed, count, refused)));
                    }
                    None => ended = true,
                },
                else => return Ok(()),
            }
        }
    }

    /// What can be kept of a request.
    async fn read(&self, request: PushRequest, before: u64) -> Result<Taken, Status> {
        event::check(&request)?;
        let large = event::bytes(&request) > INLINE_BYTES_MAX;
        let (sensor, name) = (self.sensor.clone(), self.call.name.clone());
        let take = move || event::take(&request, before, &Caller { sensor: &sensor, name: &name });
        if !large {
            return Ok(take());
        }
        let taken = tokio::task::spawn_blocking(take).await;
        taken.map_err(|_| Status::unavailable("the hub is stopping"))
    }

    async fn acknowledge(&self, kept: Kept) -> Result<(), Status> {
        kept.outcome.map_err(CallError::Log)?;
        self.accepted.inc_by(kept.alerts);
        self.rejected.inc_by(kept.response.refused.len() as u64);
        self.call.handed_in(kept.alerts);
        self.answers.send(Ok(kept.response)).await.map_err(|_| Status::cancelled("the caller has gone"))
    }
}

/// Waits until a request's alerts are on disk.
async fn kept(keeping: Keeping, alerts: u64, acknowledged: u64, refused: Vec<RefusedEvent>) -> Kept {
    Kept { outcome: keeping.kept().await, alerts, response: PushResponse { acknowledged, refused } }
}
