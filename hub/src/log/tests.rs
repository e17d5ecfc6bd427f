//! What every log must do. Each implementation is put through all of it.

use std::sync::Arc;

use cadge_proto::raw::RawAlert;

use super::{Append, Appended, Log, Sqlite};

/// A log that can be closed and opened again.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Arc<dyn Log> {
        Arc::new(Sqlite::open(&self.dir.path().join("log.db"), u64::MAX).unwrap())
    }
}

fn batch(sensor: &str, epoch: u64, sequences: std::ops::RangeInclusive<u64>) -> Append {
    let last = *sequences.end();
    let alert = |sequence| (sequence, RawAlert::new(format!("{sensor}/{epoch}/{sequence}").into_bytes()));
    Append { sensor: sensor.to_owned(), epoch, alerts: sequences.map(alert).collect(), last }
}

async fn append(log: &Arc<dyn Log>, batch: Append) -> Appended {
    log.append(batch).await.unwrap().await.unwrap().unwrap()
}

async fn texts(log: &Arc<dyn Log>, after: u64) -> Vec<String> {
    let entries = log.read(after, 1000, usize::MAX).await.unwrap();
    let positions: Vec<u64> = entries.iter().map(|entry| entry.position).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    entries.into_iter().map(|entry| String::from_utf8(entry.alert.into_bytes().to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn alerts_are_there_once_and_in_order() {
    let place = Place::new();
    let log = place.open();
    assert_eq!(append(&log, batch("a", 1, 1..=2)).await.high_water, 2);
    assert_eq!(
        append(&log, batch("a", 1, 1..=3)).await,
        Appended { high_water: 3, duplicates: 2, missing: 0 }
    );
    assert_eq!(append(&log, batch("a", 1, 6..=6)).await.missing, 2);
    assert_eq!(append(&log, batch("b", u64::MAX, 1..=1)).await.high_water, 1);
    assert_eq!(append(&log, batch("a", 2, 1..=1)).await.high_water, 1);
    let expected = ["a/1/1", "a/1/2", "a/1/3", "a/1/6", &format!("b/{}/1", u64::MAX), "a/2/1"];
    assert_eq!(texts(&log, 0).await, expected);
    assert_eq!(*log.head().borrow(), 6);
    assert_eq!(log.high_water("a", 1).await.unwrap(), 6);
    assert_eq!(log.high_water("b", u64::MAX).await.unwrap(), 1);
    assert_eq!(log.high_water("c", 1).await.unwrap(), 0);
}

#[tokio::test]
async fn everything_survives_being_closed() {
    let place = Place::new();
    let log = place.open();
    append(&log, batch("a", 1, 1..=3)).await;
    log.commit("reader", 2).await.unwrap();
    drop(log);
    let log = place.open();
    assert_eq!(log.cursor("reader").await.unwrap(), Some(2));
    assert_eq!(log.cursor("nobody").await.unwrap(), None);
    assert_eq!(log.high_water("a", 1).await.unwrap(), 3);
    // From the disk, not from memory.
    assert_eq!(texts(&log, 1).await, ["a/1/2", "a/1/3"]);
    append(&log, batch("a", 1, 4..=4)).await;
    assert_eq!(texts(&log, 0).await.len(), 4);
}

#[tokio::test]
async fn reads_are_bounded() {
    let log = Place::new();
    let log = log.open();
    append(&log, batch("a", 1, 1..=100)).await;
    assert_eq!(log.read(0, 10, usize::MAX).await.unwrap().len(), 10);
    assert_eq!(log.read(0, 1000, 1).await.unwrap().len(), 1);
    assert_eq!(log.read(100, 10, 10).await.unwrap(), []);
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let place = Place::new();
    let log = place.open();
    let writers = (0..8).map(|sensor| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            for start in (1..=500).step_by(10) {
                append(&log, batch(&format!("s{sensor}"), 1, start..=start + 9)).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let mut after = 0;
    let mut count = 0;
    loop {
        let entries = log.read(after, 333, usize::MAX).await.unwrap();
        let Some(last) = entries.last() else { break };
        after = last.position;
        count += entries.len();
    }
    assert_eq!(count, 4000);
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    std::fs::write(&path, "this is a text, and no database at all, whatever its name says".repeat(100))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Sqlite::open(&path, u64::MAX).unwrap_err().to_string();
    assert!(error.contains("not a database") && error.contains("move the file away"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn the_oldest_go_when_the_log_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&dir.path().join("log.db"), 200_000).unwrap());
    for number in 0..400 {
        let alerts = vec![(number + 1, RawAlert::new(vec![b'x'; 2000]))];
        append(&log, Append { sensor: "a".to_owned(), epoch: 1, alerts, last: number + 1 }).await;
    }
    drop(log);
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&dir.path().join("log.db"), u64::MAX).unwrap());
    let first = log.read(0, 1, 1).await.unwrap()[0].position;
    assert!(first > 1, "{first}");
    assert_eq!(log.high_water("a", 1).await.unwrap(), 400);
}
