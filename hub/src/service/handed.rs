//! What was handed to a connection whose protocol knows no acknowledgement, and may not have arrived.
//!
//! An alert counts as had when the connection took it and its other end was heard of a while after that:
//! by then it was there to read what had come before. What is in flight when a network breaks, or when a
//! client is stopped, comes again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tonic::Status;

use crate::connect::heard::Heard;

/// The other end must have been heard of so long after an alert was taken.
pub(super) const SETTLED: Duration = Duration::from_secs(1);

/// Bytes that a connection takes at once: only what it has taken wholly can have arrived.
const PIECE: usize = 32 << 10;

/// Pieces between the log and a connection.
const QUEUE: usize = 8;

/// A place in the log, or several: up to there, or that, something was handed over.
pub(super) trait Place {
    /// Takes in a later one.
    fn join(&mut self, later: Self);
}

/// A position: everything up to it.
impl Place for u64 {
    fn join(&mut self, later: Self) {
        *self = later;
    }
}

/// What is handed over within such a time is one entry of a list. This bounds the list.
const SLOT: Duration = Duration::from_millis(250);

/// What a connection has taken, oldest first.
pub(super) struct InFlight<P> {
    slots: VecDeque<Slot<P>>,
}

struct Slot<P> {
    begun: Instant,
    /// When its last alert was taken. Only its age counts: a slot is had as a whole.
    last: Instant,
    place: P,
}

/// What is handed over by a task of its own.
pub(super) struct Handed<P> {
    pieces: mpsc::Sender<Result<Bytes, Status>>,
    heard: Heard,
    /// Bytes so far.
    sent: u64,
    /// Those of them that the connection has taken.
    taken: Arc<AtomicU64>,
    /// In the queue: the number of the last byte, since when, and the place. Oldest first.
    queued: VecDeque<(u64, Instant, P)>,
    in_flight: InFlight<P>,
}

/// What a connection takes.
pub(super) struct Taken {
    pieces: mpsc::Receiver<Result<Bytes, Status>>,
    taken: Arc<AtomicU64>,
}

/// A bounded way to a connection.
pub(super) fn channel<P: Place>(heard: Heard) -> (Handed<P>, Taken) {
    let (pieces, receiver) = mpsc::channel(QUEUE);
    let taken = Arc::new(AtomicU64::new(0));
    let handed = Handed {
        pieces,
        heard,
        sent: 0,
        taken: Arc::clone(&taken),
        queued: VecDeque::new(),
        in_flight: InFlight::default(),
    };
    (handed, Taken { pieces: receiver, taken })
}

