//! Runs a destination: takes alerts from its place in the log, sends them, tries again, moves on.
//! Written once for all of them, so that nothing is counted twice or forgotten.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use rand::Rng as _;
use tokio_util::sync::CancellationToken;

use crate::event::priority_number;
use crate::{ConfigError, Context, Delivery, Feed, FeedError, Feeds, Integration, Settings};

/// One attempt may take so long, whatever the destination's own client thinks.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The first wait before another attempt, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_mins(1));

/// An attempt that is under way when delivering ends gets so long: then it need not be repeated.
const FINISH: Duration = Duration::from_secs(2);

/// Alerts that are read at once; what is too little urgent is among them.
const READ: usize = 1000;

/// Why alerts were not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Another time it may go well.
    Retry {
        /// The destination says when.
        after: Option<Duration>,
        /// Why.
        cause: String,
    },
    /// It never will.
    Drop {
        /// Why.
        cause: String,
    },
}

impl SendError {
    pub(crate) fn retry(cause: impl Into<String>) -> Self {
        Self::Retry { after: None, cause: cause.into() }
    }
}

/// What became of alerts, by destination.
#[derive(Clone)]
pub(crate) struct Outcomes {
    /// falcosidekick's counter: each alert once, when its fate is known.
    outputs: IntCounterVec,
    retries: IntCounterVec,
    filtered: IntCounterVec,
    position: IntGaugeVec,
}

impl Outcomes {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter =
                IntCounterVec::new(Opts::new(name, help), labels).expect("name and labels are valid");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let labels = ["destination"];
        let position = IntGaugeVec::new(
            Opts::new(
                "cadge_integration_position",
                "The position in the log up to which a destination has come.",
            ),
            &labels,
        );
        let position = position.expect("name and labels are valid");
        registry.register(Box::new(position.clone())).expect("the name is registered once");
        Self {
            outputs: counter(
                "falcosecurity_falcosidekick_outputs_total",
                "Alerts that were delivered (ok) or given up (error), by destination.",
                &["destination", "status"],
            ),
            retries: counter(
                "cadge_integration_retries_total",
                "Attempts that failed and were repeated.",
                &labels,
            ),
            filtered: counter(
                "cadge_integration_filtered_total",
                "Alerts below a destination's minimum priority.",
                &labels,
            ),
            position,
        }
    }

    fn count(&self, name: &str, status: &str, alerts: usize) {
        self.outputs.with_label_values(&[name, status]).inc_by(alerts as u64);
    }
}

/// Why delivering ends: everything does, or another hub is to deliver.
struct Ending {
    stop: CancellationToken,
    lost: CancellationToken,
}

impl Ending {
    async fn begins(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.lost.cancelled() => {}
        }
    }

    fn has_begun(&self) -> bool {
        self.stop.is_cancelled() || self.lost.is_cancelled()
    }
}

/// One destination's delivery.
pub(crate) struct Runner {
    name: &'static str,
    /// The highest number, which is the least urgent priority, that is sent.
    least: i32,
    feeds: Arc<dyn Feeds>,
    outcomes: Outcomes,
    stop: CancellationToken,
}

impl Runner {
    pub(crate) fn new(
        name: &'static str,
        settings: &impl Settings,
        context: &Context,
        outcomes: &Outcomes,
    ) -> Result<Self, ConfigError> {
        let least = match settings.minimum_priority() {
            "" => 7,
            text => priority_number(text).ok_or_else(|| ConfigError {
                integration: name,
                problem: format!("`minimumpriority: {text}` is no priority: use emergency, alert, critical, error, warning, notice, informational or debug"),
            })?,
        };
        let (feeds, outcomes) = (Arc::clone(&context.feeds), outcomes.clone());
        Ok(Self { name, least, feeds, outcomes, stop: context.stop.clone() })
    }

