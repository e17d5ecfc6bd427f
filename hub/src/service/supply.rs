//! Where a call of Falco's API takes its alerts from.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tonic::Status;

use super::handed::{Handed, InFlight, Place, SETTLED, pieces};
use crate::connect::heard::Heard;
use crate::consume::Consumer;
use crate::error::CallError;
use crate::metrics::{Metrics, Present};
use crate::runs::Run;

/// Alerts, and what their receipt will settle.
pub(super) type Supplied<P> = (P, Arc<Run>);

/// A supply of alerts.
pub(super) trait Supply: Send {
    /// Says how far alerts were handed over.
    type Place: Place + Send;

    /// The next alerts. Waits for some to be there; to drop the future loses none.
    fn next(&mut self) -> impl Future<Output = Result<Supplied<Self::Place>, CallError>> + Send;

    /// The same, but `None` where nothing is there up to a position.
    fn ready(
        &mut self,
        until: u64,
    ) -> impl Future<Output = Result<Option<Supplied<Self::Place>>, CallError>> + Send;

    /// Alerts have arrived.
    fn settle(&mut self, place: Self::Place) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// A caller's own cursor.
impl Supply for Consumer {
    type Place = u64;

    async fn next(&mut self) -> Result<Supplied<u64>, CallError> {
        let run = self.next_run().await?;
        Ok((self.position(), run))
    }

    async fn ready(&mut self, until: u64) -> Result<Option<Supplied<u64>>, CallError> {
        let before = self.position();
        if before >= until {
            return Ok(None);
        }
        let run = self.ready_run().await?;
        Ok((self.position() > before).then(|| (self.position(), run)))
    }

    async fn settle(&mut self, place: u64) -> Result<(), CallError> {
        Ok(self.commit(place).await?)
    }
}

/// Hands over alerts for as long as the connection takes them.
pub(super) async fn push<S: Supply>(supply: &mut S, handed: &mut Handed<S::Place>, metrics: &Metrics) {
    let _present = Present::new(&metrics.falco_subscribers);
    let mut tick = tokio::time::interval(SETTLED / 2);
    loop {
        let next = tokio::select! {
            next = supply.next() => next,
            _ = tick.tick() => {
                settle(supply, handed.had()).await;
                continue;
            }
        };
        let (place, run) = match next {
            Ok(next) => next,
            Err(error) => {
                handed.fail(error.into()).await;
                return;
            }
        };
        if !handed.send(&run.messages()).await {
            return;
        }
        metrics.sent.inc_by(run.entries().len() as u64);
        handed.reach(place);
    }
}

/// Settles what has arrived, if anything.
pub(super) async fn settle<S: Supply>(supply: &mut S, had: Option<S::Place>) {
    if let Some(place) = had
        && let Err(error) = supply.settle(place).await
    {
        tracing::error!(%error, "a cursor can't be moved: alerts will come again");
    }
}

/// Alerts up to a position, as the connection asks for them.
struct Get<S: Supply> {
    supply: S,
    until: u64,
    /// What is being handed over.
    handing: Option<S::Place>,
    in_flight: InFlight<S::Place>,
    heard: Heard,
}

/// The alerts that are there, up to a position. A stream that is broken off comes again from where the
/// other end was known to be.
pub(super) fn get<S: Supply + 'static>(
    supply: S,
    until: u64,
    heard: Heard,
    metrics: Metrics,
) -> impl Stream<Item = Result<Bytes, Status>> {
    let get = Get { supply, until, handing: None, in_flight: InFlight::default(), heard };
    let runs = stream::unfold(Some(get), move |get| {
        let metrics = metrics.clone();
        async move {
            let mut get = get?;
            match get.more().await {
                Ok(run) => {
                    let run = run?;
                    metrics.sent.inc_by(run.entries().len() as u64);
                    Some((Ok(run.messages()), Some(get)))
                }
                Err(error) => Some((Err(error.into()), None)),
            }
        }
    });
    runs.flat_map(|messages| match messages {
        Ok(messages) => stream::iter(pieces(&messages).map(Ok).collect::<Vec<_>>()),
        Err(status) => stream::iter(vec![Err(status)]),
    })
}

impl<S: Supply> Get<S> {
    /// The next alerts; `None` at the end. Whoever asks for them has taken the ones before.
    async fn more(&mut self) -> Result<Option<Arc<Run>>, CallError> {
        if let Some(place) = self.handing.take() {
            self.in_flight.push(Instant::now(), place);
            settle(&mut self.supply, self.in_flight.had(self.heard.last())).await;
        }
        if let Some((place, run)) = self.supply.ready(self.until).await? {
            self.handing = Some(place);
            return Ok(Some(run));
        }
        if let Some(place) = self.in_flight.all() {
            self.supply.settle(place).await?;
        }
        Ok(None)
    }
}
