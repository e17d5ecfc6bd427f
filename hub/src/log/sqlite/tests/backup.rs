//! A backup is a log: complete, of one moment, made while alerts come in.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::super::super::{BackedUp, Log, LogError};
use super::super::{Sqlite, SqliteSettings};
use super::{append, batch, bounds, open, positions, settings};
use crate::config::LogCheck;

async fn back_up(log: &Arc<dyn Log>, to: &Path) -> Result<Vec<BackedUp>, LogError> {
    let (progress, mut steps) = mpsc::channel(10_000);
    log.backup(to, progress).await?;
    let mut reports = Vec::new();
    while let Some(report) = steps.recv().await {
        reports.push(report);
    }
    Ok(reports)
}

fn files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_the_log_of_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("log.db"));
    for first in (1..=20_000).step_by(500) {
        append(&log, batch(first..=first + 499, 800)).await.unwrap();
    }
    log.commit("reader", 777).await.unwrap();
    let ends = tokio_util::sync::CancellationToken::new();
    let (writing, ended) = (Arc::clone(&log), ends.clone());
    let writer = tokio::spawn(async move {
        let mut last = 20_000;
        while !ended.is_cancelled() {
            last = append(&writing, batch(last + 1..=last + 10, 800)).await.unwrap().high_water;
        }
        last
    });
    let copies = tempfile::tempdir().unwrap();
    let to = copies.path().join("copy.db");
    let reports = back_up(&log, &to).await.unwrap();
    ends.cancel();
    let written = writer.await.unwrap();
    assert!(reports.len() > 3, "{reports:?}");
    assert!(reports.is_sorted_by_key(|report| report.bytes), "{reports:?}");
    assert!(reports.iter().all(|report| report.bytes <= report.total && report.total > 16_000_000));
    assert!(reports.last().is_some_and(|report| report.bytes == report.total), "{reports:?}");
    assert_eq!(files(copies.path()), ["copy.db"]);
    let full = SqliteSettings { check: LogCheck::Full, ..settings(&to) };
    let copy: Arc<dyn Log> = Arc::new(Sqlite::open(&full).unwrap());
    let last = *copy.head().borrow();
    assert!((20_000..=written).contains(&last), "{last} of {written}");
    assert_eq!(positions(&copy).await, (1..=last).collect::<Vec<_>>());
    assert_eq!(copy.high_water("a", 1).await.unwrap(), last);
    assert_eq!(copy.cursor("reader").await.unwrap(), Some(777));
    // It takes the log's place: the sensor sends what came later once more.
    let behind = append(&copy, batch(last + 1..=last + 10, 800)).await.unwrap();
    assert_eq!((behind.high_water, behind.duplicates, behind.missing), (last + 10, 0, 0));
    assert_eq!(positions(&log).await.len() as u64, written);
}

#[tokio::test]
async fn no_file_is_replaced_and_none_is_left_over() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("log.db"));
    append(&log, batch(1..=5000, 1000)).await.unwrap();
    let copies = tempfile::tempdir().unwrap();
    let existing = copies.path().join("mine.txt");
    std::fs::write(&existing, "precious").unwrap();
    let error = back_up(&log, &existing).await.unwrap_err().to_string();
    assert!(error.contains("mine.txt` exists already"), "{error}");
    assert_eq!(std::fs::read_to_string(&existing).unwrap(), "precious");
    let error = back_up(&log, Path::new("copy.db")).await.unwrap_err().to_string();
    assert!(error.contains("`copy.db` is not an absolute path"), "{error}");
    let error = back_up(&log, &copies.path().join("nowhere/copy.db")).await.unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
    // Nobody listens any more.
    let (progress, steps) = mpsc::channel(1);
    drop(steps);
    let error = log.backup(&copies.path().join("copy.db"), progress).await.unwrap_err().to_string();
    assert!(error.contains("was ended"), "{error}");
    assert_eq!(files(copies.path()), ["mine.txt"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_too_slow_ends() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = bounds();
    let settings = SqliteSettings {
        bytes_max: 32 << 20,
        bounds: Some(bounds.clone()),
        ..settings(&dir.path().join("log.db"))
    };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    append(&log, batch(1..=8000, 1000)).await.unwrap();
    let copies = tempfile::tempdir().unwrap();
    let to = copies.path().join("copy.db");
    // It does not go on while nobody takes its reports.
    let (progress, mut steps) = mpsc::channel(1);
    let backup = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.backup(&to, progress).await })
    };
    steps.recv().await.unwrap();
    append(&log, batch(8001..=18_000, 1000)).await.unwrap();
    while steps.recv().await.is_some() {}
    let error = backup.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("alerts come in faster than it can be written"), "{error}");
    assert_eq!(bounds.with_label_values(&["backup"]).get(), 1);
    assert!(files(copies.path()).is_empty());
    // What came in is there, and another backup is possible.
    assert_eq!(*log.head().borrow(), 18_000);
    back_up(&log, &copies.path().join("copy.db")).await.unwrap();
}
