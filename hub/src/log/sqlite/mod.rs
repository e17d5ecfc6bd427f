//! The log in one SQLite file, which `sqlite3` can query. One thread writes: see `writer.rs`.

mod settings;
mod schema;
mod check;
mod open;
mod append;
mod retention;
mod wal;
mod writer;
mod readers;
mod backup;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cadge_proto::raw::RawAlert;
use futures_util::future::BoxFuture;
use prometheus::IntCounterVec;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::tail::{Tail, bounded};
use super::{Append, BackedUp, Claim, Durable, Entry, Log, LogError, LogStatus};
use backup::Bound;
use readers::Readers;
use retention::Retention;
pub use settings::SqliteSettings;
use wal::Wal;
use writer::{Bounds, Pace, Request, Writer};

/// Requests that wait for the writer. A full queue makes sensors wait, not the hub grow.
const QUEUE: usize = 256;

/// KiB of alerts that wait for the writer: a full queue of large batches would be too much.
const QUEUE_KIB: u32 = 64 << 10;

/// The log.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
    backup_wal_bytes_max: u64,
    bounds: Option<IntCounterVec>,
    readers: Readers,
    tail: Arc<Tail>,
    head: watch::Receiver<u64>,
    /// Behind `requests`: the thread ends when those are closed.
    _thread: Joined,
}

/// A thread whose end is waited for: what was asked for is done, and the file is closed.
#[derive(Debug)]
struct Joined(Option<std::thread::JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(Err(_)) = self.0.take().map(std::thread::JoinHandle::join) {
            tracing::error!("the log's thread has failed");
        }
    }
}

fn problem(path: &Path, problem: String) -> LogError {
    LogError { path: path.display().to_string(), problem }
}

/// A number that SQLite knows of a file.
fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached(&format!("PRAGMA {name}"))?.query_row([], |row| row.get(0))
}

/// Counts that a bound was met.
fn met(bounds: Option<&IntCounterVec>, bound: &str) {
    if let Some(bounds) = bounds {
        bounds.with_label_values(&[bound]).inc();
    }
}

fn failed(path: &Path, error: &rusqlite::Error) -> LogError {
    let advice = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => "; make room on its disk",
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            "; move the file away to begin a new log, or put a backup in its place"
        }
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) => {
            "; check the folder's permissions"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy) => "; another process keeps it locked: end that one",
        _ => "",
    };
    problem(path, format!("{error}{advice}"))
}

impl Sqlite {
    /// Opens or makes the log in a file. Only one hub may use it.
    pub fn open(settings: &SqliteSettings) -> Result<Self, LogError> {
        let path = &*settings.path;
        let opened = open::open(settings)?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let (head, watched) = watch::channel(opened.last);
        let tail = Arc::new(Tail::default());
        let writer = Writer {
            path: path.to_owned(),
            connection: opened.connection,
            tail: Arc::clone(&tail),
            head,
            last: opened.last,
            bounds: Bounds {
                alerts_max: settings.group_alerts_max,
                bytes_max: usize::try_from(settings.slice()).unwrap_or(usize::MAX),
                wait: settings.group_wait,
            },
            pace: Pace::default(),
            retention: Retention::new(settings),
            wal: Wal::new(settings),
            _lock: opened.lock,
        };
        let unstarted = |cause| problem(path, format!("its thread can't be started: {cause}"));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(unstarted)?;
        let run = move || writer.run(&runtime, queue);
        let thread =
            std::thread::Builder::new().name("cadge-log".to_owned()).spawn(run).map_err(unstarted)?;
        Ok(Self {
            path: path.to_owned(),
            requests,
            backup_wal_bytes_max: settings.backup_wal_bytes_max(),
            bounds: settings.bounds.clone(),
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            readers: Readers::new(path.to_owned()),
            tail,
            head: watched,
            _thread: Joined(Some(thread)),
        })
    }

    fn closed(&self) -> LogError {
        problem(&self.path, "it is closed".to_owned())
    }

    /// Has the writer do something.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Request,
    ) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(request(reply)).await?;
        answer.await.map_err(|_| self.closed())?
    }

    async fn enqueue(&self, request: Request) -> Result<(), LogError> {
        match self.requests.try_send(request) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(self.closed()),
            Err(TrySendError::Full(request)) => {
                met(self.bounds.as_ref(), "queue");
                self.requests.send(request).await.map_err(|_| self.closed())
            }
        }
    }

    /// Room for so many KiB of alerts.
    async fn room(&self, kib: u32) -> Result<OwnedSemaphorePermit, LogError> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(kib) {
            return Ok(room);
        }
        met(self.bounds.as_ref(), "queue");
        Arc::clone(&self.room).acquire_many_owned(kib).await.map_err(|_| self.closed())
    }
}