    /// Delivers until it is told to stop, and while this hub is the one to do so. What is not sent by then
    /// comes again after the next start. A log that fails, on a full disk for one, is tried again from
    /// the cursor's place.
    pub(crate) async fn run(self, mut integration: impl Integration) {
        let mut wait = BACK_OFF.0;
        loop {
            let outcome = self.deliver(&mut integration, &mut wait).await;
            if self.stop.is_cancelled() {
                return;
            }
            let Err(error) = outcome else {
                tracing::info!(integration = self.name, "another hub is to deliver");
                continue;
            };
            let pause = rand::rng().random_range(wait / 2..=wait);
            tracing::error!(integration = self.name, %error, ?pause, "the log has failed: trying again");
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            wait = (wait * 2).min(BACK_OFF.1);
        }
    }

    /// Delivers until it is told to stop or another hub is to deliver.
    async fn deliver<I: Integration>(
        &self,
        integration: &mut I,
        wait: &mut Duration,
    ) -> Result<(), FeedError> {
        let mut feed: Box<dyn Feed> = tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            feed = self.feeds.open(&format!("integration/{}", self.name)) => feed?,
        };
        tracing::info!(integration = self.name, "delivering");
        let ending = Ending { stop: self.stop.clone(), lost: feed.lost() };
        loop {
            let read = tokio::select! {
                () = ending.begins() => return Ok(()),
                read = feed.next(READ) => read?,
            };
            let Some(last) = read.last().map(|delivery| delivery.position) else { continue };
            let count = read.len();
            let wanted: Vec<Delivery> = read.into_iter().filter(|d| d.alert.priority <= self.least).collect();
            self.outcomes.filtered.with_label_values(&[self.name]).inc_by((count - wanted.len()) as u64);
            for batch in wanted.chunks(I::BATCH) {
                let sent = self.send(integration, batch, &ending).await;
                if let (true, Some(delivery)) = (sent, batch.last()) {
                    feed.commit(delivery.position).await?;
                }
                if !sent || ending.has_begun() {
                    return Ok(());
                }
            }
            feed.commit(last).await?;
            *wait = BACK_OFF.0;
            self.outcomes
                .position
                .with_label_values(&[self.name])
                .set(i64::try_from(last).unwrap_or(i64::MAX));
        }
    }

    /// Sends one batch until it is delivered or refused for good. The order is kept: what follows
    /// waits. Answers `false` if delivering has ended before.
    async fn send(&self, integration: &mut impl Integration, batch: &[Delivery], ending: &Ending) -> bool {
        let mut wait = BACK_OFF.0;
        loop {
            let give_up = async {
                ending.begins().await;
                tokio::time::sleep(FINISH).await;
            };
            let attempt = tokio::select! {
                () = give_up => return false,
                attempt = tokio::time::timeout(TIMEOUT, integration.send(batch)) => attempt,
            };
            match attempt.unwrap_or_else(|_| Err(SendError::retry(format!("no answer within {TIMEOUT:?}")))) {
                Ok(()) => {
                    self.outcomes.count(self.name, "ok", batch.len());
                    return true;
                }
                Err(SendError::Drop { cause }) => {
                    tracing::error!(
                        integration = self.name,
                        alerts = batch.len(),
                        cause,
                        "alerts were refused for good"
                    );
                    self.outcomes.count(self.name, "error", batch.len());
                    return true;
                }
                Err(SendError::Retry { after, cause }) => {
                    self.outcomes.retries.with_label_values(&[self.name]).inc();
                    let pause =
                        after.unwrap_or_else(|| rand::rng().random_range(wait / 2..=wait)).min(BACK_OFF.1);
                    tracing::warn!(
                        integration = self.name,
                        cause,
                        ?pause,
                        "alerts were not delivered: trying again"
                    );
                    tokio::select! {
                        () = ending.begins() => return false,
                        () = tokio::time::sleep(pause) => {}
                    }
                    wait = (wait * 2).min(BACK_OFF.1);
                }
            }
        }
    }
}
