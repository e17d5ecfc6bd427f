//! Falco's own API: `sub` and `get`, out of stored bytes.

use std::time::Instant;

use cadge_proto::raw::RawAlert;
use cadge_proto::raw::outputs;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::handed::{Handed, SETTLED};
use super::{Answers, BYTES_MAX, COUNT_MAX, Context, caller, view};
use crate::config::Role;
use crate::consume::{Consumer, Start};
use crate::error::CallError;
use crate::log::{Entry, LogError};
use crate::metrics::Present;

/// Alerts between the log and a connection.
const QUEUE: usize = 256;

/// The service.
pub(super) struct Falco(pub(super) Context);

#[tonic::async_trait]
impl outputs::service_server::Service for Falco {
    type subStream = Answers<RawAlert>;
    type getStream = Answers<RawAlert>;

    async fn sub(
        &self,
        request: Request<Streaming<outputs::Request>>,
    ) -> Result<Response<Self::subStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let mut requests = request.into_inner();
        let consumer = self
            .0
            .consumers
            .open(Some(call.own_cursor("")), Start::Now, view(&call, "", Vec::new())?)
            .await
            .map_err(CallError::Log)?;
        let (alerts, outgoing) = mpsc::channel(QUEUE);
        let context = self.0.clone();
        tokio::spawn(async move {
            let ignored = async {
                // However many requests come, and whether the client closes its side: it is pushed to.
                while let Ok(Some(_)) = requests.message().await {}
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = alerts.closed() => {}
                () = ignored => {}
                () = push(&context, consumer, &alerts) => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn get(&self, request: Request<outputs::Request>) -> Result<Response<Self::getStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let consumer = self
            .0
            .consumers
            .open(Some(call.own_cursor("")), Start::Beginning, view(&call, "", Vec::new())?)
            .await
            .map_err(CallError::Log)?;
        let until = consumer.head();
        let sent = self.0.metrics.sent.clone();
        let state = Some((consumer, Handed::default()));
        let batches = stream::unfold(state, move |state| {
            let sent = sent.clone();
            async move {
                let (mut consumer, mut handed) = state?;
                match more(&mut consumer, &mut handed, until).await {
                    Ok(entries) if entries.is_empty() => None,
                    Ok(entries) => {
                        sent.inc_by(entries.len() as u64);
                        Some((Ok(entries), Some((consumer, handed))))
                    }
                    Err(error) => Some((Err(CallError::Log(error).into()), None)),
                }
            }
        });
        Ok(Response::new(Box::pin(batches.flat_map(alerts))))
    }
}

/// The next alerts of a `get`; none at its end. Whoever asks for them has handed over the ones before,
/// as far as into the connection's buffers: the cursor moves when that was long enough ago, and at the
/// end. A `get` that is broken off comes again from there.
async fn more(consumer: &mut Consumer, handed: &mut Handed, until: u64) -> Result<Vec<Entry>, LogError> {
    let done = consumer.position();
    if done < until {
        handed.note(Instant::now(), done);
        settle(consumer, handed).await;
    }
    let mut read = done;
    while read < until {
        let entries = consumer.ready(COUNT_MAX, BYTES_MAX).await?;
        if !entries.is_empty() {
            return Ok(entries);
        }
        if consumer.position() == read {
            break;
        }
        read = consumer.position();
    }
    consumer.commit(read).await?;
    Ok(Vec::new())
}

/// Each alert of a batch, or its error.
fn alerts(batch: Result<Vec<Entry>, Status>) -> Answers<RawAlert> {
    match batch {
        Ok(entries) => Box::pin(stream::iter(entries.into_iter().map(|entry| Ok(entry.alert)))),
        Err(status) => Box::pin(stream::iter([Err(status)])),
    }
}

/// Sends alerts for as long as the client listens.
async fn push(context: &Context, mut consumer: Consumer, alerts: &mpsc::Sender<Result<RawAlert, Status>>) {
    let _present = Present::new(&context.metrics.subscribers);
    let mut handed = Handed::default();
    let mut tick = tokio::time::interval(SETTLED / 2);
    loop {
        let entries = tokio::select! {
            entries = consumer.next(COUNT_MAX, BYTES_MAX) => entries,
            _ = tick.tick() => {
                settle(&mut consumer, &mut handed).await;
                continue;
            }
        };
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                let _ = alerts.send(Err(CallError::Log(error).into())).await;
                return;
            }
        };
        for Entry { position, alert } in entries {
            if alerts.send(Ok(alert)).await.is_err() {
                return;
            }
            context.metrics.sent.inc();
            handed.note(Instant::now(), position);
        }
        // What the view leaves out is had as well.
        handed.note(Instant::now(), consumer.position());
        settle(&mut consumer, &mut handed).await;
    }
}

/// Moves the cursor over what was handed over long enough ago.
async fn settle(consumer: &mut Consumer, handed: &mut Handed) {
    if let Some(position) = handed.settled(Instant::now())
        && let Err(error) = consumer.commit(position).await
    {
        tracing::error!(%error, "a cursor can't be moved: alerts will come again");
    }
}
