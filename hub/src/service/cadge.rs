//! Cadge's own API: subscriptions with cursors and acknowledgements, and reading by position.

use std::time::Duration;

use cadge_proto::raw::v1::{
    self, GetRequest, SubscribeRequest, SubscribeResponse, outputs_server, subscribe_request,
};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::falco::own_cursor;
use super::{Answers, BYTES_MAX, COUNT_MAX, Context, caller};
use crate::config::Role;
use crate::consume::{Consumer, Start};
use crate::error::CallError;
use crate::log::Entry;
use crate::metrics::Present;

/// With no alerts there is a sign of life so often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Responses between the log and a connection.
const QUEUE: usize = 4;

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
        let peer = caller(&request, &[Role::Consumer])?;
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|request| request.kind);
        let Some(subscribe_request::Kind::Open(open)) = first else {
            return Err(CallError::Request("the first message must be `open`".to_owned()).into());
        };
        if open.cursor.len() > CURSOR_BYTES_MAX {
            return Err(CallError::Request(format!(
                "the cursor's name has more than {CURSOR_BYTES_MAX} bytes"
            ))
            .into());
        }
        let own = own_cursor(&peer);
        let name = match (open.transient, open.cursor.as_str()) {
            (true, _) => None,
            (false, "") => Some(own),
            (false, cursor) => Some(format!("{own}/{cursor}")),
        };
        let start = match (open.transient, open.after, v1::Start::try_from(open.start)) {
            (true, Some(after), _) => Start::After(after),
            (_, _, Ok(v1::Start::Beginning)) => Start::Beginning,
            _ => Start::Now,
        };
        let consumer = self.0.consumers.open(name, start).await.map_err(CallError::Log)?;
        let (responses, outgoing) = mpsc::channel(QUEUE);
        let context = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = responses.closed() => {}
                outcome = exchange(&context, consumer, requests, &responses) => if let Err(status) = outcome {
                    let _ = responses.send(Err(status)).await;
                },
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        caller(&request, &[Role::Consumer])?;
        let GetRequest { after, limit } = request.into_inner();
        let consumer = self.0.consumers.open(None, Start::After(after)).await.map_err(CallError::Log)?;
        let until = consumer.head();
        let left = if limit == 0 { u64::MAX } else { limit };
        let responses = stream::unfold((consumer, left), move |(mut consumer, left)| async move {
            if left == 0 || consumer.position() >= until {
                return None;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(COUNT_MAX);
            match consumer.ready(count, BYTES_MAX).await {
                Ok(entries) if entries.is_empty() => None,
                Ok(entries) => {
                    let left = left.saturating_sub(entries.len() as u64);
                    Some((Ok(response(entries, until)), (consumer, left)))
                }
                Err(error) => Some((Err(CallError::Log(error).into()), (consumer, 0))),
            }
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

fn response(entries: Vec<Entry>, head: u64) -> SubscribeResponse {
    let entry = |entry: Entry| v1::Entry { position: entry.position, alert: Some(entry.alert) };
    SubscribeResponse { entries: entries.into_iter().map(entry).collect(), head, resumed: None }
}

/// Sends alerts and takes acknowledgements for as long as the client listens.
async fn exchange(
    context: &Context,
    mut consumer: Consumer,
    mut requests: Streaming<SubscribeRequest>,
    responses: &mpsc::Sender<Result<SubscribeResponse, Status>>,
) -> Result<(), Status> {
    let _present = Present::new(&context.metrics.subscribers);
    let gone = |_| Status::cancelled("the subscriber has gone");
    let mut first = response(Vec::new(), consumer.head());
    first.resumed = Some(consumer.position());
    responses.send(Ok(first)).await.map_err(gone)?;
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.reset();
    let mut is_open = true;
    loop {
        let next = tokio::select! {
            request = requests.message(), if is_open => match request? {
                Some(SubscribeRequest { kind: Some(subscribe_request::Kind::Acknowledge(position)) }) => {
                    consumer.commit(position).await.map_err(CallError::Log)?;
                    continue;
                }
                Some(_) => return Err(CallError::Request("expected an acknowledgement".to_owned()).into()),
                None => {
                    is_open = false;
                    continue;
                }
            },
            entries = consumer.next(COUNT_MAX, BYTES_MAX) => entries.map_err(CallError::Log)?,
            _ = heartbeat.tick() => Vec::new(),
        };
        context.metrics.sent.inc_by(next.len() as u64);
        let head = consumer.head();
        responses.send(Ok(response(next, head))).await.map_err(gone)?;
    }
}
