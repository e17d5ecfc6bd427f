//! The tables, and how older ones become those of today.

use rusqlite::{Connection, TransactionBehavior};

use super::pragma;

/// Each entry makes the tables of one version out of those of the version before. What has landed is
/// never changed: a file somewhere was made by it.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE alerts (position INTEGER PRIMARY KEY, sensor INTEGER NOT NULL, epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL, received_ns INTEGER NOT NULL, alert BLOB NOT NULL);
CREATE TABLE sensors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE high_water (sensor INTEGER NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (sensor, epoch)) WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
",
    // Alerts without an order are known by their identity. Those of sensors pay nothing for it.
    "CREATE UNIQUE INDEX identities ON alerts (sensor, sequence) WHERE epoch = 0;",
    // The last position of an alert that was deleted. Its one row outlives every alert.
    "CREATE TABLE deleted (position INTEGER NOT NULL); INSERT INTO deleted VALUES (0);",
];

/// Says in the file's header whose it is: `Cadg`.
const APPLICATION: i64 = 0x4361_6467;

/// The first version that says so.
const MARKED: i64 = 3;

/// What stands in the file's way.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("a newer hub has made it (version {0}, and this hub knows {known}); use that one", known = MIGRATIONS.len())]
    Newer(i64),
    #[error("it is the database of something else; give the log another `log.path`")]
    Foreign,
}

/// Whether the file is a new one. Writes nothing.
pub(super) fn recognise(connection: &Connection) -> Result<bool, SchemaError> {
    let (application, version) = (pragma(connection, "application_id")?, pragma(connection, "user_version")?);
    let tables: i64 =
        connection
            .query_row("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))?;
    match (application, version, tables) {
        (0, 0, 0) => Ok(true),
        (APPLICATION, _, _) => Ok(false),
        (0, 1..MARKED, _) => {
            let ours = "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('alerts', 'sensors', 'high_water', 'cursors')";
            let known: i64 = connection.query_row(ours, [], |row| row.get(0))?;
            if known == 4 { Ok(false) } else { Err(SchemaError::Foreign) }
        }
        _ => Err(SchemaError::Foreign),
    }
}

/// Makes the tables, or brings older ones up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = pragma(&transaction, "user_version")?;
    let Some(missing) = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..)) else {
        return Err(SchemaError::Newer(version));
    };
    if missing.is_empty() {
        // Nothing is written, so that a hub starts on a full disk too.
        return Ok(());
    }
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", newest)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(connection: &Connection) -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT COALESCE(sql, name) FROM sqlite_schema ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_older_version_becomes_todays() {
        let mut today = Connection::open_in_memory().unwrap();
        migrate(&mut today).unwrap();
        for version in 0..=MIGRATIONS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            for migration in &MIGRATIONS[..version] {
                old.execute_batch(migration).unwrap();
            }
            old.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
            migrate(&mut old).unwrap();
            assert_eq!(dump(&old), dump(&today), "from version {version}");
        }
    }

    #[test]
    fn only_a_log_is_recognised() {
        let mut log = Connection::open_in_memory().unwrap();
        assert!(recognise(&log).unwrap());
        log.execute_batch(MIGRATIONS[0]).unwrap();
        log.pragma_update(None, "user_version", 1).unwrap();
        assert!(!recognise(&log).unwrap(), "one from before there was a mark");
        migrate(&mut log).unwrap();
        assert!(!recognise(&log).unwrap());
        let other = Connection::open_in_memory().unwrap();
        other.execute_batch("CREATE TABLE alerts (x); PRAGMA user_version = 1").unwrap();
        assert!(matches!(recognise(&other), Err(SchemaError::Foreign)));
        other.pragma_update(None, "application_id", 7).unwrap();
        assert!(matches!(recognise(&other), Err(SchemaError::Foreign)));
    }

    #[test]
    fn a_file_of_today_is_left_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut today = Connection::open(file.path()).unwrap();
        migrate(&mut today).unwrap();
        let before = std::fs::read(file.path()).unwrap();
        migrate(&mut today).unwrap();
        // A write of anything would have counted up the file's change counter.
        assert!(std::fs::read(file.path()).unwrap() == before);
    }

    #[test]
    fn what_a_newer_hub_has_made_is_left_alone() {
        let mut newer = Connection::open_in_memory().unwrap();
        newer.pragma_update(None, "user_version", 1000).unwrap();
        assert!(migrate(&mut newer).unwrap_err().to_string().contains("newer hub"));
        assert_eq!(dump(&newer), Vec::<String>::new());
    }
}
