//! Cadge's own API: subscriptions with cursors and acknowledgements, and reading by position.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cadge_proto::raw::v1::{
    self, GetRequest, SubscribeRequest, SubscribeResponse, outputs_server, subscribe_request,
};
use futures_util::{Stream, StreamExt as _, stream};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, Call, Context, caller, framed, view};
use crate::config::Role;
use crate::consume::{Consumer, Start};
use crate::error::CallError;
use crate::log::{Entry, LogError};
use crate::metrics::Present;
use crate::runs::{BYTES_MAX, COUNT_MAX, Run, prefix};
use crate::time::time_ns;

/// With no alerts there is a sign of life so often, unless the subscriber wants it otherwise.
const HEARTBEAT_MS: u32 = 10_000;

/// Within what a subscriber may choose.
const HEARTBEATS_MS: std::ops::RangeInclusive<u32> = 100..=600_000;

/// Responses between the log and a connection.
const QUEUE: usize = 2;

/// Bytes of a cursor's name.
const CURSOR_BYTES_MAX: usize = 128;

/// The service.
pub(super) struct Outputs(pub(super) Context);

#[tonic::async_trait]
impl outputs_server::Outputs for Outputs {
    type SubscribeStream = Answers<SubscribeResponse>;
    type GetStream = Answers<SubscribeResponse>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|request| request.kind);
        let Some(subscribe_request::Kind::Open(open)) = first else {
            return Err(CallError::Request("the first message must be `open`".to_owned()).into());
        };
        let heartbeat = heartbeat(open.heartbeat_ms)?;
        let consumer = self.open(&call, open).await?;
        let (responses, outgoing) = mpsc::channel(QUEUE);
        let context = self.0.clone();
        tokio::spawn(async move {
            let subscription = Subscription { consumer, sent: 0, acknowledged: 0 };
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = responses.closed() => {}
                outcome = subscription.run(&context, requests, &responses, heartbeat) => {
                    if let Err(status) = outcome {
                        let _ = responses.send(Err(status)).await;
                    }
                }
            }
        });
        Ok(framed::answer(ReceiverStream::new(outgoing).flat_map(frames)))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let GetRequest { after, limit, since, until, filter, fields } = request.into_inner();
        let view = view(&call, &filter, fields)?;
        call.note("limit", limit);
        let log = self.0.consumers.log();
        let mut range = (after, *log.head().borrow());
        if let Some(since) = since {
            range.0 = range.0.max(log.position_at(time_ns(&since)).await.map_err(CallError::Log)?);
        }
        if let Some(until) = until {
            range.1 = range.1.min(log.position_at(time_ns(&until)).await.map_err(CallError::Log)?);
        }
        call.note("after", range.0);
        call.note("to", range.1);
        let start = Start::After(range.0);
        let consumer = self.0.consumers.open(None, start, view).await.map_err(CallError::Log)?;
        let left = if limit == 0 { u64::MAX } else { limit };
        let page = Page { consumer, left, until: range.1 };
        let responses = stream::unfold(page, |mut page| async {
            match page.next().await {
                Ok(response) => response.map(|response| (Ok(response), page)),
                Err(error) => {
                    page.left = 0;
                    Some((Err(CallError::Log(error).into()), page))
                }
            }
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

impl Outputs {
    async fn open(&self, call: &Call, open: v1::Open) -> Result<Consumer, Status> {
        if open.cursor.len() > CURSOR_BYTES_MAX {
            let text = format!("the cursor's name has more than {CURSOR_BYTES_MAX} bytes");
            return Err(CallError::Request(text).into());
        }
        let view = view(call, &open.filter, open.fields)?;
        let name = match (open.transient, open.cursor.as_str()) {
            (true, _) => None,
            (false, cursor) => Some(call.own_cursor(cursor)),
        };
        let consumers = &self.0.consumers;
        let start = match (open.after, open.since, v1::Start::try_from(open.start)) {
            (Some(after), _, _) => Start::After(after),
            (_, Some(since), _) => {
                Start::After(consumers.log().position_at(time_ns(&since)).await.map_err(CallError::Log)?)
            }
            (_, _, Ok(v1::Start::Beginning)) => Start::Beginning,
            _ => Start::Now,
        };
        call.note("start", format!("{start:?}"));
        Ok(consumers.open(name, start, view).await.map_err(CallError::Log)?)
    }
}

fn heartbeat(ms: u32) -> Result<Duration, CallError> {
    let ms = if ms == 0 { HEARTBEAT_MS } else { ms };
    if HEARTBEATS_MS.contains(&ms) {
        return Ok(Duration::from_millis(ms.into()));
    }
    let (least, most) = (HEARTBEATS_MS.start(), HEARTBEATS_MS.end());
    Err(CallError::Request(format!("`heartbeat_ms: {ms}` is not within {least} and {most}")))
}

/// A response that is encoded, and the alerts that belong to it: those many subscribers have the same.
type Encoded = (Vec<u8>, Bytes);

/// A response as frames.
fn frames(response: Result<Encoded, Status>) -> impl Stream<Item = Result<Bytes, Status>> {
    let frames = match response {
        // Fields may have any order: a message is the sum of its parts.
        Ok((own, entries)) => {
            let mut head = prefix(own.len() + entries.len()).to_vec();
            head.extend(own);
            vec![Ok(head.into()), Ok(entries)]
        }
        Err(status) => vec![Err(status)],
    };
    stream::iter(frames).filter(|frame| std::future::ready(!frame.as_ref().is_ok_and(Bytes::is_empty)))
}

fn response(consumer: &Consumer, entries: Vec<Entry>) -> SubscribeResponse {
    let (head, position) = (consumer.head(), consumer.position());
    let entries = entries.into_iter().map(Into::into).collect();
    SubscribeResponse { entries, head, resumed: None, position, lag: head.saturating_sub(position) }
}

/// What a `get` still has to answer.
struct Page {
    consumer: Consumer,
    left: u64,
    until: u64,
}

impl Page {
    /// The next response that has alerts, or one that says how far the log was gone through; `None` at
    /// the end.
    async fn next(&mut self) -> Result<Option<SubscribeResponse>, LogError> {
        let before = self.consumer.position();
        if self.left == 0 || before >= self.until {
            return Ok(None);
        }
        let count = usize::try_from(self.left.min(self.until - before)).unwrap_or(usize::MAX).min(COUNT_MAX);
        let mut entries = self.consumer.ready(count, BYTES_MAX).await?;
        if self.consumer.position() == before {
            return Ok(None);
        }
        entries.retain(|entry| entry.position <= self.until);
        self.left -= entries.len() as u64;
        Ok(Some(response(&self.consumer, entries)))
    }
}

/// A subscriber's stream.
struct Subscription {
    consumer: Consumer,
    /// The last alert that was sent.
    sent: u64,
    /// The last that was acknowledged.
    acknowledged: u64,
}

impl Subscription {
    /// Sends alerts and takes acknowledgements for as long as the client listens.
    async fn run(
        mut self,
        context: &Context,
        mut requests: Streaming<SubscribeRequest>,
        responses: &mpsc::Sender<Result<Encoded, Status>>,
        heartbeat: Duration,
    ) -> Result<(), Status> {
        let _present = Present::new(&context.metrics.subscribers);
        let gone = |_| Status::cancelled("the subscriber has gone");
        let mut first = response(&self.consumer, Vec::new());
        first.resumed = Some(self.consumer.position());
        responses.send(Ok((first.encode_to_vec(), Bytes::new()))).await.map_err(gone)?;
        let mut heartbeat = tokio::time::interval(heartbeat);
        heartbeat.reset();
        let mut is_open = true;
        loop {
            let run = tokio::select! {
                request = requests.message(), if is_open => {
                    is_open = self.take(request?).await?;
                    continue;
                },
                run = self.consumer.next_run() => {
                    let run = run.map_err(CallError::Log)?;
                    if run.entries().is_empty() {
                        continue;
                    }
                    run
                }
                _ = heartbeat.tick() => {
                    self.pass().await?;
                    Arc::<Run>::default()
                }
            };
            heartbeat.reset();
            context.metrics.sent.inc_by(run.entries().len() as u64);
            self.sent = run.entries().last().map_or(self.sent, |entry| entry.position);
            let own = response(&self.consumer, Vec::new()).encode_to_vec();
            responses.send(Ok((own, run.fields()))).await.map_err(gone)?;
        }
    }

    /// Takes an acknowledgement. `false` is that the subscriber will send no more.
    async fn take(&mut self, request: Option<SubscribeRequest>) -> Result<bool, Status> {
        match request.map(|request| request.kind) {
            Some(Some(subscribe_request::Kind::Acknowledge(position))) => {
                // What was not sent yet can't be dealt with.
                self.acknowledged = self.acknowledged.max(position.min(self.sent));
                if self.acknowledged < self.sent {
                    self.consumer.commit(position).await.map_err(CallError::Log)?;
                } else {
                    self.pass().await?;
                }
                Ok(true)
            }
            Some(_) => Err(CallError::Request("expected an acknowledgement".to_owned()).into()),
            None => Ok(false),
        }
    }

    /// Once everything that was sent is acknowledged, what the view left out behind it is too.
    async fn pass(&mut self) -> Result<(), Status> {
        if self.acknowledged >= self.sent {
            let position = self.consumer.position();
            self.consumer.commit(position).await.map_err(CallError::Log)?;
        }
        Ok(())
    }
}
