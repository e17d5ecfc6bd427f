//! A subscription: a stream that reconnects, resumes and acknowledges.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use cadge_proto::cadge::v1::{self, SubscribeRequest, subscribe_request::Kind};
use futures_util::Stream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use crate::back_off::BackOff;
use crate::client::{entries, outputs_client};
use crate::due::Due;
use crate::link::Link;
use crate::{Entry, Error};

/// Alerts that wait between the connection and the caller.
const QUEUE: usize = 1024;

/// Acknowledgements are sent at most so often.
const ACKNOWLEDGE_INTERVAL: Duration = Duration::from_millis(100);

/// Where a new cursor starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the next alert.
    #[default]
    Now,
    /// With the oldest alert that the hub has.
    Beginning,
    /// Behind a position.
    After(u64),
    /// With the alerts that the hub has received since a moment.
    Since(SystemTime),
}

/// How to subscribe.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOptions {
    /// The name of a durable cursor, which the hub keeps for the caller's identity. Without one the
    /// hub remembers nothing once the subscription is dropped.
    pub cursor: Option<String>,
    /// Where to start, unless the cursor has a place already.
    pub start: Start,
    /// Leave it to the caller to acknowledge, with [`Subscription::acknowledge`]. Otherwise an
    /// alert counts as dealt with once the next one is asked for.
    pub manual: bool,
    /// Only alerts that this condition is true for, in Falco's language: it may name every field that outputs
    /// name, and `alert.rule`, `alert.priority`, `alert.tags` and their like. Empty: all.
    pub filter: String,
    /// Of `output_fields` only these. Empty: all.
    pub fields: Vec<String>,
}

impl SubscribeOptions {
    /// With a durable cursor, which starts at the log's beginning.
    pub fn durable(cursor: &str) -> Self {
        Self { cursor: Some(cursor.to_string()), start: Start::Beginning, ..Self::default() }
    }
}

/// The stream of alerts that [`crate::Client::subscribe`] answers.
#[derive(Debug)]
pub struct Subscription {
    entries: mpsc::Receiver<Result<Entry, Error>>,
    dealt_with: watch::Sender<u64>,
    yielded: u64,
    manual: bool,
    task: JoinHandle<()>,
}

impl Subscription {
    pub(crate) fn start(link: Link, options: SubscribeOptions) -> Self {
        let (queue, entries) = mpsc::channel(QUEUE);
        let (dealt_with, acknowledgements) = watch::channel(0);
        let manual = options.manual;
        let mut reader = Reader { link, options, queue, acknowledgements, last: None };
        let task = tokio::spawn(async move { reader.run().await });
        Self { entries, dealt_with, yielded: 0, manual, task }
    }

    /// Says that everything up to a position is dealt with. The hub hears of it soon after.
    pub fn acknowledge(&self, position: u64) {
        self.dealt_with.send_if_modified(|dealt_with| {
            let grows = position > *dealt_with;
            *dealt_with = position.max(*dealt_with);
            grows
        });
    }
}

impl Stream for Subscription {
    type Item = Result<Entry, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.manual {
            self.acknowledge(self.yielded);
        }
        let next = self.entries.poll_recv(context);
        if let Poll::Ready(Some(Ok(entry))) = &next {
            self.yielded = entry.position;
        }
        next
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task behind a subscription.
struct Reader {
    link: Link,
    options: SubscribeOptions,
    queue: mpsc::Sender<Result<Entry, Error>>,
    acknowledgements: watch::Receiver<u64>,
    /// The last position that went into the queue. After a reconnection the hub may send again
    /// what it had no acknowledgement for: that is skipped.
    last: Option<u64>,
}

impl Reader {
    async fn run(&mut self) {
        let mut back_off = BackOff::default();
        loop {
            let before = self.last;
            let Err(error) = self.stream().await else { return };
            if !error.is_transient() {
                let _ = self.queue.send(Err(error)).await;
                return;
            }
            if self.last != before {
                back_off = BackOff::default();
            }
            tokio::time::sleep(back_off.next()).await;
        }
    }

    /// One connection's life. `Ok` is that nobody listens any more.
    async fn stream(&mut self) -> Result<(), Error> {
        let (requests, outgoing) = mpsc::channel(4);
        let _ = requests.send(SubscribeRequest { kind: Some(Kind::Open(self.open())) }).await;
        let response = outputs_client(&self.link).subscribe(ReceiverStream::new(outgoing)).await;
        let mut responses = self.link.stream(response)?;
        let mut acknowledge = tokio::time::interval(ACKNOWLEDGE_INTERVAL);
        acknowledge.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut due = Due::default();
        loop {
            tokio::select! {
                response = responses.next() => match response? {
                    Some(response) => {
                        due.see(response.entries.last().map_or(0, |entry| entry.position));
                        if !self.pass_on(response).await { return Ok(()) }
                    }
                    None => return Err(Error::Closed("the hub is stopping".into())),
                },
                _ = acknowledge.tick() => {
                    let dealt_with = *self.acknowledgements.borrow_and_update();
                    if let Some(position) = due.next(dealt_with) {
                        let _ = requests.send(SubscribeRequest { kind: Some(Kind::Acknowledge(position)) }).await;
                    }
                }
            }
        }
    }

    fn open(&self) -> v1::Open {
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

    /// `false`: nobody listens any more.
    async fn pass_on(&mut self, response: v1::SubscribeResponse) -> bool {
        if self.last.is_none() {
            self.last = response.resumed;
        }
        for entry in entries(response) {
            if self.last.is_some_and(|last| entry.position <= last) {
                continue;
            }
            self.last = Some(entry.position);
            if self.queue.send(Ok(entry)).await.is_err() {
                return false;
            }
        }
        true
    }
}
