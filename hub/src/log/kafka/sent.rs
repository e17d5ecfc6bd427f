//! What this hub has written but not read back yet: together with the marks it says what is new.

use std::collections::{HashMap, HashSet, VecDeque};

use cadge_proto::raw::RawAlert;

use super::super::{Append, Appended, UNORDERED};
use super::marks::identity;
use super::shared::Shared;

/// A sensor and an epoch.
pub(super) type Key = (String, u64);

/// What a batch has added, until the follower has seen it.
pub(super) struct Wrote {
    pub(super) key: Key,
    pub(super) identities: Vec<u64>,
    pub(super) high_water: u64,
    /// The offset behind its last record, once that is known.
    pub(super) end: u64,
}

/// What is new of a batch.
pub(super) struct New {
    pub(super) alerts: Vec<(u64, RawAlert)>,
    pub(super) identities: Vec<u64>,
    pub(super) outcome: Appended,
    /// A sequence number to note without an alert.
    pub(super) note: Option<u64>,
}

/// What is pending or landed.
#[derive(Default)]
pub(super) struct Sent {
    high_water: HashMap<Key, u64>,
    identities: HashSet<u64>,
    /// Acknowledged, but perhaps not seen by the follower yet.
    landed: VecDeque<Wrote>,
}

impl Sent {
    /// Leaves out what the log has already, or is about to have. `None` if it is not about to have the batch
    /// before.
    pub(super) fn select(&self, shared: &Shared, batch: Append) -> Option<New> {
        let marks = shared.marks();
        let mut identities = Vec::new();
        if batch.epoch == UNORDERED {
            let count = batch.alerts.len() as u64;
            let mut new = HashSet::new();
            let mut is_new = |sequence| {
                let identity = identity(&batch.sensor, sequence);
                let known = marks.has(identity) || self.identities.contains(&identity);
                (!known && new.insert(identity)).then(|| identities.push(identity)).is_some()
            };
            let alerts: Vec<_> = batch.alerts.into_iter().filter(|(sequence, _)| is_new(*sequence)).collect();
            let outcome = Appended { duplicates: count - alerts.len() as u64, ..Appended::default() };
            return Some(New { alerts, identities, outcome, note: None });
        }
        let seen = marks.high_water(&batch.sensor, batch.epoch);
        drop(marks);
        let sent = self.high_water.get(&(batch.sensor.clone(), batch.epoch)).copied().unwrap_or(0);
        let known = seen.max(sent);
        if batch.previous > known {
            return None;
        }
        let mut outcome = Appended::behind(known, &batch);
        let last = batch.last;
        let alerts: Vec<_> =
            batch.alerts.into_iter().filter(|(sequence, _)| outcome.takes(*sequence)).collect();
        // The batch's end was left out by whoever checked it: the log is to know that it was here.
        let note = (last > outcome.high_water).then_some(last);
        outcome.high_water = outcome.high_water.max(last);
        Some(New { alerts, identities, outcome, note })
    }

    /// Takes what is about to be written.
    pub(super) fn add(&mut self, wrote: &Wrote) {
        self.identities.extend(&wrote.identities);
        if wrote.high_water > 0 {
            self.high_water.insert(wrote.key.clone(), wrote.high_water);
        }
    }

    /// Takes what was added and is acknowledged now.
    pub(super) fn landed(&mut self, wrote: Wrote) {
        self.landed.push_back(wrote);
    }

    /// Forgets what the follower knows by now, which is `next`.
    pub(super) fn forget_seen(&mut self, next: u64) {
        while let Some(seen) = self.landed.pop_front_if(|wrote| wrote.end <= next) {
            for identity in &seen.identities {
                self.identities.remove(identity);
            }
            if self.high_water.get(&seen.key) == Some(&seen.high_water) {
                self.high_water.remove(&seen.key);
            }
        }
    }

    /// Forgets what was not acknowledged.
    pub(super) fn give_up(&mut self) {
        self.high_water = self.landed.iter().map(|wrote| (wrote.key.clone(), wrote.high_water)).collect();
        self.identities = self.landed.iter().flat_map(|wrote| &wrote.identities).copied().collect();
    }
}
