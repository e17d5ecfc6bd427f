//! What runs, for whoever looks after it: how each destination is doing, and its dead letters.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus::IntCounterVec;

use super::attempt::Sender;
use super::circuit::State;
use super::outcomes::Counters;
use crate::dead::{DeadError, DeadLetter, DeadLetters};
use crate::destinations::Destination;
use crate::{Answer, Delivery, SendError};

/// The destinations that are switched on, and all dead letters.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    senders: Vec<(&'static Destination, Arc<Sender>)>,
    dead: DeadLetters,
    replayed: IntCounterVec,
    discarded: IntCounterVec,
}

/// Why a dead letter is still one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nothing is sent to its destination.
    #[error("it is not switched on")]
    Off,
    /// Somebody else has replayed or removed it meanwhile.
    #[error("it is a dead letter no longer")]
    Gone,
    /// It was not delivered.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It was delivered, but could not be removed.
    #[error("it was delivered, but stays a dead letter: {0}")]
    Kept(DeadError),
    /// It cannot be read.
    #[error(transparent)]
    Dead(#[from] DeadError),
}

impl Live {
    pub(super) fn new(
        senders: Vec<(&'static Destination, Arc<Sender>)>,
        dead: DeadLetters,
        counters: &Counters,
    ) -> Self {
        let (replayed, discarded) = (counters.replayed.clone(), counters.discarded.clone());
        Self(Arc::new(Inner { senders, dead, replayed, discarded }))
    }

    /// How each destination is doing.
    pub fn states(&self) -> Vec<(&'static Destination, State)> {
        self.0.senders.iter().map(|(kind, sender)| (*kind, sender.health.state())).collect()
    }

    /// The dead letters.
    pub fn dead(&self) -> &DeadLetters {
        &self.0.dead
    }

    /// Sends a dead letter once more, past what waits in the log. If it is delivered, it is one no longer.
    pub async fn replay(&self, letter: &DeadLetter) -> Result<Answer, ReplayError> {
        let known = self.0.senders.iter().find(|(_, sender)| sender.label == letter.destination);
        let (_, sender) = known.ok_or(ReplayError::Off)?;
        // One at a time for each destination: two who ask for the same letter are not to send it twice.
        let _turn = sender.replay.lock().await;
        if self.0.dead.get(letter.id).await?.is_none() {
            return Err(ReplayError::Gone);
        }
        let delivery = Delivery { position: letter.position, alert: Arc::clone(&letter.alert) };
        let answer = sender.attempt(&[delivery]).await?;
        self.0.dead.remove(vec![letter.id]).await.map_err(ReplayError::Kept)?;
        self.0.replayed.with_label_values(&[&letter.destination]).inc();
        Ok(answer)
    }

    /// Removes dead letters by their numbers. Answers how many there were of each destination.
    pub async fn discard(&self, ids: Vec<u64>) -> Result<BTreeMap<String, u64>, DeadError> {
        Ok(self.count(self.0.dead.remove(ids).await?))
    }

    /// Removes all of a destination, by its label, or all. Answers how many there were of each.
    pub async fn discard_all(&self, destination: Option<&str>) -> Result<BTreeMap<String, u64>, DeadError> {
        Ok(self.count(self.0.dead.clear(destination).await?))
    }

    fn count(&self, discarded: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        for (destination, count) in &discarded {
            self.0.discarded.with_label_values(&[destination]).inc_by(*count);
        }
        discarded
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.senders.iter().map(|(kind, _)| kind.name)).finish()
    }
}
