//! What has become of the alerts of a batch, in their order.

use std::collections::BTreeMap;

use super::waiting::Fate;
use crate::destinations::taken::Taken;
use crate::{Delivery, SendError};

/// A batch that is on its way. What was taken is kept at once: the rest may get no answer.
pub(super) struct Batch<'a> {
    alerts: &'a [&'a Delivery],
    taken: &'a Taken,
    /// Whether they were taken, behind one of which nothing is known.
    ahead: BTreeMap<usize, bool>,
    /// The place of that one.
    next: usize,
    refused: Option<String>,
    failed: Option<String>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(alerts: &'a [&'a Delivery], taken: &'a Taken) -> Self {
        Self { alerts, taken, ahead: BTreeMap::new(), next: 0, refused: None, failed: None }
    }

    /// One that may be taken another time is to come before those behind it: they are sent again, too.
    pub(super) fn settle(&mut self, place: usize, fate: Fate) {
        let position = |place: usize| self.alerts.get(place).map(|delivery| delivery.position);
        match fate {
            Fate::Taken => {
                self.taken.keep_ahead(position(place));
                self.ahead.insert(place, true);
            }
            Fate::Refused(cause) => {
                self.refused.get_or_insert(cause);
                self.ahead.insert(place, false);
            }
            Fate::Failed(cause) => {
                self.failed.get_or_insert(cause);
            }
        }
        while let Some(is_taken) = self.ahead.remove(&self.next) {
            self.taken.keep(position(self.next).filter(|_| is_taken));
            self.next += 1;
        }
    }

    /// What may go well another time is tried before the rest is given up.
    pub(super) fn outcome(self) -> Result<(), SendError> {
        match (self.failed, self.refused) {
            (Some(cause), _) => Err(SendError::later(cause)),
            (None, Some(cause)) => Err(SendError::Refused(cause)),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_was_taken_in_order_is_not_sent_again() {
        let alerts: Vec<_> = (1..=5).map(|position| Delivery { position, alert: Arc::default() }).collect();
        let taken = Taken::default();
        let left = taken.left(&alerts);
        let mut batch = Batch::new(&left, &taken);
        let (refused, failed) = (Fate::Refused("no".to_owned()), Fate::Failed("full".to_owned()));
        for (place, fate) in [(1, Fate::Taken), (4, Fate::Taken), (0, Fate::Taken), (3, failed), (2, refused)]
        {
            batch.settle(place, fate);
        }
        assert!(matches!(batch.outcome(), Err(SendError::Retry { cause, .. }) if cause == "full"));
        let left = taken.left(&alerts);
        assert_eq!(left.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(taken.forget(&alerts), [1, 2, 5].into());
    }
}
