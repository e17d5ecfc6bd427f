//! The log in one SQLite file, which `sqlite3` can query. One thread writes: see `writer.rs`.

mod schema;
mod append;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cadge_proto::raw::RawAlert;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::tail::{Tail, bounded};
use super::{Append, Claim, Durable, Entry, Log, LogError, LogStatus};
use schema::SchemaError;
use writer::{Request, Writer};

/// Requests that wait for the writer. A full queue makes sensors wait, not the hub grow.
const QUEUE: usize = 256;

/// Reading by someone else may hold the writer up for so long.
const BUSY: Duration = Duration::from_secs(10);

/// How to keep it.
#[derive(Clone, Debug)]
pub struct SqliteSettings {
    /// The file.
    pub path: PathBuf,
    /// Bytes in all. Past that the oldest alerts go.
    pub bytes_max: u64,
}

/// The log.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    requests: mpsc::Sender<Request>,
    reader: Arc<Mutex<Connection>>,
    tail: Arc<Tail>,
    head: watch::Receiver<u64>,
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
    pub fn open(settings: &SqliteSettings) -> Result<Self, LogError> {
        let path = &*settings.path;
        let error = |error: rusqlite::Error| failed(path, &error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|cause| LogError {
                path: path.display().to_string(),
                problem: format!("the folder can't be made: {cause}"),
            })?;
        }
        let mut connection = Connection::open(path).map_err(error)?;
        prepare(&connection).map_err(error)?;
        schema::migrate(&mut connection).map_err(|error| match error {
            SchemaError::Sqlite(error) => failed(path, &error),
            SchemaError::Newer(_) => {
                LogError { path: path.display().to_string(), problem: error.to_string() }
            }
        })?;
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
            bytes_max: settings.bytes_max,
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

    /// Has the writer do something.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Request,
    ) -> Result<T, LogError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| self.closed())?;
        answer.await.map_err(|_| self.closed())?
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

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // 4 MiB of log before it is folded into the file: fewer, larger writes.
    connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
    Ok(())
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

    fn position_at(&self, time_ns: i64) -> BoxFuture<'_, Result<u64, LogError>> {
        Box::pin(self.query(move |connection| {
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
        Box::pin(self.query(|connection| {
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

    fn status(&self) -> BoxFuture<'_, Result<LogStatus, LogError>> {
        let (path, head) = (self.path.display().to_string(), *self.head.borrow());
        Box::pin(self.query(move |connection| {
            let first: Option<i64> =
                connection.query_row("SELECT MIN(position) FROM alerts", [], |row| row.get(0))?;
            let pragma =
                |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            let bytes = (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?;
            let first = first.map_or(head + 1, i64::cast_unsigned);
            Ok(LogStatus { kind: "sqlite", path, first, head, bytes: bytes.cast_unsigned() })
        }))
    }
}
