//! What a batch of alerts changes in the sums of the index, added up before it is written.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::dimensions::{COUNT, DIMENSIONS};
use super::schema::counted_list;
use super::terms::NONE;

/// Spans for which counts are kept ready, in seconds, the longest first.
pub(super) const UNITS: [i64; 2] = [3600, 60];

/// A second in nanoseconds.
pub(super) const SECOND: i64 = 1_000_000_000;

/// An alert as the index has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) position: i64,
    pub(super) time_ns: i64,
    pub(super) terms: [i64; COUNT],
}

impl Row {
    /// From the columns position, time, and all dimensions.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let mut terms = [NONE; COUNT];
        for (at, term) in terms.iter_mut().enumerate() {
            *term = row.get(at + 2)?;
        }
        Ok(Self { position: row.get(0)?, time_ns: row.get(1)?, terms })
    }
}

/// The first and last position of a minute's alerts, and how many they are.
type Minute = (i64, i64, i64);

/// The changes. Sorted, so that the tables' pages are met in their order.
#[derive(Debug, Default)]
pub(super) struct Tally {
    terms: BTreeMap<i64, i64>,
    minutes: BTreeMap<i64, Minute>,
    counts: BTreeMap<(i64, i64, Vec<i64>), i64>,
}

impl Tally {
    /// Adds an alert (`change` is 1), or takes it away (-1).
    pub(super) fn note(&mut self, row: &Row, change: i64) {
        for term in row.terms.iter().filter(|term| **term != NONE) {
            *self.terms.entry(*term).or_default() += change;
        }
        let minute = row.time_ns.div_euclid(60 * SECOND);
        let noted = self.minutes.entry(minute).or_insert((row.position, row.position, 0));
        *noted = (noted.0.min(row.position), noted.1.max(row.position), noted.2 + change);
        let counted: Vec<i64> = counted_of(&row.terms).collect();
        for unit in UNITS {
            let slot = row.time_ns.div_euclid(unit * SECOND) * unit;
            *self.counts.entry((unit, slot, counted.clone())).or_default() += change;
        }
    }

    /// Terms that an alert was noted with.
    pub(super) fn terms(&self) -> impl Iterator<Item = i64> {
        self.terms.keys().copied()
    }

    /// Writes the changes. Sums that come to nothing go.
    pub(super) fn write(self, to: &Connection) -> rusqlite::Result<()> {
        let mut add = to.prepare_cached("UPDATE terms SET alerts = alerts + ?2 WHERE id = ?1")?;
        let mut remove = to.prepare_cached("DELETE FROM terms WHERE id = ?1 AND alerts <= 0")?;
        for (term, change) in self.terms {
            add.execute([term, change])?;
            if change < 0 {
                remove.execute([term])?;
            }
        }
        let mut add = to.prepare_cached(
            "INSERT INTO minutes (minute, first, last, alerts) VALUES (?, ?, ?, ?) ON CONFLICT (minute)
             DO UPDATE SET first = MIN(first, excluded.first), last = MAX(last, excluded.last), alerts = alerts + excluded.alerts",
        )?;
        let mut remove = to.prepare_cached("DELETE FROM minutes WHERE minute = ?1 AND alerts <= 0")?;
        for (minute, (first, last, change)) in self.minutes {
            add.execute([minute, first, last, change])?;
            if change < 0 {
                remove.execute([minute])?;
            }
        }
        let (key, values) = (counted_list(), ["?"; COUNT][..counted_of(&[NONE; COUNT]).count()].join(", "));
        let mut add = to.prepare_cached(&format!(
            "INSERT INTO counts (unit, slot, {key}, alerts) VALUES (?, ?, {values}, ?)
             ON CONFLICT (unit, slot, {key}) DO UPDATE SET alerts = alerts + excluded.alerts"
        ))?;
        let mut remove = to.prepare_cached(&format!(
            "DELETE FROM counts WHERE (unit, slot, {key}) = (?, ?, {values}) AND alerts <= 0"
        ))?;
        for ((unit, slot, counted), change) in self.counts {
            let key = [unit, slot].into_iter().chain(counted).map(Value::Integer);
            add.execute(rusqlite::params_from_iter(key.clone().chain([Value::Integer(change)])))?;
            if change < 0 {
                remove.execute(rusqlite::params_from_iter(key))?;
            }
        }
        Ok(())
    }
}

/// The terms of the dimensions that have part in counts.
fn counted_of(terms: &[i64; COUNT]) -> impl Iterator<Item = i64> {
    terms.iter().zip(&DIMENSIONS).filter(|(_, dimension)| dimension.is_counted).map(|(term, _)| *term)
}
