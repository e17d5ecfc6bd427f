//! Sends alerts until it is known what becomes of them: delivered, dead, or not yet when delivering ends.

#[cfg(test)]
pub(super) mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng as _;
use tokio_util::sync::CancellationToken;

use super::circuit::Health;
use super::outcomes::Outcomes;
use super::storm::Message;
use crate::dead::DeadLetters;
use crate::{Answer, Delivery, Integration, SendError, within};

/// The first wait before another attempt, and the longest.
pub(super) const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_mins(1));

/// The longest wait where nobody listens: an attempt that fails so is a packet and its answer, and whoever starts a
/// destination again is waiting to see alerts.
const AWAY: Duration = Duration::from_secs(2);

/// A destination may ask for a longer wait than our own, but no longer than this.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// An attempt that is under way when delivering ends gets so long: then it need not be repeated.
const FINISH: Duration = Duration::from_secs(2);

/// Refusals are logged so often.
const SAID_EVERY: Duration = Duration::from_secs(1);

/// Why delivering ends: everything does, or another hub is to deliver.
pub(super) struct Ending {
    pub(super) stop: CancellationToken,
    pub(super) lost: CancellationToken,
}

impl Ending {
    pub(super) async fn begins(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.lost.cancelled() => {}
        }
    }

    /// Waits, unless delivering ends before: answers `false` then.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.begins() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}

/// What sends to one destination.
pub(super) struct Sender {
    pub(super) label: String,
    pub(super) integration: Arc<dyn Integration>,
    pub(super) timeout: Duration,
    /// Attempts that are answered, before an alert becomes a dead letter. 0: any number.
    pub(super) attempts: u32,
    pub(super) dead: DeadLetters,
    pub(super) outcomes: Outcomes,
    pub(super) health: Health,
    pub(super) said: Said,
    /// Held while a dead letter is sent once more.
    pub(super) replay: tokio::sync::Mutex<()>,
}

/// When refusals were last logged, and how many were not.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<(Option<Instant>, usize)>);

/// What became of alerts.
enum Fate {
    Delivered,
    /// For good. One of several may be the cause.
    Refused(String),
    /// It has answered often enough that it may take them later: it is not about one of them.
    Exhausted(String),
    /// Delivering has ended before it was known.
    Ended,
}

impl Sender {
    /// Sends alerts, at most a batch. Answers `false` if delivering has ended before all had their fate.
    pub(super) async fn send(&self, alerts: &[Delivery], ending: &Ending) -> bool {
        let mut parts = vec![alerts];
        while let Some(part) = parts.pop() {
            match self.fate(part, ending).await {
                Fate::Ended => return false,
                Fate::Delivered => self.outcomes.ok.inc_by(part.len() as u64),
                // One of them may be what it cannot take: the others are not to go with it.
                Fate::Refused(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Fate::Refused(cause) | Fate::Exhausted(cause) => {
                    // An error for all hides that some were taken, each by its own answer: those are no dead letters, or
                    // they would be sent twice.
                    let taken = self.integration.give_up(part);
                    let is_left = |delivery: &&Delivery| !taken.contains(&delivery.position);
                    let left: Vec<Delivery> = part.iter().filter(is_left).cloned().collect();
                    if !self.bury(&left, &cause, ending).await {
                        return false;
                    }
                    self.outcomes.ok.inc_by(taken.len() as u64);
                }
            }
        }
        true
    }

    /// Sends one message. If it is refused for good, all that it stands for become dead letters: each can be sent by
    /// itself then.
    pub(super) async fn send_message(&self, message: &Message, ending: &Ending) -> bool {
        match self.fate(std::slice::from_ref(&message.delivery), ending).await {
            Fate::Ended => false,
            Fate::Delivered => {
                self.outcomes.ok.inc();
                self.outcomes.grouped.inc_by(message.alerts.len() as u64 - 1);
                true
            }
            Fate::Refused(cause) | Fate::Exhausted(cause) => {
                self.integration.give_up(std::slice::from_ref(&message.delivery));
                self.bury(&message.alerts, &cause, ending).await
            }
        }
    }

    /// One attempt.
    pub(super) async fn attempt(&self, alerts: &[Delivery]) -> Result<Answer, SendError> {
        within(self.timeout, self.integration.send(alerts)).await
    }

    /// Sends them until they are taken or refused for good. The order is kept: what follows waits.
    async fn fate(&self, alerts: &[Delivery], ending: &Ending) -> Fate {
        let (mut wait, mut answered, mut unsaid) = (BACK_OFF.0, 0, BACK_OFF.0);
        loop {
            let give_up = async {
                ending.begins().await;
                tokio::time::sleep(FINISH).await;
            };
            let error = tokio::select! {
                () = give_up => return Fate::Ended,
                attempt = self.attempt(alerts) => match attempt {
                    Ok(_) => {
                        if self.health.succeeded() {
                            tracing::info!(integration = self.label, "it takes alerts again");
                        }
                        return Fate::Delivered;
                    }
                    Err(error) => error,
                },
            };
            let longest = if matches!(error, SendError::Away(_)) { wait.min(AWAY) } else { wait };
            let own = rand::rng().random_range(longest / 2..=longest);
            let pause = match error {
                SendError::Refused(cause) => {
                    // It may not want these, but it is there.
                    self.health.succeeded();
                    return Fate::Refused(cause);
                }
                SendError::Retry { after, ref cause } => {
                    answered += 1;
                    if answered == self.attempts {
                        return Fate::Exhausted(format!("{cause}, at attempt {answered}"));
                    }
                    after.map_or(own, |after| after.min(RETRY_AFTER_MAX))
                }
                SendError::Unreachable(_) | SendError::Away(_) => own,
            };
            self.outcomes.retries.inc();
            let (cause, is_open) = (error.to_string(), self.health.failed(&error.to_string()));
            // Attempts that follow each other faster than usual are not all worth a line.
            if unsaid >= wait / 4 || is_open {
                unsaid = Duration::ZERO;
                let integration = &self.label;
                tracing::warn!(
                    integration,
                    cause,
                    ?pause,
                    is_open,
                    "alerts were not delivered: trying again"
                );
            }
            unsaid += pause;
            if !ending.pause(pause).await {
                return Fate::Ended;
            }
            wait = (wait * 2).min(BACK_OFF.1);
        }
    }

    /// Makes alerts dead letters. As long as that fails, they are not done with.
    async fn bury(&self, alerts: &[Delivery], cause: &str, ending: &Ending) -> bool {
        let mut wait = BACK_OFF.0;
        loop {
            match self.dead.keep(&self.label, alerts, cause).await {
                Ok(expired) => {
                    self.outcomes.error.inc_by(alerts.len() as u64);
                    self.outcomes.expired.inc_by(expired);
                    if let Some(refused) = self.said.says(alerts.len()) {
                        tracing::error!(
                            integration = self.label,
                            refused,
                            cause,
                            "alerts were refused for good: they are dead letters now"
                        );
                    }
                    return true;
                }
                Err(error) => {
                    tracing::error!(integration = self.label, %error, ?wait, "dead letters can't be kept: trying again");
                    if !ending.pause(wait).await {
                        return false;
                    }
                    wait = (wait * 2).min(BACK_OFF.1);
                }
            }
        }
    }
}

impl Said {
    /// How many refusals to log now, if any.
    fn says(&self, alerts: usize) -> Option<usize> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.1 += alerts;
        if said.0.is_some_and(|last| last.elapsed() < SAID_EVERY) {
            return None;
        }
        said.0 = Some(Instant::now());
        Some(std::mem::take(&mut said.1))
    }
}
