//! The reading of the log for one destination, and its cursor, which stays behind what is not done with.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Delivery, Feed, FeedError, Integration, Read};

/// Alerts that are read at once.
const READ: usize = 1000;

/// So often a cursor is moved while alerts flow: a crash brings at most so much again.
const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// Alerts that come one after the other gather for so long: one that comes alone goes at once.
const GATHER: Duration = Duration::from_millis(5);

/// A feed, and how far its alerts have had their fate.
pub(super) struct Way {
    feed: Box<dyn Feed>,
    done: u64,
    committed: u64,
    at: Instant,
    /// Nothing is read before, unless there is very much.
    rest: Instant,
}

impl Way {
    pub(super) fn new(feed: Box<dyn Feed>) -> Self {
        Self { feed, done: 0, committed: 0, at: Instant::now(), rest: Instant::now() }
    }

    /// Notes that everything up to a position is done with. Moves the cursor when it is time.
    pub(super) async fn done(&mut self, position: u64) -> Result<(), FeedError> {
        self.done = position;
        if self.at.elapsed() >= COMMIT_EVERY { self.commit().await } else { Ok(()) }
    }

    pub(super) async fn commit(&mut self) -> Result<(), FeedError> {
        self.at = Instant::now();
        if self.done > self.committed {
            self.feed.commit(self.done).await?;
            self.committed = self.done;
        }
        Ok(())
    }

    /// The next alerts, at most `max`. What is done with is committed while nothing comes.
    async fn next(&mut self, max: usize) -> Result<Read, FeedError> {
        loop {
            if self.done == self.committed {
                return self.feed.next(max).await;
            }
            let left = COMMIT_EVERY.saturating_sub(self.at.elapsed());
            match tokio::time::timeout(left, self.feed.next(max)).await {
                Ok(read) => return read,
                Err(_) => self.commit().await?,
            }
        }
    }

    /// The next alerts that are wanted. They wait for more until they are a batch, if the destination lingers. What
    /// waits when delivering ends is not done with: it comes again.
    pub(super) async fn gather(
        &mut self,
        integration: &dyn Integration,
        wanted: impl Fn(Vec<Delivery>) -> Vec<Delivery>,
    ) -> Result<Read, FeedError> {
        let (linger, mut until) = (integration.linger(), None);
        let mut gathered = Read::default();
        tokio::time::sleep_until(self.rest).await;
        loop {
            let room = integration.batch().saturating_sub(gathered.alerts.len());
            let next = self.next(if linger.is_zero() { READ } else { room.clamp(1, READ) });
            let read = match until {
                None => next.await?,
                Some(until) => match tokio::time::timeout_at(until, next).await {
                    Ok(read) => read?,
                    Err(_) => return Ok(gathered),
                },
            };
            if read.position < self.done + READ as u64 {
                self.rest = Instant::now() + GATHER;
            }
            gathered.position = read.position;
            gathered.alerts.extend(wanted(read.alerts));
            let has_none = gathered.alerts.is_empty();
            if linger.is_zero() || has_none || gathered.alerts.len() >= integration.batch() {
                return Ok(gathered);
            }
            until.get_or_insert(Instant::now() + linger);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::{Answer, SendError};

    /// A log that gets an alert every second.
    struct Ticking(u64);

    impl Feed for Ticking {
        fn next(&mut self, _: usize) -> BoxFuture<'_, Result<Read, FeedError>> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.0 += 1;
                let alerts = vec![Delivery { position: self.0, alert: Arc::default() }];
                Ok(Read { alerts, position: self.0 })
            })
        }

        fn commit(&mut self, _: u64) -> BoxFuture<'_, Result<(), FeedError>> {
            Box::pin(async { Ok(()) })
        }
    }

    struct Patient(usize, Duration);

    impl Integration for Patient {
        fn batch(&self) -> usize {
            self.0
        }

        fn linger(&self) -> Duration {
            self.1
        }

        fn send<'a>(&'a self, _: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
            Box::pin(async { Ok(Answer::default()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn alerts_wait_for_a_batch_but_not_for_ever() {
        let start = Instant::now();
        let mut way = Way::new(Box::new(Ticking(0)));
        let urgent = |alerts: Vec<Delivery>| -> Vec<Delivery> {
            alerts.into_iter().filter(|delivery| delivery.position != 1).collect()
        };
        for (batch, linger, count, until, seconds) in [
            // Nothing waits for one that is not wanted: the cursor goes on.
            (3, 300, 0, 1, 1),
            (3, 300, 3, 4, 4),
            // The first of them waits two seconds and a half.
            (100, 2, 3, 7, 7),
            (100, 0, 1, 8, 8),
        ] {
            let patient = Patient(batch, Duration::from_millis(linger * 1000 + linger.min(1) * 500));
            let read = way.gather(&patient, urgent).await.unwrap();
            assert_eq!((read.alerts.len(), read.position), (count, until), "{batch} {linger}");
            assert_eq!(start.elapsed().as_secs(), seconds, "{batch} {linger}");
        }
    }
}
