//! The task behind a subscription: it reads, reconnects and acknowledges.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cadge_proto::cadge::v1::{self, SubscribeRequest, subscribe_request::Kind};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::back_off::BackOff;
use crate::codec::SUBSCRIBE;
use crate::decode::Batch;
use crate::due::Due;
use crate::link::{Answers, Link};
use crate::{Alert, Error, Start, SubscribeOptions};

/// Acknowledgements are sent at most so often.
const ACKNOWLEDGE_INTERVAL: Duration = Duration::from_millis(100);

/// The longest that a subscription that is closed waits until the hub has its last acknowledgement.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks at whether it has.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(20);

/// The number of a response's field that says where it has resumed.
const RESUMED: usize = 3;

/// The requests of a stream that is open.
type Requests = mpsc::Sender<SubscribeRequest>;

pub(crate) struct Reader {
    link: Link,
    options: SubscribeOptions,
    queue: mpsc::Sender<Result<Vec<Alert>, Error>>,
    /// Up to here the caller has dealt with alerts.
    dealt_with: Arc<AtomicU64>,
    closing: watch::Receiver<bool>,
    /// The last position that was put into the queue. After a reconnection the hub may send again
    /// what it had no acknowledgement for: that is skipped.
    last: Option<u64>,
}

impl Reader {
    pub(crate) fn new(
        link: Link,
        options: SubscribeOptions,
        queue: mpsc::Sender<Result<Vec<Alert>, Error>>,
        dealt_with: Arc<AtomicU64>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self { link, options, queue, dealt_with, closing, last: None }
    }

    /// Reads until the subscription is closed, or an error comes that no second try can mend.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let mut back_off = BackOff::default();
        loop {
            let before = self.last;
            let Err(error) = self.stream().await else { return Ok(()) };
            if !error.is_transient() {
                let _ = self.queue.send(Err(error)).await;
                return self.finish().await;
            }
            if self.last != before {
                back_off = BackOff::default();
            }
            let mut closing = self.closing.clone();
            tokio::select! {
                () = tokio::time::sleep(back_off.next()) => {}
                () = asked(&mut closing) => return self.finish().await,
            }
        }
    }

    /// One connection's life. `Ok` is that the subscription is closed.
    async fn stream(&mut self) -> Result<(), Error> {
        let mut closing = self.closing.clone();
        let (requests, mut answers) = tokio::select! {
            opened = self.open() => opened?,
            () = asked(&mut closing) => return self.finish().await,
        };
        let queue = self.queue.clone();
        let mut acknowledge = tokio::time::interval(ACKNOWLEDGE_INTERVAL);
        acknowledge.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut due = Due::default();
        // What has come and does not fit into the queue yet: nothing more is read then.
        let mut held: Option<Vec<Alert>> = None;
        loop {
            tokio::select! {
                answer = answers.next(), if held.is_none() => match answer? {
                    Some(batch) => {
                        due.see(batch.alerts.last().map_or(0, |alert| alert.position));
                        held = self.new_ones(batch);
                    }
                    None => return Err(Error::Closed("the hub has ended the stream".into())),
                },
                // Without a place the subscription takes no more: it is being closed.
                place = queue.reserve(), if held.is_some() => {
                    if let (Ok(place), Some(alerts)) = (place, held.take()) {
                        place.send(Ok(alerts));
                    }
                }
                _ = acknowledge.tick() => self.acknowledge(&mut due, &requests).await,
                () = asked(&mut closing) => {
                    self.acknowledge(&mut due, &requests).await;
                    return self.finish_after(due, &requests, answers).await;
                }
            }
        }
    }

    /// Opens a stream where this one has to go on.
    async fn open(&self) -> Result<(Requests, Answers<Batch>), Error> {
        let (requests, outgoing) = mpsc::channel(4);
        let _ = requests.send(SubscribeRequest { kind: Some(Kind::Open(self.request())) }).await;
        let answers = SUBSCRIBE.make(&self.link, ReceiverStream::new(outgoing)).await?;
        Ok((requests, answers))
    }

    fn request(&self) -> v1::Open {
        let is_durable = self.options.cursor.is_some();
        let mut open = v1::Open {
            cursor: self.options.cursor.clone().unwrap_or_default(),
            transient: !is_durable,
            filter: self.options.filter.clone(),
            fields: self.options.fields.clone(),
            ..v1::Open::default()
        };
        match self.options.start {
            Start::Now => {}
            Start::Beginning => open.set_start(v1::Start::Beginning),
            Start::After(position) => open.after = Some(position),
            Start::Since(time) => open.since = Some(time.into()),
        }
        if !is_durable && self.last.is_some() {
            open.after = self.last;
        }
        open
    }

    /// What of a response was not in the queue before.
    fn new_ones(&mut self, mut batch: Batch) -> Option<Vec<Alert>> {
        if self.last.is_none() {
            self.last = batch.number(RESUMED);
        }
        batch.alerts.retain(|alert| {
            let is_new = self.last.is_none_or(|last| alert.position > last);
            if is_new {
                self.last = Some(alert.position);
            }
            is_new
        });
        (!batch.alerts.is_empty()).then_some(batch.alerts)
    }

    async fn acknowledge(&self, due: &mut Due, requests: &Requests) {
        if let Some(position) = due.next(self.dealt_with.load(Ordering::Relaxed)) {
            let request = SubscribeRequest { kind: Some(Kind::Acknowledge(position)) };
            let _ = requests.send(request).await;
        }
    }

    /// Goes on with an open stream until the hub has the last acknowledgement on its disk: a hub that could
    /// send nothing more would not take the acknowledgement either.
    async fn finish_after(
        &self,
        mut due: Due,
        requests: &Requests,
        mut answers: Answers<Batch>,
    ) -> Result<(), Error> {
        let finished = self.finish();
        tokio::pin!(finished);
        let mut goes_on = true;
        loop {
            tokio::select! {
                outcome = &mut finished => return outcome,
                answer = answers.next(), if goes_on => match answer {
                    Ok(Some(batch)) => {
                        due.see(batch.alerts.last().map_or(0, |alert| alert.position));
                        self.acknowledge(&mut due, requests).await;
                    }
                    _ => goes_on = false,
                },
            }
        }
    }

    /// Waits until the hub has on its disk what the caller has dealt with. It answers no acknowledgement; but
    /// whoever opens the cursor hears where it is.
    async fn finish(&self) -> Result<(), Error> {
        let dealt_with = self.dealt_with.load(Ordering::Relaxed).min(self.last.unwrap_or(0));
        if self.options.cursor.is_none() || dealt_with == 0 {
            return Ok(());
        }
        let confirmed = async {
            while !self.resumes_at(dealt_with).await {
                tokio::time::sleep(CONFIRM_INTERVAL).await;
            }
        };
        tokio::time::timeout(CLOSE_TIMEOUT, confirmed).await.map_err(|_| {
            Error::Closed(format!(
                "the hub does not have the last acknowledgement, of position {dealt_with}: some alerts come again"
            ))
        })
    }

    /// Whether the hub's cursor is at a position, or behind it.
    async fn resumes_at(&self, position: u64) -> bool {
        let Ok((_requests, mut answers)) = self.open().await else { return false };
        let first = answers.next().await.ok().flatten();
        first.and_then(|first| first.number(RESUMED)) >= Some(position)
    }
}

/// Waits until the subscription is to be closed.
async fn asked(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}
