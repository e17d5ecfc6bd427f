//! Puts a batch into the tables, without what they have already.

use cadge_proto::raw::RawAlert;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::{Append, Appended, Entry, UNORDERED};
use crate::time::now_ns;

const SENSOR: &str = "SELECT id FROM sensors WHERE name = ?";

const NEW_SENSOR: &str = "INSERT INTO sensors (name) VALUES (?) RETURNING id";

const ALERT: &str = "INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?, ?, ?)";

const HIGH_WATER: &str = "SELECT sequence FROM high_water WHERE sensor = ? AND epoch = ?";

const RAISE: &str =
    "INSERT INTO high_water VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence";

/// Adds what is new of a batch behind `last`, and to `entries`. `None` if the batch before it is missing.
pub(super) fn append(
    connection: &Connection,
    batch: &Append,
    last: &mut u64,
    entries: &mut Vec<Entry>,
) -> rusqlite::Result<Option<Appended>> {
    let sensor = sensor(connection, &batch.sensor)?;
    let received = now_ns();
    let epoch = batch.epoch.cast_signed();
    let mut statement = connection.prepare_cached(ALERT)?;
    let mut add = |(sequence, alert): &(u64, RawAlert)| -> rusqlite::Result<bool> {
        let bytes: &[u8] = alert.as_bytes();
        let position = *last + 1;
        let values = params![position.cast_signed(), sensor, epoch, sequence.cast_signed(), received, bytes];
        let is_new = statement.execute(values)? > 0;
        if is_new {
            *last = position;
            entries.push(Entry { position, alert: alert.clone() });
        }
        Ok(is_new)
    };
    if batch.epoch == UNORDERED {
        let mut outcome = Appended::default();
        for alert in &batch.alerts {
            outcome.duplicates += u64::from(!add(alert)?);
        }
        return Ok(Some(outcome));
    }
    let known: Option<i64> = connection
        .prepare_cached(HIGH_WATER)?
        .query_row(params![sensor, epoch], |row| row.get(0))
        .optional()?;
    let before = known.unwrap_or(0).cast_unsigned();
    if batch.previous > before {
        return Ok(None);
    }
    let mut outcome = Appended::behind(before, batch);
    for alert in &batch.alerts {
        if outcome.takes(alert.0) {
            add(alert)?;
        }
    }
    outcome.high_water = outcome.high_water.max(batch.last);
    if outcome.high_water > before {
        connection.prepare_cached(RAISE)?.execute(params![
            sensor,
            epoch,
            outcome.high_water.cast_signed()
        ])?;
    }
    Ok(Some(outcome))
}

/// A sensor's number. Asking first writes nothing for those that are known, which are nearly all.
fn sensor(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let known = connection.prepare_cached(SENSOR)?.query_row([name], |row| row.get(0)).optional()?;
    match known {
        Some(id) => Ok(id),
        None => connection.prepare_cached(NEW_SENSOR)?.query_row([name], |row| row.get(0)),
    }
}
