//! Files that are damaged, torn, or somebody else's.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::super::super::Log;
use super::super::{Sqlite, SqliteSettings};
use super::{append, batch, beside, open, positions, refusal, settings, size};
use crate::config::LogCheck;

/// A log with alerts that is all in one file.
async fn filled(path: &Path, alerts: u64) {
    let log = open(path);
    append(&log, batch(1..=alerts, 500)).await.unwrap();
    drop(log);
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

fn overwrite(path: &Path, at: u64, with: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(with).unwrap();
}

#[test]
fn a_text_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    fs::write(&path, "this is a text, and no database at all, whatever its name says".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(error.contains("not a database") && error.contains("move the file away"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_database_of_something_else_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE alerts (id INTEGER, text TEXT); INSERT INTO alerts VALUES (1, 'x')")
        .unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(error.contains("the database of something else") && error.contains("log.path"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_lost_its_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    filled(&path, 2000).await;
    let half = size(&path) / 2 / 8192 * 8192;
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(half).unwrap();
    let error = refusal(&path);
    assert!(error.contains("malformed") && error.contains("put a backup in its place"), "{error}");
    assert_eq!(size(&path), half, "it is left alone");
}

#[tokio::test]
async fn pages_of_garbage_are_found_by_the_quick_check() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    filled(&path, 20_000).await;
    // A tenth of the file, in its middle.
    let middle = size(&path) / 2 / 8192 * 8192;
    let garbage = vec![0xa5; usize::try_from(size(&path) / 10).unwrap()];
    overwrite(&path, middle, &garbage);
    let error = refusal(&path);
    assert!(error.contains("malformed") && error.contains("move the file away"), "{error}");
}

#[tokio::test]
async fn one_bad_page_is_found_by_the_full_check() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    filled(&path, 100_000).await;
    let page = size(&path) / 3 / 8192 * 8192;
    overwrite(&path, page, &[0xa5; 8192]);
    let full = SqliteSettings { check: LogCheck::Full, ..settings(&path) };
    let error = Sqlite::open(&full).unwrap_err().to_string();
    assert!(error.contains("it is damaged: ") && error.contains("put a backup"), "{error}");
    // Whoever wants what is left can have it.
    let none = SqliteSettings { check: LogCheck::None, ..settings(&path) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&none).unwrap());
    assert!(log.read(0, 10, usize::MAX).await.unwrap().len() == 10);
}

/// The files of a hub that was killed: nothing was folded in, nothing closed.
fn killed(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        fs::copy(beside(from, suffix), beside(to, suffix)).unwrap();
    }
}

#[tokio::test]
async fn what_is_torn_behind_the_last_commit_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let log = open(&path);
    for first in [1, 101, 201] {
        append(&log, batch(first..=first + 99, 700)).await.unwrap();
    }
    let acknowledged = size(&beside(&path, "-wal"));
    let garbage = |length: usize| (0..=250u8).rev().cycle().take(length).collect::<Vec<_>>();
    for (number, torn) in
        [garbage(10), garbage(8192 + 24), garbage(100_000), vec![0; 50_000]].iter().enumerate()
    {
        let copy = dir.path().join(format!("torn-{number}.db"));
        killed(&path, &copy);
        overwrite(&beside(&copy, "-wal"), acknowledged, torn);
        let log = open(&copy);
        assert_eq!(positions(&log).await.len(), 300, "{} bytes", torn.len());
        append(&log, batch(301..=301, 700)).await.unwrap();
        drop(log);
        assert_eq!(positions(&open(&copy)).await.len(), 301);
    }
    // A group of which only a part was written, as its frames were.
    append(&log, batch(301..=400, 700)).await.unwrap();
    let written = size(&beside(&path, "-wal"));
    for cut in [acknowledged + 1, acknowledged.midpoint(written), written - 1] {
        let copy = dir.path().join(format!("cut-{cut}.db"));
        killed(&path, &copy);
        fs::OpenOptions::new().write(true).open(beside(&copy, "-wal")).unwrap().set_len(cut).unwrap();
        let log = open(&copy);
        assert_eq!(positions(&log).await.len(), 300, "cut at {cut} of {written}");
        assert_eq!(log.high_water("a", 1).await.unwrap(), 300);
        assert_eq!(append(&log, batch(301..=400, 700)).await.unwrap().high_water, 400);
    }
}
