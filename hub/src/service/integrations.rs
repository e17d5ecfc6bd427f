//! Destinations and dead letters, for admins.

use std::collections::BTreeSet;

use cadge_integrations::{Circuit, DeadError, DeadLetter, Destination, Kept, Live, State};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::{
    self, DeadRequest, DeadResponse, DiscardRequest, DiscardResponse, IntegrationState, IntegrationsStatus,
    IntegrationsStatusRequest, Letters, ReplayRequest, ReplayResponse, integrations_server, replay_response,
};
use futures_util::stream;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Answers, Context, caller};

/// Letters that are read, and sent, at once: a client that is not told otherwise takes 4 MiB.
const PAGE: usize = 15;

/// Outcomes of a replay on their way.
const QUEUE: usize = 16;

/// The service.
pub(super) struct Integrations(pub(super) Context);

#[tonic::async_trait]
impl integrations_server::Integrations for Integrations {
    type DeadStream = Answers<DeadResponse>;
    type ReplayStream = Answers<ReplayResponse>;

    async fn status(
        &self,
        request: Request<IntegrationsStatusRequest>,
    ) -> Result<Response<IntegrationsStatus>, Status> {
        caller(&request, &[])?;
        let (live, head) = (&self.0.integrations, *self.0.consumers.log().head().borrow());
        let kept = live.dead().kept().await.map_err(|error| unusable(&error))?;
        let cursors = self.0.consumers.all().await.map_err(crate::error::CallError::Log)?;
        let on = live.states().into_iter().map(|(kind, state)| {
            let place = cursors.get(&kind.cursor());
            let position = place.map_or(state.position, |place| place.position.max(state.position));
            described(kind, &state, position, head, &kept, place.is_some_and(|place| place.streams > 0))
        });
        let mut integrations: Vec<IntegrationState> = on.collect();
        // Of what was switched off, letters may be left.
        let on: BTreeSet<String> = integrations.iter().map(|state| state.label.clone()).collect();
        for left in kept.iter().filter(|left| !on.contains(&left.destination)) {
            let name =
                Destination::named(&left.destination).map_or(left.destination.as_str(), |kind| kind.name);
            let (name, label) = (name.to_owned(), left.destination.clone());
            integrations.push(IntegrationState {
                name,
                label,
                dead_letters: left.count,
                ..Default::default()
            });
        }
        integrations.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Response::new(IntegrationsStatus { integrations, head }))
    }

    async fn dead(&self, request: Request<DeadRequest>) -> Result<Response<Self::DeadStream>, Status> {
        let call = caller(&request, &[])?;
        let DeadRequest { destination, after, limit } = request.into_inner();
        call.note("destination", destination.clone());
        let left = if limit == 0 { u64::MAX } else { limit };
        let start = (self.0.integrations.clone(), label(&destination)?, after, left);
        let pages = stream::unfold(start, |(live, label, after, left)| async move {
            let count = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
            let page =
                live.dead().list(label.as_deref(), after, count).await.map_err(|error| unusable(&error));
            match page {
                Ok(page) => {
                    let last = page.last()?.id;
                    let left = left - page.len() as u64;
                    let letters = page.iter().map(sent).collect();
                    Some((Ok(DeadResponse { letters }), (live, label, last, left)))
                }
                Err(status) => Some((Err(status), (live, label, u64::MAX, 0))),
            }
        });
        Ok(Response::new(Box::pin(pages)))
    }

    async fn replay(&self, request: Request<ReplayRequest>) -> Result<Response<Self::ReplayStream>, Status> {
        let call = caller(&request, &[])?;
        let letters = request.into_inner().letters.unwrap_or_default();
        call.note("letters", format!("{letters:?}"));
        let ids = chosen(&self.0.integrations, letters).await?;
        tracing::info!(by = %call.name, letters = ids.len(), "dead letters are sent again");
        let (outcomes, outgoing) = mpsc::channel(QUEUE);
        let context = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = replay(&context.integrations, ids, &outcomes) => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn discard(&self, request: Request<DiscardRequest>) -> Result<Response<DiscardResponse>, Status> {
        let call = caller(&request, &[])?;
        let letters = request.into_inner().letters.unwrap_or_default();
        call.note("letters", format!("{letters:?}"));
        let live = &self.0.integrations;
        let discarded = match &letters {
            Letters { all: true, ids, destination } if ids.is_empty() && destination.is_empty() => {
                live.discard_all(None).await
            }
            Letters { all: false, ids, destination } if ids.is_empty() && !destination.is_empty() => {
                live.discard_all(label(destination)?.as_deref()).await
            }
            _ => live.discard(chosen(live, letters).await?).await,
        };
        let discarded = discarded.map_err(|error| unusable(&error))?;
        tracing::info!(by = %call.name, ?discarded, "dead letters are removed");
        Ok(Response::new(DiscardResponse { discarded: discarded.into_iter().collect() }))
    }
}

