//! Which alerts of a batch were taken when others were not.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Delivery;

/// Positions that are kept at most.
const KEPT: usize = 10_000;

/// Positions of alerts that were taken with others that were not: they are not sent with those again.
#[derive(Default)]
pub(super) struct Taken(Mutex<BTreeSet<u64>>);

impl Taken {
    /// Those of alerts that are still to be sent.
    pub(super) fn left<'a>(&self, alerts: &'a [Delivery]) -> Vec<&'a Delivery> {
        let taken = self.positions();
        alerts.iter().filter(|delivery| !taken.contains(&delivery.position)).collect()
    }

    /// These were taken.
    pub(super) fn keep(&self, taken: impl IntoIterator<Item = u64>) {
        let mut positions = self.positions();
        positions.extend(taken);
        // Those of requests that were given up are never asked for again.
        while positions.len() > KEPT {
            positions.pop_first();
        }
    }

    /// All of these are done with.
    pub(super) fn forget(&self, alerts: &[Delivery]) {
        let mut taken = self.positions();
        for delivery in alerts {
            taken.remove(&delivery.position);
        }
    }

    fn positions(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
