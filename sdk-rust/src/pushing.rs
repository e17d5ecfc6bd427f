//! The task behind a pusher: it sends, reconnects and sends again.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use cadge_proto::cadge::v1::inputs_client::InputsClient;
use cadge_proto::cadge::v1::{self, PushRequest, PushResponse};
use cadge_proto::{BATCH_ALERTS_MAX, BATCH_BYTES_MAX};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use crate::Error;
use crate::back_off::BackOff;
use crate::link::Link;
use crate::push::{Pushed, Refused};

/// The most events that wait for their acknowledgement, and the most bytes of them.
const WAITING_MAX: usize = 8192;
const WAITING_BYTES_MAX: usize = 4 << 20;

/// The most refused events that are remembered.
const REFUSED_MAX: usize = 4096;

/// Requests between this task and the connection.
const QUEUE: usize = 2;

/// What a pusher wants.
#[derive(Debug)]
pub(crate) enum Order {
    /// To hand in an event, whose request's part has so many bytes.
    Event(v1::Event, usize),
    /// An answer once everything before it is on disk.
    Flush(oneshot::Sender<Result<Pushed, Error>>),
}

/// What waits for its acknowledgement.
#[derive(Default)]
struct Waiting {
    events: VecDeque<(v1::Event, usize)>,
    bytes: usize,
    /// So many of them were sent on this connection.
    sent: usize,
    /// So many events of this connection are acknowledged.
    acknowledged: u64,
}

pub(crate) struct Pushing {
    link: Link,
    orders: mpsc::Receiver<Order>,
    /// Why it has ended.
    failed: Arc<OnceLock<Error>>,
    waiting: Waiting,
    /// What became of events since the last answer.
    pushed: Pushed,
    /// So many were acknowledged since then, kept or not.
    done: u64,
    /// Who waits for an answer.
    flush: Option<oneshot::Sender<Result<Pushed, Error>>>,
}

impl Pushing {
    pub(crate) fn new(link: Link, orders: mpsc::Receiver<Order>, failed: Arc<OnceLock<Error>>) -> Self {
        Self {
            link,
            orders,
            failed,
            waiting: Waiting::default(),
            pushed: Pushed::default(),
            done: 0,
            flush: None,
        }
    }

    /// Hands in events until the pusher is dropped, or an error comes that no second try can mend.
    pub(crate) async fn run(mut self) {
        let mut back_off = BackOff::default();
        loop {
            // Nothing is asked of the hub before there is something to hand in.
            if self.waiting.events.is_empty() {
                let Some(order) = self.orders.recv().await else { return };
                self.take(order);
                continue;
            }
            let before = self.done;
            let Err(error) = self.stream().await else { return };
            if !error.is_transient() {
                return self.fail(error);
            }
            if self.done != before {
                back_off = BackOff::default();
            }
            tokio::time::sleep(back_off.next()).await;
        }
    }

    /// One connection's life. `Ok` is that the pusher was dropped.
    async fn stream(&mut self) -> Result<(), Error> {
        (self.waiting.sent, self.waiting.acknowledged) = (0, 0);
        let (requests, outgoing) = mpsc::channel(QUEUE);
        let response = InputsClient::new(self.link.calls()).push(ReceiverStream::new(outgoing)).await;
        let mut answers = self.link.stream(response)?;
        loop {
            let has_room = self.waiting.events.len() < WAITING_MAX && self.waiting.bytes < WAITING_BYTES_MAX;
            tokio::select! {
                answer = answers.next() => match answer? {
                    Some(answer) => self.acknowledge(answer)?,
                    None => return Err(Error::Closed("the hub has ended the stream".to_owned())),
                },
                Ok(place) = requests.reserve(), if self.waiting.sent < self.waiting.events.len() => {
                    place.send(self.waiting.request());
                }
                order = self.orders.recv(), if has_room => match order {
                    Some(order) => self.take(order),
                    None => return Ok(()),
                },
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Event(event, bytes) => {
                self.waiting.events.push_back((event, bytes));
                self.waiting.bytes += bytes;
            }
            Order::Flush(answer) => {
                self.flush = Some(answer);
                self.answer();
            }
        }
    }

    /// Answers whoever waits, once everything is acknowledged.
    fn answer(&mut self) {
        if self.waiting.events.is_empty()
            && let Some(flush) = self.flush.take()
        {
            match flush.send(Ok(std::mem::take(&mut self.pushed))) {
                Ok(()) => self.done = 0,
                // Nobody waits any more: the next answer says it.
                Err(unheard) => self.pushed = unheard.unwrap_or_default(),
            }
        }
    }

    fn acknowledge(&mut self, answer: PushResponse) -> Result<(), Error> {
        let before = self.waiting.acknowledged;
        let count = answer.acknowledged.saturating_sub(before);
        if usize::try_from(count).is_ok_and(|count| count > self.waiting.sent)
            || answer.refused.len() as u64 > count
        {
            return Err(self.link.mismatch("it has acknowledged events that were not sent"));
        }
        let mut refused = answer.refused.into_iter().peekable();
        self.pushed.kept += count - refused.len() as u64;
        for number in before + 1..=before + count {
            let Some((event, bytes)) = self.waiting.events.pop_front() else { break };
            self.waiting.bytes -= bytes;
            if let Some(refused) = refused.next_if(|refused| refused.number == number)
                && self.pushed.refused.len() < REFUSED_MAX
            {
                let (number, reason) = (self.done, refused.reason);
                self.pushed.refused.push(Refused { number, event: event.into(), reason });
            }
            self.done += 1;
            self.waiting.sent -= 1;
        }
        self.waiting.acknowledged = before + count;
        self.answer();
        Ok(())
    }

    /// Tells whoever waits, and leaves the error for the pusher's next call.
    fn fail(mut self, error: Error) {
        if let Some(flush) = self.flush.take() {
            let _ = flush.send(Err(error.clone()));
        }
        let _ = self.failed.set(error);
    }
}

impl Waiting {
    /// The next request, of what was not sent yet.
    fn request(&mut self) -> PushRequest {
        let (mut bytes, mut events) = (0, Vec::new());
        for (event, size) in self.events.iter().skip(self.sent).take(BATCH_ALERTS_MAX) {
            bytes += size;
            if bytes > BATCH_BYTES_MAX {
                break;
            }
            events.push(event.clone());
        }
        self.sent += events.len();
        PushRequest { events }
    }
}