fn described(
    kind: &Destination,
    state: &State,
    position: u64,
    head: u64,
    kept: &[Kept],
    delivering: bool,
) -> IntegrationState {
    let label = kind.label();
    IntegrationState {
        name: kind.name.to_owned(),
        on: true,
        delivering,
        position,
        lag: head.saturating_sub(position),
        circuit_open: state.circuit == Circuit::Open,
        failures: state.failures,
        last_failure: state.failure.clone(),
        dead_letters: kept.iter().find(|kept| kept.destination == label).map_or(0, |kept| kept.count),
        label,
    }
}

/// The label of a destination that is asked for; `None`: all.
fn label(destination: &str) -> Result<Option<String>, Status> {
    match Destination::named(destination) {
        _ if destination.is_empty() => Ok(None),
        Some(kind) => Ok(Some(kind.label())),
        None => Err(Status::invalid_argument(format!("there is no destination `{destination}`"))),
    }
}

/// The numbers of letters, oldest first.
async fn chosen(live: &Live, letters: Letters) -> Result<Vec<u64>, Status> {
    let Letters { mut ids, destination, all } = letters;
    if usize::from(!ids.is_empty()) + usize::from(!destination.is_empty()) + usize::from(all) != 1 {
        return Err(Status::invalid_argument("give numbers, a destination, or all: one of them"));
    }
    if ids.is_empty() {
        let label = label(&destination)?;
        ids = live.dead().ids(label.as_deref()).await.map_err(|error| unusable(&error))?;
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Sends letters again. A destination that does not take one gets no other.
async fn replay(live: &Live, ids: Vec<u64>, outcomes: &mpsc::Sender<Result<ReplayResponse, Status>>) {
    let (total, mut done) = (ids.len() as u64, 0);
    let mut failed: Vec<(String, u64)> = Vec::new();
    for id in ids {
        done += 1;
        let mut response = ReplayResponse { id, done, total, ..ReplayResponse::default() };
        let outcome = match live.dead().get(id).await {
            Ok(Some(letter)) => {
                if let Some((_, left)) = failed.iter_mut().find(|(label, _)| *label == letter.destination) {
                    *left += 1;
                    continue;
                }
                response.destination.clone_from(&letter.destination);
                live.replay(&letter).await.map(|answer| answer.to_string()).map_err(|error| error.to_string())
            }
            Ok(None) => Err("there is no dead letter with this number".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if outcome.is_err() && !response.destination.is_empty() {
            failed.push((response.destination.clone(), 0));
        }
        response.outcome = Some(match outcome {
            Ok(answer) => replay_response::Outcome::Answer(answer),
            Err(failure) => replay_response::Outcome::Failure(failure),
        });
        // Whoever asked has gone: the rest is left for another time.
        if outcomes.send(Ok(response)).await.is_err() {
            return;
        }
    }
    for (destination, left) in failed.into_iter().filter(|(_, left)| *left > 0) {
        let failure = format!("{left} more were left for another time");
        let outcome = Some(replay_response::Outcome::Failure(failure));
        let response =
            ReplayResponse { destination, outcome, left, done, total, ..ReplayResponse::default() };
        if outcomes.send(Ok(response)).await.is_err() {
            return;
        }
    }
}

fn sent(letter: &DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        id: letter.id,
        destination: letter.destination.clone(),
        position: letter.position,
        time: Some(prost_types::Timestamp { seconds: letter.time, nanos: 0 }),
        cause: letter.cause.clone(),
        alert: Some(RawAlert::new(letter.alert.encode_to_vec())),
    }
}

fn unusable(error: &DeadError) -> Status {
    Status::unavailable(error.to_string())
}
