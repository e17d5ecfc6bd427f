//! A subscription: a stream that reconnects, resumes and acknowledges.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::Stream;

use crate::link::Link;
use crate::reader::Reader;
use crate::{Alert, Error};

/// Responses that wait between the connection and the caller. Each has alerts of at most 2 MiB.
const QUEUE: usize = 2;

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
    pub fn durable(cursor: impl Into<String>) -> Self {
        Self { cursor: Some(cursor.into()), start: Start::Beginning, ..Self::default() }
    }

    /// Without a cursor: the hub remembers nothing of it.
    pub fn transient(start: Start) -> Self {
        Self { start, ..Self::default() }
    }
}

/// The stream of alerts that [`Client::subscribe`](crate::Client::subscribe) answers. It reconnects by itself
/// and goes on where it was; it ends only with an error that no second try can mend.
///
/// To drop it ends it at once, and the last acknowledgement may be lost: then those alerts come again.
/// [`Subscription::close`] waits until the hub has it.
#[derive(Debug)]
pub struct Subscription {
    queue: mpsc::Receiver<Result<Vec<Alert>, Error>>,
    current: std::vec::IntoIter<Alert>,
    dealt_with: Arc<AtomicU64>,
    given: u64,
    manual: bool,
    close: watch::Sender<bool>,
    task: Option<JoinHandle<Result<(), Error>>>,
}

impl Subscription {
    pub(crate) fn start(link: Link, options: SubscribeOptions) -> Self {
        let (alerts, queue) = mpsc::channel(QUEUE);
        let (close, closing) = watch::channel(false);
        let dealt_with = Arc::new(AtomicU64::new(0));
        let manual = options.manual;
        let reader = Reader::new(link, options, alerts, Arc::clone(&dealt_with), closing);
        let task = Some(tokio::spawn(reader.run()));
        Self { queue, current: Vec::new().into_iter(), dealt_with, given: 0, manual, close, task }
    }

    /// The next alert. `None` only after an error. May be dropped before it is ready: no alert is lost.
    pub async fn next(&mut self) -> Option<Result<Alert, Error>> {
        std::future::poll_fn(|context| self.poll_alert(context)).await
    }

    /// All alerts that are there already, or as many as come next: at least one, and what the hub sends at
    /// once, at most 4096. `None` only after an error. May be dropped before it is ready: no alert is lost.
    pub async fn next_batch(&mut self) -> Option<Result<Vec<Alert>, Error>> {
        std::future::poll_fn(|context| match self.poll_current(context) {
            Poll::Ready(Some(Ok(()))) => {
                let batch: Vec<Alert> = std::mem::take(&mut self.current).collect();
                self.given = batch.last().map_or(self.given, |alert| alert.position);
                Poll::Ready(Some(Ok(batch)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Says that everything up to a position is dealt with. The hub hears of it within 100 ms.
    pub fn acknowledge(&self, position: u64) {
        self.dealt_with.fetch_max(position, Ordering::Relaxed);
    }

    /// Ends the subscription once the hub has the last acknowledgement on its disk. An error is that it could
    /// not be handed over within ten seconds: then alerts behind it come again.
    pub async fn close(mut self) -> Result<(), Error> {
        let _ = self.close.send(true);
        self.queue.close();
        match self.task.take() {
            Some(task) => task.await.unwrap_or_else(|_| Err(Error::Closed("its task has ended".to_owned()))),
            None => Ok(()),
        }
    }

    fn poll_alert(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Alert, Error>>> {
        self.poll_current(context).map(|ready| match ready? {
            Ok(()) => self.current.next().map(|alert| {
                self.given = alert.position;
                Ok(alert)
            }),
            Err(error) => Some(Err(error)),
        })
    }

    /// Waits until `current` has an alert.
    fn poll_current(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<(), Error>>> {
        if !self.manual {
            self.acknowledge(self.given);
        }
        while self.current.as_slice().is_empty() {
            match self.queue.poll_recv(context) {
                Poll::Ready(Some(Ok(alerts))) => self.current = alerts.into_iter(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Some(Ok(())))
    }
}

impl Stream for Subscription {
    type Item = Result<Alert, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_alert(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
