//! Writes the index: alerts go in as the log brings them, and out as it forgets them.
//!
//! The place in the log is kept in the same file and moves in the same transaction, so that each alert
//! is indexed exactly once.

use std::path::Path;

use rusqlite::{Connection, params};

use super::dimensions::{COUNT, DIMENSIONS, time_of};
use super::schema;
use super::tally::{Row, Tally};
use super::terms::{NONE, Terms};
use crate::log::Entry;

/// Alerts that are taken out in one transaction.
const EXPIRED_MAX: usize = 4096;

/// The index, for the one who writes it.
#[derive(Debug)]
pub(super) struct Index {
    connection: Connection,
    terms: Terms,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Alerts that are in the index now.
    pub(super) alerts: u64,
    /// Values that went under `other`.
    pub(super) others: u64,
}

impl Index {
    /// Opens the file, or makes a new one.
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        Ok(Self { connection: schema::open(path)?, terms: Terms::default() })
    }

    /// Begins with a new file.
    pub(super) fn renew(path: &Path) -> rusqlite::Result<Self> {
        Ok(Self { connection: schema::open_new(path)?, terms: Terms::default() })
    }

    #[cfg(test)]
    pub(super) fn in_memory() -> Self {
        Self { connection: schema::made_in_memory().unwrap(), terms: Terms::default() }
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The position up to which it has come, and what identifies the alert there.
    pub(super) fn cursor(&self) -> rusqlite::Result<(u64, Vec<u8>)> {
        self.connection.query_row("SELECT cursor, last FROM state", [], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
        })
    }

    /// Adds what stands behind the cursor in the log.
    pub(super) fn add(&mut self, entries: &[Entry]) -> rusqlite::Result<Added> {
        let outcome = self.try_add(entries);
        if outcome.is_err() {
            // Numbers that were given out are taken back with everything else.
            self.terms.forget();
        }
        outcome
    }

    fn try_add(&mut self, entries: &[Entry]) -> rusqlite::Result<Added> {
        let Some(last) = entries.last() else { return Ok(Added::default()) };
        let transaction = self.connection.transaction()?;
        let (mut added, mut tally, mut postings) = (Added::default(), Tally::default(), Vec::new());
        let values = ["?"; COUNT + 2].join(", ");
        let sql = format!("INSERT INTO alerts (position, time_ns, {}) VALUES ({values})", schema::all_list());
        let mut insert = transaction.prepare_cached(&sql)?;
        for entry in entries {
            // Ingest has decoded it before.
            let Ok(alert) = entry.alert.decode() else { continue };
            let position = entry.position.cast_signed();
            let mut row = Row { position, time_ns: time_of(&alert), terms: [NONE; COUNT] };
            for (kind, dimension) in DIMENSIONS.iter().enumerate() {
                let term = self.terms.number(&transaction, kind, &dimension.term_of(&alert))?;
                row.terms[kind] = term;
                added.others += u64::from(term < NONE);
                if term != NONE {
                    postings.push([term, position]);
                }
            }
            insert.execute(rusqlite::params_from_iter([position, row.time_ns].iter().chain(&row.terms)))?;
            tally.note(&row, 1);
            added.alerts += 1;
        }
        drop(insert);
        write_postings(&transaction, postings)?;
        tally.write(&transaction)?;
        let state = params![last.position.cast_signed(), identity(last)];
        transaction.prepare_cached("UPDATE state SET cursor = ?, last = ?")?.execute(state)?;
        transaction.commit()?;
        Ok(added)
    }

    /// Takes out some of what stands before a position. `false` is that there is nothing left to do.
    pub(super) fn expire(&mut self, first: u64) -> rusqlite::Result<bool> {
        let transaction = self.connection.transaction()?;
        let sql = format!(
            "SELECT position, time_ns, {} FROM alerts WHERE position < ? ORDER BY position LIMIT {EXPIRED_MAX}",
            schema::all_list()
        );
        let (mut tally, mut last, mut count) = (Tally::default(), None, 0);
        let mut statement = transaction.prepare_cached(&sql)?;
        for row in statement.query_map([first.cast_signed()], Row::read)? {
            let row = row?;
            tally.note(&row, -1);
            (last, count) = (Some(row.position), count + 1);
        }
        drop(statement);
        let Some(last) = last else { return Ok(false) };
        let mut remove =
            transaction.prepare_cached("DELETE FROM postings WHERE term = ? AND position <= ?")?;
        for term in tally.terms() {
            remove.execute([term, last])?;
        }
        drop(remove);
        transaction.prepare_cached("DELETE FROM alerts WHERE position <= ?")?.execute([last])?;
        tally.write(&transaction)?;
        transaction.commit()?;
        // Some of the terms may be gone.
        self.terms.forget();
        Ok(count == EXPIRED_MAX)
    }
}

/// In the order of the table, in which each term's new postings lie together.
fn write_postings(to: &Connection, mut postings: Vec<[i64; 2]>) -> rusqlite::Result<()> {
    postings.sort_unstable();
    let mut insert = to.prepare_cached("INSERT INTO postings (term, position) VALUES (?, ?)")?;
    for posting in postings {
        insert.execute(posting)?;
    }
    Ok(())
}

/// What tells an alert from every other: another log at the same place has another one.
pub(super) fn identity(entry: &Entry) -> Vec<u8> {
    let Ok(alert) = entry.alert.decode() else { return Vec::new() };
    let numbers = [alert.epoch.to_be_bytes(), alert.sequence.to_be_bytes()].concat();
    [alert.sensor.as_bytes(), &numbers].concat()
}
