//! The tables, and how older ones become those of today.

use rusqlite::{Connection, TransactionBehavior};

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
];

/// What stands in the file's way.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("a newer hub has made it (version {0}, and this hub knows {known}); use that one", known = MIGRATIONS.len())]
    Newer(i64),
}

/// Makes the tables, or brings older ones up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Some(missing) = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..)) else {
        return Err(SchemaError::Newer(version));
    };
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", newest)?;
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
    fn what_a_newer_hub_has_made_is_left_alone() {
        let mut newer = Connection::open_in_memory().unwrap();
        newer.pragma_update(None, "user_version", 1000).unwrap();
        assert!(migrate(&mut newer).unwrap_err().to_string().contains("newer hub"));
        assert_eq!(dump(&newer), Vec::<String>::new());
    }
}
