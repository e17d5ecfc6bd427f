//! Old alerts go, by bytes and by age, and nothing else changes.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntCounterVec, Opts};

use super::super::super::Log;
use super::super::{Sqlite, SqliteSettings};
use super::{PATIENCE, append, batch, beside, bounds, open, positions, settings, size};

fn counter() -> IntCounterVec {
    IntCounterVec::new(Opts::new("deleted", "by cause"), &["cause"]).unwrap()
}

fn deleted(counter: &IntCounterVec, cause: &str) -> u64 {
    counter.with_label_values(&[cause]).get()
}

#[tokio::test]
async fn the_files_stay_within_their_bound_and_the_newest_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let bytes_max = 16 << 20;
    let counter = counter();
    let settings = SqliteSettings { bytes_max, deleted: Some(counter.clone()), ..settings(&path) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    // Four times as much as there is room for.
    let mut largest = 0;
    for first in (1..=64_000).step_by(500) {
        append(&log, batch(first..=first + 499, 1000)).await.unwrap();
        largest = largest.max(size(&path) + size(&beside(&path, "-wal")));
    }
    assert!(largest <= bytes_max, "{largest}");
    let left = positions(&log).await;
    assert!(left.len() > 6000, "{}", left.len());
    assert_eq!(left, (64_001 - left.len() as u64..=64_000).collect::<Vec<_>>());
    assert_eq!(deleted(&counter, "bytes"), 64_000 - left.len() as u64);
    assert_eq!(log.status().await.unwrap().first, left[0]);
    assert_eq!(log.high_water("a", 1).await.unwrap(), 64_000);
    drop(log);
    // Less room: the file is given back too, in steps.
    let settings = SqliteSettings { bytes_max: bytes_max / 4, ..settings };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    for first in (64_001..=68_000).step_by(50) {
        append(&log, batch(first..=first + 49, 1000)).await.unwrap();
    }
    let bytes = size(&path) + size(&beside(&path, "-wal"));
    assert!(bytes <= bytes_max / 4, "{bytes}");
    assert_eq!(positions(&log).await.last(), Some(&68_000));
}

#[tokio::test]
async fn positions_go_on_when_every_alert_has_expired() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let log = open(&path);
    append(&log, batch(1..=100, 100)).await.unwrap();
    drop(log);
    let counter = counter();
    let age_max = Some(Duration::from_nanos(1));
    let expiring = SqliteSettings { age_max, deleted: Some(counter.clone()), ..settings(&path) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&expiring).unwrap());
    // Nothing comes in: the log looks by itself.
    let gone = async {
        while log.status().await.unwrap().first <= 100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(deleted(&counter, "age"), 100);
    assert!(positions(&log).await.is_empty());
    drop(log);
    let log = open(&path);
    assert_eq!(*log.head().borrow(), 100);
    append(&log, batch(101..=101, 100)).await.unwrap();
    assert_eq!(positions(&log).await, [101]);
}

#[tokio::test]
async fn younger_alerts_than_the_age_stay() {
    let dir = tempfile::tempdir().unwrap();
    let hour = Some(Duration::from_hours(1));
    let settings = SqliteSettings { age_max: hour, ..settings(&dir.path().join("log.db")) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    for sequence in 1..=20 {
        append(&log, batch(sequence..=sequence, 100)).await.unwrap();
    }
    assert_eq!(positions(&log).await.len(), 20);
}

#[tokio::test]
async fn who_reads_for_ever_cannot_fill_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let bounds = bounds();
    let settings = SqliteSettings { bytes_max: 8 << 20, bounds: Some(bounds.clone()), ..settings(&path) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    append(&log, batch(1..=100, 1000)).await.unwrap();
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM alerts").unwrap();
    let mut sequence = 101;
    let refused = loop {
        if let Err(error) = append(&log, batch(sequence..=sequence + 99, 1000)).await {
            break error.to_string();
        }
        sequence += 100;
        assert!(sequence < 50_000, "nothing was ever refused");
    };
    assert!(refused.contains("end that process"), "{refused}");
    assert_eq!(bounds.with_label_values(&["wal"]).get(), 1);
    assert!(size(&beside(&path, "-wal")) < 8 << 20);
    // Once it has ended, alerts go in again.
    reader.execute_batch("COMMIT").unwrap();
    append(&log, batch(sequence..=sequence + 99, 1000)).await.unwrap();
    assert_eq!(positions(&log).await.last(), Some(&(sequence + 99)));
    append(&log, batch(sequence + 100..=sequence + 199, 1000)).await.unwrap();
    assert!(size(&beside(&path, "-wal")) <= 4 << 20, "{}", size(&beside(&path, "-wal")));
}

#[tokio::test]
async fn the_journal_is_folded_in_while_others_read_all_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let settings = SqliteSettings { bytes_max: 64 << 20, ..settings(&path) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    append(&log, batch(1..=100, 1000)).await.unwrap();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                loop {
                    log.cursors().await.unwrap();
                }
            })
        })
        .collect();
    let mut largest = 0;
    for first in (101..40_000).step_by(500) {
        append(&log, batch(first..=first + 499, 1000)).await.unwrap();
        largest = largest.max(size(&beside(&path, "-wal")));
    }
    for reader in readers {
        reader.abort();
    }
    // Four megabytes are its bound; groups that come before it is emptied are above that.
    assert!(largest < 24 << 20, "{largest}");
}
