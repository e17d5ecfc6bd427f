//! Dead letters: alerts that a destination refused for good, kept until somebody looks at them.

mod count;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use cadge_proto::Alert;
use prometheus::IntGaugeVec;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::Delivery;
use count::Count;

/// The file's layout.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS dead (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        destination TEXT NOT NULL,
        position INTEGER NOT NULL,
        time INTEGER NOT NULL,
        cause TEXT NOT NULL,
        alert BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS dead_destination ON dead (destination, id);
";

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its number: grows with each.
    pub id: u64,
    /// The destination's label.
    pub destination: String,
    /// The alert's position in the log.
    pub position: u64,
    /// When it was given up, in seconds since 1970.
    pub time: i64,
    /// Why.
    pub cause: String,
    /// The alert.
    pub alert: Arc<Alert>,
}

/// How many of them a destination has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its label.
    pub destination: String,
    /// So many.
    pub count: u64,
    /// The number of the last one.
    pub last: u64,
}

/// The file cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the dead letters {path}: {problem}")]
pub struct DeadError {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct DeadLetters(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    most: u64,
    file: Mutex<Connection>,
    count: Count,
}

impl DeadLetters {
    /// Opens the file and makes it if it is not there. Past `most` letters the oldest goes. Without a path they are
    /// in memory only.
    pub fn open(path: Option<&Path>, most: u64) -> Result<Self, DeadError> {
        let path = path.unwrap_or(Path::new(":memory:")).to_owned();
        let count = Count::new();
        let open = || {
            let file = Connection::open(&path)?;
            file.pragma_update(None, "journal_mode", "wal")?;
            file.pragma_update(None, "synchronous", "full")?;
            file.execute_batch(SCHEMA)?;
            for Kept { destination, count: letters, .. } in kept(&file, None)? {
                count.add(&destination, letters);
            }
            Ok(file)
        };
        let file = open().map_err(|error: rusqlite::Error| failed(&path, &error))?;
        Ok(Self(Arc::new(Inner { path, most, file: Mutex::new(file), count })))
    }

    /// How many there are of each destination, as a metric to register.
    pub(crate) fn metric(&self) -> IntGaugeVec {
        self.0.count.metric()
    }

    /// Keeps alerts. They are on disk when this has succeeded. Answers how many of the oldest had to go.
    pub(crate) async fn keep(
        &self,
        destination: &str,
        alerts: &[Delivery],
        cause: &str,
    ) -> Result<u64, DeadError> {
        let (destination, cause, alerts) = (destination.to_owned(), cause.to_owned(), alerts.to_vec());
        let (most, count) = (self.0.most, self.0.count.clone());
        self.run(move |file| {
            let transaction = file.transaction()?;
            for delivery in &alerts {
                transaction.execute(
                    "INSERT INTO dead (destination, position, time, cause, alert) VALUES (?, ?, ?, ?, ?)",
                    params![
                        destination,
                        signed(delivery.position),
                        now(),
                        cause,
                        delivery.alert.encode_to_vec()
                    ],
                )?;
            }
            let last: Option<i64> = transaction
                .query_row("SELECT id FROM dead ORDER BY id DESC LIMIT 1 OFFSET ?", [signed(most)], |row| {
                    row.get(0)
                })
                .optional()?;
            let gone = gone(&transaction, last.unwrap_or(-1))?;
            transaction.commit()?;
            count.add(&destination, alerts.len() as u64);
            count.subtract(&gone);
            Ok(gone.values().sum())
        })
        .await
    }

    /// Those of a destination, or of all, behind a number: at most so many, oldest first.
    pub async fn list(
        &self,
        destination: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, DeadError> {
        let destination = destination.map(str::to_owned);
        self.run(move |file| {
            let mut statement = file.prepare_cached(
                "SELECT id, destination, position, time, cause, alert FROM dead
                 WHERE id > ?1 AND (?2 IS NULL OR destination = ?2) ORDER BY id LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![signed(after), destination, limit], letter)?;
            rows.collect()
        })
        .await
    }

    /// The numbers of those of a destination, or of all, oldest first.
    pub async fn ids(&self, destination: Option<&str>) -> Result<Vec<u64>, DeadError> {
        let destination = destination.map(str::to_owned);
        self.run(move |file| {
            let mut statement =
                file.prepare_cached("SELECT id FROM dead WHERE ?1 IS NULL OR destination = ?1 ORDER BY id")?;
            let ids = statement.query_map([destination], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))?;
            ids.collect()
        })
        .await
    }

