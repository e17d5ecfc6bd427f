//! Which alerts of a batch were taken when others were not.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Delivery;

/// Positions that are kept at most, of each kind.
const KEPT: usize = 10_000;

/// Positions of alerts that were taken with others that were not.
#[derive(Default)]
pub(super) struct Taken(Mutex<Positions>);

#[derive(Default)]
struct Positions {
    /// They are not sent with the others again.
    done: BTreeSet<u64>,
    /// They are, since one that is to come before them was not taken.
    ahead: BTreeSet<u64>,
}

impl Taken {
    /// Those of alerts that are still to be sent.
    pub(super) fn left<'a>(&self, alerts: &'a [Delivery]) -> Vec<&'a Delivery> {
        let taken = self.positions();
        alerts.iter().filter(|delivery| !taken.done.contains(&delivery.position)).collect()
    }

    /// These were taken.
    pub(super) fn keep(&self, taken: impl IntoIterator<Item = u64>) {
        bounded(&mut self.positions().done, taken);
    }

    /// These were taken before one that is to come before them: they are sent behind it again.
    pub(super) fn keep_ahead(&self, taken: impl IntoIterator<Item = u64>) {
        bounded(&mut self.positions().ahead, taken);
    }

    /// All of these are done with. Answers which of them were taken before now.
    pub(super) fn forget(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        let mut taken = self.positions();
        let positions = alerts.iter().map(|delivery| delivery.position);
        // Not `||`: both are to forget it.
        positions.filter(|position| taken.done.remove(position) | taken.ahead.remove(position)).collect()
    }

    fn positions(&self) -> MutexGuard<'_, Positions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded(positions: &mut BTreeSet<u64>, more: impl IntoIterator<Item = u64>) {
    positions.extend(more);
    // Those of requests that were broken off are never asked for again.
    while positions.len() > KEPT {
        positions.pop_first();
    }
}
