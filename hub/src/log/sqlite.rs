//! The log in one SQLite file, which `sqlite3` can query.
//!
//! One thread writes. It takes everything that waits into one transaction, so that the disk is told
//! once for many batches; whoever waits is answered after that.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cadge_proto::raw::RawAlert;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};
use tokio::sync::{mpsc, oneshot, watch};

use super::tail::{Tail, bounded};
use super::{Append, Appended, Durable, Entry, Log, LogError};

/// Requests that wait for the writer. A full queue makes sensors wait, not the hub grow.
const QUEUE: usize = 256;

/// Alerts in one transaction, about.
const GROUP_ALERTS_MAX: usize = 65_536;

/// The size is compared with the bound after so many groups.
const RETENTION_GROUPS: u64 = 64;

/// The part of the alerts that goes when there are too many bytes.
const RETENTION_PART: u64 = 20;

/// Reading by someone else may hold the writer up for so long.
const BUSY: Duration = Duration::from_secs(10);

/// Grows with every change of the tables.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE alerts (position INTEGER PRIMARY KEY, sensor INTEGER NOT NULL, epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL, received_ns INTEGER NOT NULL, alert BLOB NOT NULL);
CREATE TABLE sensors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE high_water (sensor INTEGER NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (sensor, epoch)) WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
";

/// The log.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    requests: mpsc::Sender<Request>,
    reader: Arc<Mutex<Connection>>,
    tail: Arc<Tail>,
    head: watch::Receiver<u64>,
}

enum Request {
    Append(Append, oneshot::Sender<Result<Appended, LogError>>),
    Commit(String, u64, oneshot::Sender<Result<(), LogError>>),
}

fn failed(path: &Path, error: &rusqlite::Error) -> LogError {
    let advice = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => "; make room on its disk",
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            "; move the file away to begin a new log, or bring a copy back"
        }
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) => {
            "; check the folder's permissions"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy) => "; another hub uses it",
        _ => "",
    };
    LogError { path: path.display().to_string(), problem: format!("{error}{advice}") }
}

impl Sqlite {
    /// Opens or makes the log in a file. Only one hub may use it.
    pub fn open(path: &Path, bytes_max: u64) -> Result<Self, LogError> {
        let error = |error: rusqlite::Error| failed(path, &error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|cause| LogError {
                path: path.display().to_string(),
                problem: format!("the folder can't be made: {cause}"),
            })?;
        }
        let mut connection = Connection::open(path).map_err(error)?;
        prepare(&mut connection).map_err(error)?;
        let version: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(error)?;
        if version != SCHEMA_VERSION {
            let problem = format!("it has version {version}, and this hub writes version {SCHEMA_VERSION}");
            return Err(LogError { path: path.display().to_string(), problem });
        }
        let sql = "SELECT MAX(COALESCE((SELECT MAX(position) FROM alerts), 0), COALESCE((SELECT MAX(position) FROM cursors), 0))";
        let last: i64 = connection.query_row(sql, [], |row| row.get(0)).map_err(error)?;
        let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(error)?;
        reader.busy_timeout(BUSY).map_err(error)?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let (head, watched) = watch::channel(last.cast_unsigned());
        let tail = Arc::new(Tail::default());
        let writer = Writer {
            path: path.to_owned(),
            connection,
            tail: Arc::clone(&tail),
            head,
            last: last.cast_unsigned(),
            bytes_max,
            groups: 0,
        };
        std::thread::Builder::new().name("cadge-log".to_owned()).spawn(move || writer.run(queue)).map_err(
            |cause| LogError {
                path: path.display().to_string(),
                problem: format!("its thread can't be started: {cause}"),
            },
        )?;
        Ok(Self {
            path: path.to_owned(),
            requests,
            reader: Arc::new(Mutex::new(reader)),
            tail,
            head: watched,
        })
    }

    fn closed(&self) -> LogError {
        LogError { path: self.path.display().to_string(), problem: "it is closed".to_owned() }
    }

    /// Runs a query where waiting for the disk harms nobody.
    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let reader = Arc::clone(&self.reader);
        let run = move || query(&reader.lock().unwrap_or_else(PoisonError::into_inner));
        let outcome = tokio::task::spawn_blocking(run).await.map_err(|_| self.closed())?;
        outcome.map_err(|error| failed(&self.path, &error))
    }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // 4 MiB of log before it is folded into the file: fewer, larger writes.
    connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let tables: i64 = transaction.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

