//! The index's file: its tables, and whether what is there can be used.
//!
//! Nothing in it is precious: what is missing, damaged or of another version is made anew from the log.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::dimensions::DIMENSIONS;

/// Grows when the meaning of the tables changes. Dimensions are compared by themselves.
const VERSION: i64 = 1;

/// SQLite's memory for the file, in KiB, in each connection.
const CACHE_KIB: i64 = 8192;

/// `alerts` has a row for each alert, with a term's number in each dimension, 0 where it has none.
/// `postings` is the inverted index: a term's alerts in the order of their positions. `minutes` says
/// between which positions the alerts of a minute lie, whatever else is between them. `counts` is kept
/// ready for graphs, by minute and by hour (`unit`, in seconds; `slot` is when it begins).
fn tables() -> String {
    let columns = |of: &mut dyn Iterator<Item = &str>| {
        of.map(|name| format!("\"{name}\" INTEGER NOT NULL")).collect::<Vec<_>>().join(", ")
    };
    let all = columns(&mut DIMENSIONS.iter().map(|dimension| dimension.name));
    let counted = columns(&mut counted());
    let key = counted_list();
    format!(
        "
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), cursor INTEGER NOT NULL, last BLOB NOT NULL);
INSERT INTO state VALUES (1, 0, x'');
CREATE TABLE terms (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL,
    alerts INTEGER NOT NULL, UNIQUE (kind, text));
CREATE TABLE alerts (position INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, {all});
CREATE TABLE postings (term INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (term, position)) WITHOUT ROWID;
CREATE TABLE minutes (minute INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
    alerts INTEGER NOT NULL);
CREATE TABLE counts (unit INTEGER NOT NULL, slot INTEGER NOT NULL, {counted}, alerts INTEGER NOT NULL,
    PRIMARY KEY (unit, slot, {key})) WITHOUT ROWID;
"
    )
}

fn counted() -> impl Iterator<Item = &'static str> {
    DIMENSIONS.iter().filter(|dimension| dimension.is_counted).map(|dimension| dimension.name)
}

/// The columns of the counts' dimensions.
pub(super) fn counted_list() -> String {
    counted().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// The columns of all dimensions.
pub(super) fn all_list() -> String {
    DIMENSIONS.iter().map(|dimension| format!("\"{}\"", dimension.name)).collect::<Vec<_>>().join(", ")
}

/// Opens the file for the writer, or makes a new one if it can't be used.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    match open_there(path) {
        Ok(Some(connection)) => return Ok(connection),
        Ok(None) => {}
        Err(error) if is_damage(&error) => {
            tracing::warn!(path = %path.display(), %error, "the history's file is damaged");
        }
        Err(error) => return Err(error),
    }
    open_new(path)
}

/// Makes the file, whatever was there.
pub(super) fn open_new(path: &Path) -> rusqlite::Result<Connection> {
    remove(path)?;
    if let Some(folder) = path.parent() {
        // Where that fails the next line says so.
        let _ = std::fs::create_dir_all(folder);
    }
    let connection = connect(path)?;
    make(&connection)?;
    Ok(connection)
}

/// Opens what is there, if its tables are today's.
fn open_there(path: &Path) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect(path)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let is_todays = version == VERSION && dump(&connection)? == dump(&made_in_memory()?)?;
    Ok(is_todays.then_some(connection))
}

fn dump(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT COALESCE(sql, name) FROM sqlite_schema ORDER BY name")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Makes the tables.
fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("BEGIN; {} PRAGMA user_version = {VERSION}; COMMIT;", tables()))
}

/// An empty index that nothing keeps.
pub(super) fn made_in_memory() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    make(&connection)?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // After a power cut the last moments are missing, and are indexed again.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the file for questions.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// Whether a new file helps.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn remove(path: &Path) -> rusqlite::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                // The only error type of this module: SQLite would meet the same one.
                tracing::warn!(path = %Path::new(&name).display(), %error, "the history's file can't be removed");
                return Err(rusqlite::Error::InvalidPath(name.into()));
            }
            _ => {}
        }
    }
    Ok(())
}
