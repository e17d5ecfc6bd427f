//! Looks for damage before the file is used.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _};

use super::super::LogError;
use super::{failed, problem};
use crate::config::LogCheck;

/// A check that takes longer says so, each time.
const PROGRESS: Duration = Duration::from_secs(5);

/// Alerts that are read at each end of the log.
const ENDS: i64 = 1000;

/// Places between the ends at which alerts are read.
const SAMPLES: i64 = 1000;

/// Checks a file, and gives its connection back if nothing is wrong with it.
pub(super) fn run(connection: Connection, path: &Path, check: LogCheck) -> Result<Connection, LogError> {
    let (done, found) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("cadge-check".to_owned()).spawn(move || {
        let outcome = match check {
            LogCheck::None => Ok(None),
            LogCheck::Quick => quick(&connection),
            LogCheck::Full => pragma(&connection, "integrity_check(1)"),
        };
        let _ = done.send((connection, outcome));
    });
    thread.map_err(|cause| problem(path, format!("its check can't be started: {cause}")))?;
    let start = Instant::now();
    let (connection, outcome) = loop {
        match found.recv_timeout(PROGRESS) {
            Ok(found) => break found,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let seconds = start.elapsed().as_secs();
                tracing::warn!(path = %path.display(), seconds, "the log is still being checked (`log.check`)");
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(problem(path, "its check has ended without an answer".to_owned()));
            }
        }
    };
    match outcome.map_err(|error| failed(path, &error))? {
        None => Ok(connection),
        Some(damage) => Err(problem(
            path,
            format!(
                "it is damaged: {damage}; move the file away to begin a new log, or put a backup in its place"
            ),
        )),
    }
}

/// The first line of one of SQLite's own checks, unless it is `ok`.
fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let line: String = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
    Ok(Some(line).filter(|line| line != "ok").map(|line| line.replace('\n', ": ")))
}

/// What a look at a bounded number of pages finds.
fn quick(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'alerts'")?;
    for table in tables.query_map([], |row| row.get::<_, String>(0))? {
        let table = table?.replace('\'', "''");
        if let Some(damage) = pragma(connection, &format!("quick_check('{table}')"))? {
            return Ok(Some(damage));
        }
    }
    alerts(connection)
}

/// Reads alerts at both ends and at places between. A page that is none is an error of SQLite's.
fn alerts(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let bound = |order: &str| {
        let sql = format!("SELECT position FROM alerts ORDER BY position {order} LIMIT 1");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).optional()
    };
    let (Some(first), Some(last)) = (bound("ASC")?, bound("DESC")?) else { return Ok(None) };
    let mut read = connection
        .prepare("SELECT position, alert FROM alerts WHERE position >= ? ORDER BY position LIMIT ?")?;
    let mut look = |from: i64, count: i64| -> rusqlite::Result<Option<String>> {
        let mut before = from.saturating_sub(1);
        let mut rows = read.query([from, count])?;
        while let Some(row) = rows.next()? {
            let position = row.get(0)?;
            if position <= before || row.get_ref(1)?.as_blob().is_err() {
                return Ok(Some(format!("the alert at position {position} is none")));
            }
            before = position;
        }
        Ok(None)
    };
    let step = (last.saturating_sub(first) / SAMPLES).max(1);
    let samples = (0..SAMPLES).map(|sample| (first.saturating_add(sample.saturating_mul(step)), 4));
    let ends = [(first, ENDS), (last.saturating_sub(ENDS).max(first), ENDS)];
    for (from, count) in ends.into_iter().chain(samples).take_while(|(from, _)| *from <= last) {
        if let Some(damage) = look(from, count)? {
            return Ok(Some(damage));
        }
    }
    Ok(None)
}