impl Log for Sqlite {
    fn append(&self, batch: Append) -> BoxFuture<'_, Result<Durable, LogError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.requests.send(Request::Append(batch, reply)).await.map_err(|_| self.closed())?;
            Ok(answer)
        })
    }

    fn high_water<'a>(&'a self, sensor: &'a str, epoch: u64) -> BoxFuture<'a, Result<u64, LogError>> {
        let sensor = sensor.to_owned();
        Box::pin(self.query(move |connection| {
            let sql = "SELECT sequence FROM high_water WHERE sensor = (SELECT id FROM sensors WHERE name = ?) AND epoch = ?";
            let found = connection.query_row(sql, params![sensor, epoch.cast_signed()], |row| row.get::<_, i64>(0));
            Ok(found.optional()?.unwrap_or(0).cast_unsigned())
        }))
    }

    fn read(&self, after: u64, count: usize, bytes: usize) -> BoxFuture<'_, Result<Vec<Entry>, LogError>> {
        Box::pin(async move {
            if *self.head.borrow() <= after {
                return Ok(Vec::new());
            }
            if let Some(entries) = self.tail.read(after, count, bytes) {
                return Ok(entries);
            }
            self.query(move |connection| {
                let sql = "SELECT position, alert FROM alerts WHERE position > ? ORDER BY position LIMIT ?";
                let mut statement = connection.prepare_cached(sql)?;
                let count_max = i64::try_from(count).unwrap_or(i64::MAX);
                let rows = statement.query_map(params![after.cast_signed(), count_max], |row| {
                    let alert: Vec<u8> = row.get(1)?;
                    Ok(Entry { position: row.get::<_, i64>(0)?.cast_unsigned(), alert: RawAlert::new(alert) })
                })?;
                let mut error = None;
                let entries = bounded(
                    rows.map_while(|row| row.map_err(|cause| error = Some(cause)).ok()),
                    count,
                    bytes,
                );
                error.map_or(Ok(entries), Err)
            })
            .await
        })
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }

    fn cursor<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<u64>, LogError>> {
        let name = name.to_owned();
        Box::pin(self.query(move |connection| {
            let sql = "SELECT position FROM cursors WHERE name = ?";
            let found = connection.query_row(sql, [name], |row| row.get::<_, i64>(0)).optional()?;
            Ok(found.map(i64::cast_unsigned))
        }))
    }

    fn commit<'a>(&'a self, name: &'a str, position: u64) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let request = Request::Commit(name.to_owned(), position, reply);
            self.requests.send(request).await.map_err(|_| self.closed())?;
            answer.await.map_err(|_| self.closed())?
        })
    }
}

/// The thread that writes.
struct Writer {
    path: PathBuf,
    connection: Connection,
    tail: Arc<Tail>,
    head: watch::Sender<u64>,
    last: u64,
    bytes_max: u64,
    groups: u64,
}

