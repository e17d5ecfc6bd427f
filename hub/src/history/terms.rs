//! Numbers for texts. There are only so many of a kind: whoever makes up names without end, such as
//! pods', fills one term called `other`, not the index.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::dimensions::{COUNT, DIMENSIONS};

/// Bytes of a text that is a term. Names of hosts and pods have 253 at most.
const TEXT_BYTES_MAX: usize = 512;

/// Numbers of one kind that are remembered.
const REMEMBERED: usize = 4096;

/// The number of what has no value.
pub(super) const NONE: i64 = 0;

/// The number of the term `other` of a kind. The others' are positive.
pub(super) fn other(kind: usize) -> i64 {
    -i64::try_from(kind).unwrap_or(i64::MAX) - 1
}

/// The writer's knowledge of the table `terms`.
#[derive(Debug, Default)]
pub(super) struct Terms {
    remembered: [HashMap<String, i64>; COUNT],
    /// Terms of each kind, once they were counted.
    known: Option<[usize; COUNT]>,
}

impl Terms {
    /// The number of a text, a new one if there is room.
    pub(super) fn number(&mut self, to: &Connection, kind: usize, text: &str) -> rusqlite::Result<i64> {
        if text.is_empty() {
            return Ok(NONE);
        }
        if let Some(id) = self.remembered[kind].get(text) {
            return Ok(*id);
        }
        let Some(id) = self.look_up(to, kind, text)? else {
            let sql = "INSERT OR IGNORE INTO terms (id, kind, text, alerts) VALUES (?1, ?1, 'other', 0)";
            to.prepare_cached(sql)?.execute([other(kind)])?;
            return Ok(other(kind));
        };
        if self.remembered[kind].len() >= REMEMBERED {
            self.remembered[kind].clear();
        }
        self.remembered[kind].insert(text.to_owned(), id);
        Ok(id)
    }

    fn look_up(&mut self, to: &Connection, kind: usize, text: &str) -> rusqlite::Result<Option<i64>> {
        if text.len() > TEXT_BYTES_MAX {
            return Ok(None);
        }
        let wire = i64::try_from(kind).unwrap_or(i64::MAX);
        let sql = "SELECT id FROM terms WHERE kind = ? AND text = ?";
        let found = to.prepare_cached(sql)?.query_row(params![wire, text], |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
        let known = match &mut self.known {
            Some(known) => known,
            None => self.known.insert(count(to)?),
        };
        if known[kind] >= DIMENSIONS[kind].terms_max {
            return Ok(None);
        }
        to.prepare_cached("INSERT INTO terms (kind, text, alerts) VALUES (?, ?, 0)")?
            .execute(params![wire, text])?;
        known[kind] += 1;
        Ok(Some(to.last_insert_rowid()))
    }

    /// Forgets what is remembered, because the table is not as it was.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

fn count(of: &Connection) -> rusqlite::Result<[usize; COUNT]> {
    let mut known = [0; COUNT];
    let mut statement =
        of.prepare_cached("SELECT kind, COUNT(*) FROM terms WHERE kind >= 0 GROUP BY kind")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    for row in rows {
        let (kind, count) = row?;
        if let Some(known) = usize::try_from(kind).ok().and_then(|kind| known.get_mut(kind)) {
            *known = usize::try_from(count).unwrap_or(usize::MAX);
        }
    }
    Ok(known)
}
