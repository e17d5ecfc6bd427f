//! Hands events in: a few, or a stream of them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use cadge_proto::BATCH_BYTES_MAX;
use cadge_proto::cadge::v1;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::pushing::{Order, Pushing};
use crate::{Client, Error, Event};

/// Events between the caller and the connection's task.
const QUEUE: usize = 64;

/// The least room around an event in its request.
const HEAD_BYTES: usize = 16;

/// What became of events that were handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// So many are on the hub's disk.
    pub kept: u64,
    /// Those that the hub does not keep, in their order. Of more than 4096 since the last answer only the first
    /// 4096 stand here; what is neither `kept` nor here was refused too.
    pub refused: Vec<Refused>,
}

/// An event that the hub does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Its number among those handed in since the last answer, from 0.
    pub number: u64,
    /// The event, with the time that it was given.
    pub event: Event,
    /// Why, and what to do.
    pub reason: String,
}

impl Client {
    /// Hands in events, and answers once all of them are on the hub's disk or refused. What was not acknowledged
    /// when the connection breaks is sent again on the next, and makes no second alert. That goes on until the
    /// hub is back: put it into `tokio::time::timeout` to wait less. Needs the role sensor.
    pub async fn push(&self, events: impl IntoIterator<Item = Event>) -> Result<Pushed, Error> {
        let mut pusher = self.pusher();
        for event in events {
            pusher.push(event).await?;
        }
        pusher.flush().await
    }

    /// Hands in events as they come. Needs the role sensor.
    pub fn pusher(&self) -> Pusher {
        let (orders, queue) = mpsc::channel(QUEUE);
        let failed = Arc::default();
        let task = tokio::spawn(Pushing::new(self.link.clone(), queue, Arc::clone(&failed)).run());
        Pusher { orders, failed, task, last: None }
    }
}

/// Takes events one after the other, and hands them in together as [`Client::push`] does. To drop it ends it at
/// once: [`Pusher::flush`] before.
#[derive(Debug)]
pub struct Pusher {
    orders: mpsc::Sender<Order>,
    failed: Arc<OnceLock<Error>>,
    task: JoinHandle<()>,
    /// When the last event was that had no time of its own.
    last: Option<SystemTime>,
}

impl Pusher {
    /// Takes an event. Waits while too much is on its way: 8192 events or 4 MiB. May be dropped before it is
    /// ready: then the event is not handed in. An error is that the event is too large, or that the hub
    /// takes none of this caller's events.
    pub async fn push(&mut self, mut event: Event) -> Result<(), Error> {
        let time = event.time.unwrap_or_else(|| self.now());
        event.time = Some(time);
        let event = v1::Event::from(event);
        let bytes = event.encoded_len() + HEAD_BYTES;
        if bytes > BATCH_BYTES_MAX {
            return Err(Error::InvalidRequest(format!(
                "the event has {bytes} bytes: no request takes more than {BATCH_BYTES_MAX}"
            )));
        }
        if self.orders.send(Order::Event(event, bytes)).await.is_err() {
            return Err(self.why());
        }
        Ok(())
    }

    /// Waits until everything is on the hub's disk or refused, and says what became of it.
    pub async fn flush(&mut self) -> Result<Pushed, Error> {
        let (answer, answered) = oneshot::channel();
        if self.orders.send(Order::Flush(answer)).await.is_err() {
            return Err(self.why());
        }
        answered.await.unwrap_or_else(|_| Err(self.why()))
    }

    /// Why it takes nothing more.
    fn why(&self) -> Error {
        let ended = || Error::Closed("the pusher has ended with its runtime: make another one".to_owned());
        self.failed.get().cloned().unwrap_or_else(ended)
    }

    /// No two events of one pusher have the same moment: the hub takes what is the same in all for one.
    fn now(&mut self) -> SystemTime {
        let after = self.last.and_then(|last| last.checked_add(Duration::from_nanos(1)));
        let now = SystemTime::now();
        let now = after.map_or(now, |after| now.max(after));
        self.last = Some(now);
        now
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        self.task.abort();
    }
}
