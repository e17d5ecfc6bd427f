//! What only a log in a file has to do.

mod backup;
mod damage;
mod disk;
mod retention;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cadge_proto::raw::RawAlert;
use prometheus::{IntCounterVec, Opts};

use super::super::{Append, Appended, Log, LogError};
use super::{Sqlite, SqliteSettings};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);

fn settings(path: &Path) -> SqliteSettings {
    SqliteSettings { path: path.to_owned(), ..SqliteSettings::default() }
}

fn bounds() -> IntCounterVec {
    IntCounterVec::new(Opts::new("bounds", "by bound"), &["bound"]).unwrap()
}

fn open(path: &Path) -> Arc<dyn Log> {
    Arc::new(Sqlite::open(&settings(path)).unwrap())
}

fn refusal(path: &Path) -> String {
    Sqlite::open(&settings(path)).unwrap_err().to_string()
}

/// Alerts of the sensor `a` with so many bytes each.
fn batch(sequences: std::ops::RangeInclusive<u64>, bytes: usize) -> Append {
    let (first, last) = (*sequences.start(), *sequences.end());
    let alert = |sequence: u64| {
        let mut alert = vec![b'.'; bytes];
        let number = sequence.to_string();
        alert[..number.len()].copy_from_slice(number.as_bytes());
        (sequence, RawAlert::new(alert))
    };
    Append {
        sensor: "a".to_owned(),
        epoch: 1,
        previous: 0,
        first,
        alerts: sequences.map(alert).collect(),
        last,
    }
}

async fn append(log: &Arc<dyn Log>, batch: Append) -> Result<Appended, LogError> {
    log.append(batch).await?.await.unwrap()
}

/// Every position that is there.
async fn positions(log: &Arc<dyn Log>) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    loop {
        let after = found.last().copied().unwrap_or(0);
        let entries = log.read(after, 10_000, usize::MAX).await.unwrap();
        if entries.is_empty() {
            return found;
        }
        found.extend(entries.iter().map(|entry| entry.position));
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[tokio::test]
async fn a_group_waits_for_others_no_longer_than_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let wait = Duration::from_millis(300);
    let settings =
        SqliteSettings { group_wait: wait, group_alerts_max: 10, ..settings(&dir.path().join("log.db")) };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    let start = std::time::Instant::now();
    append(&log, batch(1..=9, 100)).await.unwrap();
    assert!(start.elapsed() >= wait, "{:?}", start.elapsed());
    // A full one does not wait at all: two of them together would take longer than one.
    let settings = SqliteSettings { group_wait: PATIENCE * 2, ..settings };
    drop(log);
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    let full = append(&log, batch(10..=19, 100));
    assert_eq!(tokio::time::timeout(PATIENCE, full).await.unwrap().unwrap().high_water, 19);
}

#[tokio::test]
async fn a_file_has_one_hub() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let log = open(&path);
    let error = refusal(&path);
    let expected = format!("another hub uses it (process {})", std::process::id());
    assert!(error.contains(&expected) && error.contains("log.path"), "{error}");
    append(&log, batch(1..=1, 10)).await.unwrap();
    drop(log);
    assert_eq!(positions(&open(&path)).await, [1]);
}

#[tokio::test]
async fn what_waits_for_the_writer_is_bounded_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = bounds();
    let settings = SqliteSettings {
        group_wait: Duration::from_millis(300),
        bounds: Some(bounds.clone()),
        ..settings(&dir.path().join("log.db"))
    };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    let large = |number: u64| append(&log, batch(number..=number, 20 << 20));
    let queue = || bounds.with_label_values(&["queue"]).get();
    large(1).await.unwrap();
    assert_eq!(queue(), 0);
    // Three have room at the same time, and keep it until they are on disk.
    for outcome in futures_util::future::join_all((2..=5).map(large)).await {
        outcome.unwrap();
    }
    assert_eq!(queue(), 1);
    assert_eq!(positions(&log).await.len(), 5);
}