impl<P: Place> Handed<P> {
    /// Waits for room. Answers whether the connection still takes anything.
    pub(super) async fn send(&mut self, messages: &Bytes) -> bool {
        for piece in pieces(messages) {
            self.sent += piece.len() as u64;
            if self.pieces.send(Ok(piece)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Says why there is no more.
    pub(super) async fn fail(&mut self, status: Status) {
        // A connection that is gone need not know.
        let _ = self.pieces.send(Err(status)).await;
    }

    /// The other side of the channel, to wait for its end.
    pub(super) fn connection(&self) -> mpsc::Sender<Result<Bytes, Status>> {
        self.pieces.clone()
    }

    /// Notes that what was sent so far reaches a place. Places that are near in time are joined, so that
    /// there are few.
    pub(super) fn reach(&mut self, place: P) {
        match self.queued.back_mut() {
            Some((number, since, last)) if since.elapsed() < SLOT => {
                *number = self.sent;
                last.join(place);
            }
            _ => self.queued.push_back((self.sent, Instant::now(), place)),
        }
    }

    /// What has been had since the last call, if anything.
    pub(super) fn had(&mut self) -> Option<P> {
        let taken = self.taken.load(Ordering::Acquire);
        while let Some((_, _, place)) = self.queued.pop_front_if(|(number, _, _)| *number <= taken) {
            self.in_flight.push(Instant::now(), place);
        }
        self.in_flight.had(self.heard.last())
    }
}

impl<P> Default for InFlight<P> {
    fn default() -> Self {
        Self { slots: VecDeque::new() }
    }
}

impl<P: Place> InFlight<P> {
    /// Notes what was taken.
    pub(super) fn push(&mut self, now: Instant, place: P) {
        match self.slots.back_mut() {
            Some(slot) if now.duration_since(slot.begun) < SLOT => {
                slot.last = now;
                slot.place.join(place);
            }
            _ => self.slots.push_back(Slot { begun: now, last: now, place }),
        }
    }

    /// What has been had since the last call, if anything, by a moment at which the other end was heard of.
    pub(super) fn had(&mut self, heard: Instant) -> Option<P> {
        self.pop_while(|last| last + SETTLED <= heard)
    }

    /// All of it.
    pub(super) fn all(&mut self) -> Option<P> {
        self.pop_while(|_| true)
    }

    fn pop_while(&mut self, is_had: impl Fn(Instant) -> bool) -> Option<P> {
        let mut had: Option<P> = None;
        while let Some(slot) = self.slots.pop_front_if(|slot| is_had(slot.last)) {
            match &mut had {
                Some(had) => had.join(slot.place),
                None => had = Some(slot.place),
            }
        }
        had
    }
}

impl Stream for Taken {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.pieces.poll_recv(cx);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.taken.fetch_add(piece.len() as u64, Ordering::Release);
        }
        polled
    }
}

/// Bytes as the pieces that a connection takes.
pub(super) fn pieces(bytes: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    let starts = (0..bytes.len()).step_by(PIECE);
    starts.map(|start| bytes.slice(start..bytes.len().min(start + PIECE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn an_alert_is_had_once_it_was_taken_and_its_taker_was_heard_of_later() {
        let heard = Heard::new();
        let (mut handed, mut taken) = channel(heard.clone());
        assert!(handed.send(&Bytes::from(vec![0; 2 * PIECE + 1])).await);
        handed.reach(3_u64);
        taken.next().await.unwrap().unwrap();
        tokio::time::sleep(SETTLED).await;
        heard.now();
        assert_eq!(handed.had(), None, "two pieces are in the queue");
        taken.next().await.unwrap().unwrap();
        taken.next().await.unwrap().unwrap();
        assert_eq!(handed.had(), None);
        tokio::time::sleep(SETTLED + Duration::from_millis(20)).await;
        assert_eq!(handed.had(), None, "taken, but silent since then");
        heard.now();
        assert_eq!(handed.had(), Some(3));
        assert_eq!(handed.had(), None);
    }

    #[test]
    fn a_stream_without_a_pause_settles_too() {
        let (start, mut in_flight) = (Instant::now(), InFlight::default());
        let mut had = 0;
        for ms in 1..=10_000 {
            let now = start + Duration::from_millis(ms);
            in_flight.push(now, ms);
            had = in_flight.had(now).unwrap_or(had);
            assert!(had + 1000 <= ms.max(1000), "{had} after {ms} ms: less than a second ago");
            assert!(had + 1250 >= ms, "{had} after {ms} ms");
            assert!(in_flight.slots.len() <= 6);
        }
    }

    #[test]
    fn what_was_taken_last_settles_after_a_second() {
        let (start, mut in_flight) = (Instant::now(), InFlight::default());
        in_flight.push(start, 1_u64);
        in_flight.push(start + SLOT / 2, 2);
        assert_eq!(in_flight.had(start + SETTLED), None);
        assert_eq!(in_flight.had(start + SETTLED + SLOT / 2), Some(2));
        assert_eq!(in_flight.had(start + SETTLED * 2), None);
    }

    #[tokio::test]
    async fn places_that_are_near_are_joined() {
        let (mut handed, _taken) = channel(Heard::new());
        for position in 1..=10_000_u64 {
            handed.reach(position);
        }
        assert!(handed.queued.len() < 100, "{}", handed.queued.len());
        assert_eq!(handed.queued.back().unwrap().2, 10_000);
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_takes_nothing() {
        let (mut handed, taken) = channel::<u64>(Heard::new());
        drop(taken);
        assert!(!handed.send(&Bytes::from_static(b"alert")).await);
    }
}