impl Log for Sqlite {
    fn append(&self, batch: Append) -> BoxFuture<'_, Result<Durable, LogError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let kib = u32::try_from(batch.bytes() / 1024 + 1).unwrap_or(QUEUE_KIB).min(QUEUE_KIB);
            let room = self.room(kib).await?;
            self.enqueue(Request::Append(batch, reply, room)).await?;
            Ok(answer)
        })
    }

    fn high_water<'a>(&'a self, sensor: &'a str, epoch: u64) -> BoxFuture<'a, Result<u64, LogError>> {
        let sensor = sensor.to_owned();
        Box::pin(self.readers.query(move |connection| {
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
            self.readers
                .query(move |connection| {
                    let sql =
                        "SELECT position, alert FROM alerts WHERE position > ? ORDER BY position LIMIT ?";
                    let mut statement = connection.prepare_cached(sql)?;
                    let count_max = i64::try_from(count).unwrap_or(i64::MAX);
                    let rows = statement.query_map(params![after.cast_signed(), count_max], |row| {
                        let alert: Vec<u8> = row.get(1)?;
                        Ok(Entry {
                            position: row.get::<_, i64>(0)?.cast_unsigned(),
                            alert: RawAlert::new(alert),
                        })
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
        Box::pin(self.readers.query(move |connection| {
            let sql = "SELECT position FROM cursors WHERE name = ?";
            let found = connection.query_row(sql, [name], |row| row.get::<_, i64>(0)).optional()?;
            Ok(found.map(i64::cast_unsigned))
        }))
    }

    fn position_at(&self, time_ns: i64) -> BoxFuture<'_, Result<u64, LogError>> {
        Box::pin(self.readers.query(move |connection| {
            let bound = |sql| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
            let Some(mut low) = bound("SELECT MIN(position) FROM alerts")? else { return Ok(0) };
            let mut high = bound("SELECT MAX(position) FROM alerts")?.unwrap_or(low) + 1;
            // Alerts are received in the order of their positions. The answer is in low..=high.
            let sql =
                "SELECT position, received_ns FROM alerts WHERE position >= ? ORDER BY position LIMIT 1";
            let mut statement = connection.prepare_cached(sql)?;
            while low < high {
                let middle = low + (high - low) / 2;
                let (position, received): (i64, i64) =
                    statement.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))?;
                if received < time_ns { low = position + 1 } else { high = middle }
            }
            Ok(low.cast_unsigned() - 1)
        }))
    }

    fn commit<'a>(&'a self, name: &'a str, position: u64) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(self.ask(move |reply| Request::Commit(name.to_owned(), position, reply)))
    }

    fn cursors(&self) -> BoxFuture<'_, Result<Vec<(String, u64)>, LogError>> {
        Box::pin(self.readers.query(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, position FROM cursors ORDER BY name")?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
            rows.collect()
        }))
    }

    fn forget<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, LogError>> {
        Box::pin(self.ask(move |reply| Request::Forget(name.to_owned(), reply)))
    }

    fn claim<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Claim, LogError>> {
        // The file has one hub.
        Box::pin(async { Ok(Claim { lost: CancellationToken::new(), held: Box::new(()) }) })
    }

    fn backup<'a>(
        &'a self,
        to: &'a Path,
        progress: mpsc::Sender<BackedUp>,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        let (log, to, closed) = (self.path.clone(), to.to_owned(), self.closed());
        let (bounds, wal_bytes_max) = (self.bounds.clone(), self.backup_wal_bytes_max);
        let run = move || {
            let bound = Bound { bytes: wal_bytes_max, met: bounds };
            backup::run(&log, &to, &bound, |copied| progress.blocking_send(copied).is_ok())
        };
        Box::pin(async move { tokio::task::spawn_blocking(run).await.map_err(|_| closed)? })
    }

    fn status(&self) -> BoxFuture<'_, Result<LogStatus, LogError>> {
        let (path, head) = (self.path.display().to_string(), *self.head.borrow());
        Box::pin(self.readers.query(move |connection| {
            let first: Option<i64> =
                connection.query_row("SELECT MIN(position) FROM alerts", [], |row| row.get(0))?;
            let bytes = retention::used(connection)?;
            let first = first.map_or(head + 1, i64::cast_unsigned);
            Ok(LogStatus { kind: "sqlite", path, first, head, bytes })
        }))
    }
}