    /// The one with a number.
    pub async fn get(&self, id: u64) -> Result<Option<DeadLetter>, DeadError> {
        let select = "SELECT id, destination, position, time, cause, alert FROM dead WHERE id = ?";
        self.run(move |file| file.query_row(select, [signed(id)], letter).optional()).await
    }

    /// Removes some. Answers how many there were of each destination.
    pub async fn remove(&self, ids: Vec<u64>) -> Result<BTreeMap<String, u64>, DeadError> {
        let count = self.0.count.clone();
        self.run(move |file| {
            let (transaction, mut removed) = (file.transaction()?, BTreeMap::new());
            for id in ids {
                let delete = "DELETE FROM dead WHERE id = ? RETURNING destination";
                let was: Option<String> =
                    transaction.query_row(delete, [signed(id)], |row| row.get(0)).optional()?;
                if let Some(destination) = was {
                    *removed.entry(destination).or_default() += 1;
                }
            }
            transaction.commit()?;
            count.subtract(&removed);
            Ok(removed)
        })
        .await
    }

    /// Removes all of a destination, or all. Answers how many there were of each.
    pub async fn clear(&self, destination: Option<&str>) -> Result<BTreeMap<String, u64>, DeadError> {
        let (destination, count) = (destination.map(str::to_owned), self.0.count.clone());
        self.run(move |file| {
            let transaction = file.transaction()?;
            let mut removed = BTreeMap::new();
            for Kept { destination, count, .. } in kept(&transaction, destination.as_deref())? {
                transaction.execute("DELETE FROM dead WHERE destination = ?", [&destination])?;
                removed.insert(destination, count);
            }
            transaction.commit()?;
            count.subtract(&removed);
            Ok(removed)
        })
        .await
    }

    /// How many there are of each destination that has any.
    pub async fn kept(&self) -> Result<Vec<Kept>, DeadError> {
        self.run(|file| kept(file, None)).await
    }

    /// Uses the file where that holds up nobody.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DeadError> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let mut file = inner.file.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut file).map_err(|error| failed(&inner.path, &error))
        });
        done.await.unwrap_or_else(|_| {
            Err(DeadError {
                path: self.0.path.display().to_string(),
                problem: "the work on it was broken off".to_owned(),
            })
        })
    }
}

fn failed(path: &Path, error: &rusqlite::Error) -> DeadError {
    DeadError { path: path.display().to_string(), problem: error.to_string() }
}

fn kept(file: &Connection, destination: Option<&str>) -> rusqlite::Result<Vec<Kept>> {
    let mut statement = file.prepare_cached(
        "SELECT destination, count(*), max(id) FROM dead WHERE ?1 IS NULL OR destination = ?1 GROUP BY destination",
    )?;
    let rows = statement.query_map([destination], |row| {
        Ok(Kept {
            destination: row.get(0)?,
            count: row.get::<_, i64>(1)?.unsigned_abs(),
            last: row.get::<_, i64>(2)?.unsigned_abs(),
        })
    })?;
    rows.collect()
}

/// Deletes the oldest, up to a number. Answers how many there were of each destination.
fn gone(file: &Connection, up_to: i64) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut gone = BTreeMap::new();
    let mut statement = file.prepare_cached("DELETE FROM dead WHERE id <= ? RETURNING destination")?;
    for destination in statement.query_map([up_to], |row| row.get(0))? {
        *gone.entry(destination?).or_default() += 1;
    }
    Ok(gone)
}

fn letter(row: &rusqlite::Row<'_>) -> rusqlite::Result<DeadLetter> {
    let alert: Vec<u8> = row.get(5)?;
    Ok(DeadLetter {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        destination: row.get(1)?,
        position: row.get::<_, i64>(2)?.unsigned_abs(),
        time: row.get(3)?,
        cause: row.get(4)?,
        // What this program has not written reads as an empty alert.
        alert: Arc::new(Alert::decode(alert.as_slice()).unwrap_or_default()),
    })
}

/// Positions and numbers are below 2^63: SQLite's integers are signed.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
