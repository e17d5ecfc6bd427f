//! Opens the file: locked, recognised, looked at, with today's tables.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::LogError;
use super::schema::{self, SchemaError};
use super::settings::SqliteSettings;
use super::{check, failed, problem};

/// Reading by someone else may hold a connection up for so long.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// A hub that is just stopping may keep the file for so long.
const LEAVING: Duration = Duration::from_secs(3);

/// Few enough pages for an alert or ten in each: half the pages of SQLite's own 4 KiB to link.
const PAGE_BYTES: u32 = 8192;

/// A file that is ready to be written to.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// The last position that was ever given.
    pub(super) last: u64,
    /// Held for as long as the file is used.
    pub(super) lock: File,
}

/// Opens or makes the file.
pub(super) fn open(settings: &SqliteSettings) -> Result<Opened, LogError> {
    let path = &*settings.path;
    let error = |error: rusqlite::Error| failed(path, &error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|cause| problem(path, format!("the folder can't be made: {cause}")))?;
    }
    let lock = lock(path)?;
    let mut connection = Connection::open(path).map_err(error)?;
    connection.busy_timeout(BUSY).map_err(error)?;
    let refused = |error| match error {
        SchemaError::Sqlite(error) => failed(path, &error),
        SchemaError::Newer(_) | SchemaError::Foreign => problem(path, error.to_string()),
    };
    // Nothing is written before it is known whose file it is.
    let is_new = schema::recognise(&connection).map_err(refused)?;
    prepare(&connection, is_new, settings).map_err(error)?;
    if !is_new {
        connection = check::run(connection, path, settings.check)?;
    }
    schema::migrate(&mut connection).map_err(refused)?;
    let last = last(&connection).map_err(error)?;
    Ok(Opened { connection, last, lock })
}

/// The last position outlives the alert that had it, and no cursor may stand ahead of it.
fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT MAX(COALESCE((SELECT MAX(position) FROM alerts), 0), \
               COALESCE((SELECT MAX(position) FROM cursors), 0), COALESCE((SELECT MAX(position) FROM deleted), 0))";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

fn prepare(connection: &Connection, is_new: bool, settings: &SqliteSettings) -> rusqlite::Result<()> {
    if is_new {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        // Pages that are free at the end of the file can be given back when `bytes_max` is lowered.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // See `wal.rs`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", settings.slice().cast_signed())
}

/// Takes the lock beside the file, and notes in it who has it. SQLite's own locks let many write.
fn lock(path: &Path) -> Result<File, LogError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let failed = |cause| problem(path, format!("its lock {} can't be made: {cause}", beside.display()));
    let mut file =
        File::options().create(true).truncate(false).read(true).write(true).open(&beside).map_err(failed)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if start.elapsed() < LEAVING => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = (&mut file).take(32).read_to_string(&mut owner);
                let text = format!(
                    "another hub uses it (process {}); stop that one, or give this one another `log.path`",
                    owner.trim()
                );
                return Err(problem(path, text));
            }
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
    // On a full disk the note can't be written. The lock holds without it.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}
