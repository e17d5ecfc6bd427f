//! One destination's way through the log: from its cursor on, in order, until delivering ends.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use cadge_proto::json::FieldKinds;
use futures_util::{StreamExt as _, stream};
use rand::Rng as _;
use tokio_util::sync::CancellationToken;

use super::TEST_RULE;
use super::attempt::{BACK_OFF, Ending, Sender};
use super::storm::{Limit, Message, group};
use super::way::Way;
use crate::dress::Dress;
use crate::{Delivery, Feed, FeedError, Feeds};

/// One destination's delivery.
pub(super) struct Runner {
    pub(super) sender: Arc<Sender>,
    /// The highest number, which is the least urgent priority, that is sent.
    pub(super) least: i32,
    pub(super) cursor: String,
    pub(super) filter: String,
    pub(super) dress: Dress,
    pub(super) kinds: FieldKinds,
    pub(super) concurrency: usize,
    pub(super) per_minute: u32,
    pub(super) feeds: Arc<dyn Feeds>,
    pub(super) stop: CancellationToken,
}

impl Runner {
    /// Delivers until it is told to stop, and while this hub is the one to do so. What is not sent by then
    /// comes again after the next start. A log that fails, on a full disk for one, is tried again from
    /// the cursor's place.
    pub(super) async fn run(&self) {
        let label = &self.sender.label;
        let mut wait = BACK_OFF.0;
        loop {
            let outcome = self.deliver(&mut wait).await;
            if self.stop.is_cancelled() {
                if let Err(error) = outcome {
                    tracing::error!(integration = label, %error, "a cursor can't be moved: alerts will come again");
                }
                return;
            }
            let Err(error) = outcome else {
                tracing::info!(integration = label, "another hub is to deliver");
                continue;
            };
            let pause = rand::rng().random_range(wait / 2..=wait);
            tracing::error!(integration = label, %error, ?pause, "the log has failed: trying again");
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            wait = (wait * 2).min(BACK_OFF.1);
        }
    }

    /// Says that delivering was broken off by a mistake of ours, and waits before it begins again.
    pub(super) async fn broken(&self, pause: Duration) {
        self.sender.health.failed("a mistake of Cadge's broke it off: its log says where");
        tracing::error!(
            integration = self.sender.label,
            ?pause,
            "delivering was broken off: beginning again"
        );
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Delivers until it is told to stop or another hub is to deliver.
    async fn deliver(&self, wait: &mut Duration) -> Result<(), FeedError> {
        let label = &self.sender.label;
        let feed: Box<dyn Feed> = tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            feed = self.feeds.open(&self.cursor, &self.filter) => feed?,
        };
        tracing::info!(integration = label, "delivering");
        let ending = Ending { stop: self.stop.clone(), lost: feed.lost() };
        let mut way = Way::new(feed);
        let mut limit = Limit::new(self.per_minute);
        loop {
            let read = tokio::select! {
                () = ending.begins() => break,
                read = way.gather(&*self.sender.integration, |alerts| self.wanted(alerts)) => read?,
            };
            let all = match &mut limit {
                Some(limit) => self.send_within(limit, &mut way, read.alerts, &ending).await?,
                None => self.send(&mut way, &read.alerts, &ending).await?,
            };
            if !all {
                break;
            }
            way.done(read.position).await?;
            *wait = BACK_OFF.0;
            self.sender.health.reached(read.position);
        }
        way.commit().await
    }

    /// The alerts that are urgent enough, as they are to be sent. falcosidekick's test alert always is.
    fn wanted(&self, alerts: Vec<Delivery>) -> Vec<Delivery> {
        let count = alerts.len();
        let is_wanted =
            |delivery: &Delivery| delivery.alert.priority <= self.least || delivery.alert.rule == TEST_RULE;
        let dress = |delivery: Delivery| match self.dress.dress(&delivery.alert, self.kinds) {
            Cow::Borrowed(_) => delivery,
            Cow::Owned(alert) => Delivery { alert: Arc::new(alert), ..delivery },
        };
        let wanted: Vec<Delivery> = alerts.into_iter().filter(is_wanted).map(dress).collect();
        self.sender.outcomes.filtered.inc_by((count - wanted.len()) as u64);
        wanted
    }

    /// Sends alerts, several batches at a time if that is wished. Answers `false` if delivering ends before.
    async fn send(&self, way: &mut Way, alerts: &[Delivery], ending: &Ending) -> Result<bool, FeedError> {
        let mut start = 0;
        // By places, which are no references: a stream of those is not `Send` for every lifetime. How many a
        // destination takes at once may change while they are sent.
        let places = std::iter::from_fn(|| {
            let end = alerts.len().min(start + self.sender.integration.batch().max(1));
            let place = start..end;
            start = end;
            (!place.is_empty()).then_some(place)
        });
        let sends = stream::iter(places).map(|place| async move {
            let batch = &alerts[place];
            let last = batch.last().map_or(0, |delivery| delivery.position);
            (last, self.sender.send(batch, ending).await)
        });
        let mut sends = std::pin::pin!(sends.buffered(self.concurrency.max(1)));
        while let Some((last, is_sent)) = sends.next().await {
            if !is_sent {
                return Ok(false);
            }
            way.done(last).await?;
        }
        Ok(true)
    }

    /// Sends alerts within the limit: as they are, or one message for each rule if they are too many.
    async fn send_within(
        &self,
        limit: &mut Limit,
        way: &mut Way,
        alerts: Vec<Delivery>,
        ending: &Ending,
    ) -> Result<bool, FeedError> {
        let messages: Vec<Message> = if limit.admits(alerts.len()) {
            alerts.into_iter().map(Message::single).collect()
        } else {
            group(alerts)
        };
        for (place, message) in messages.iter().enumerate() {
            tokio::select! {
                () = ending.begins() => return Ok(false),
                () = limit.take() => {}
            }
            if !self.sender.send_message(message, ending).await {
                return Ok(false);
            }
            // Messages are in the order of their first alerts: what comes before the next one's is in those sent.
            if let Some(first) = messages.get(place + 1).and_then(|next| next.alerts.first()) {
                way.done(first.position.saturating_sub(1)).await?;
            }
        }
        Ok(true)
    }
}