impl Writer {
    /// Runs until nobody can ask any more.
    fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.blocking_recv() {
            let mut group = vec![first];
            let mut alerts = 0;
            while alerts < GROUP_ALERTS_MAX
                && let Ok(request) = queue.try_recv()
            {
                if let Request::Append(batch, _) = &request {
                    alerts += batch.alerts.len();
                }
                group.push(request);
            }
            self.write(group);
            self.groups += 1;
            if self.groups % RETENTION_GROUPS == 1
                && let Err(error) = self.retain()
            {
                tracing::error!(error = %failed(&self.path, &error), "old alerts can't be deleted");
            }
        }
    }

    /// Writes all of a group, or nothing of it, and answers.
    fn write(&mut self, group: Vec<Request>) {
        let before = self.last;
        let mut entries = Vec::new();
        match self.transact(&group, &mut entries) {
            Ok(answers) => {
                self.tail.push(entries.into_iter());
                self.head.send_if_modified(|head| std::mem::replace(head, self.last) != self.last);
                let mut answers = answers.into_iter();
                for request in group {
                    match request {
                        // Nobody waits any more if the connection has ended: the alerts are here all the same.
                        Request::Append(_, reply) => drop(reply.send(Ok(answers.next().unwrap_or_default()))),
                        Request::Commit(_, _, reply) => drop(reply.send(Ok(()))),
                    }
                }
            }
            Err(error) => {
                self.last = before;
                let error = failed(&self.path, &error);
                tracing::error!(%error, "alerts can't be written: nothing is acknowledged");
                for request in group {
                    match request {
                        Request::Append(_, reply) => drop(reply.send(Err(error.clone()))),
                        Request::Commit(_, _, reply) => drop(reply.send(Err(error.clone()))),
                    }
                }
            }
        }
    }

    fn transact(&mut self, group: &[Request], entries: &mut Vec<Entry>) -> rusqlite::Result<Vec<Appended>> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut answers = Vec::new();
        for request in group {
            match request {
                Request::Append(batch, _) => {
                    answers.push(append(&transaction, batch, &mut self.last, entries)?);
                }
                Request::Commit(name, position, _) => {
                    let sql = "INSERT INTO cursors VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position";
                    transaction.prepare_cached(sql)?.execute(params![name, position.cast_signed()])?;
                }
            }
        }
        transaction.commit()?;
        Ok(answers)
    }

    /// Deletes the oldest alerts while there are too many bytes.
    fn retain(&mut self) -> rusqlite::Result<()> {
        let pragma =
            |name: &str| self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let used = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
        if used.cast_unsigned() <= self.bytes_max {
            return Ok(());
        }
        let sql = "SELECT COALESCE(MIN(position), 0) FROM alerts";
        let first = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.cast_unsigned();
        let end = first + (self.last.saturating_sub(first) / RETENTION_PART).max(1);
        let deleted =
            self.connection.execute("DELETE FROM alerts WHERE position < ?", [end.cast_signed()])?;
        tracing::warn!(deleted, "the log is full: the oldest alerts were deleted");
        Ok(())
    }
}

fn append(
    transaction: &Transaction<'_>,
    batch: &Append,
    last: &mut u64,
    entries: &mut Vec<Entry>,
) -> rusqlite::Result<Appended> {
    let epoch = batch.epoch.cast_signed();
    let add =
        "INSERT INTO sensors (name) VALUES (?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id";
    let sensor: i64 = transaction.prepare_cached(add)?.query_row([&batch.sensor], |row| row.get(0))?;
    let sql = "SELECT sequence FROM high_water WHERE sensor = ? AND epoch = ?";
    let known: Option<i64> =
        transaction.prepare_cached(sql)?.query_row(params![sensor, epoch], |row| row.get(0)).optional()?;
    let high_water = known.unwrap_or(0).cast_unsigned();
    let received = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let received = i64::try_from(received).unwrap_or(i64::MAX);
    let mut statement = transaction.prepare_cached("INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?)")?;
    let mut outcome = Appended { high_water, ..Appended::default() };
    for (sequence, alert) in &batch.alerts {
        if *sequence <= outcome.high_water {
            outcome.duplicates += 1;
            continue;
        }
        *last += 1;
        let bytes: &[u8] = alert.as_bytes();
        statement.execute(params![
            last.cast_signed(),
            sensor,
            epoch,
            sequence.cast_signed(),
            received,
            bytes
        ])?;
        // What a sensor had before the log knew it is not missing.
        if outcome.high_water > 0 {
            outcome.missing += sequence - outcome.high_water - 1;
        }
        outcome.high_water = *sequence;
        entries.push(Entry { position: *last, alert: alert.clone() });
    }
    outcome.high_water = outcome.high_water.max(batch.last);
    if outcome.high_water > high_water {
        let sql =
            "INSERT INTO high_water VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence";
        transaction.prepare_cached(sql)?.execute(params![sensor, epoch, outcome.high_water.cast_signed()])?;
    }
    Ok(outcome)
}
