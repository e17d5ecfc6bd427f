//! What every log must do. Each implementation is put through all of it.

use std::sync::Arc;

use cadge_proto::raw::RawAlert;
use futures_util::future::BoxFuture;

use super::{
    Append, Appended, Kafka, KafkaSecurity, KafkaSettings, Log, LogError, Sqlite, SqliteSettings, UNORDERED,
};

fn sqlite(path: &std::path::Path, bytes_max: u64) -> Result<Sqlite, LogError> {
    Sqlite::open(&SqliteSettings { path: path.to_owned(), bytes_max, ..SqliteSettings::default() })
}

/// A log that can be closed and opened again.
pub(super) trait Place: Sized {
    /// `None`, said aloud, where it can't be.
    fn new(test: &str) -> Option<Self>;
    fn open(&self) -> BoxFuture<'_, Arc<dyn Log>>;
}

/// A file.
struct InFile(tempfile::TempDir);

impl Place for InFile {
    fn new(_: &str) -> Option<Self> {
        tempfile::tempdir().ok().map(Self)
    }

    fn open(&self) -> BoxFuture<'_, Arc<dyn Log>> {
        let log: Arc<dyn Log> = Arc::new(sqlite(&self.0.path().join("log.db"), u64::MAX).unwrap());
        Box::pin(async { log })
    }
}

/// A topic.
pub(super) struct InTopic(pub(super) KafkaSettings);

impl Place for InTopic {
    fn new(test: &str) -> Option<Self> {
        let hostport = super::broker::Broker::get(test)?.address();
        let (topic, clientid) = (test.replace("::", "."), "test".to_owned());
        let (replication, bytes_max, security) = (1, 1 << 30, KafkaSecurity::default());
        Some(Self(KafkaSettings { hostport, topic, clientid, replication, bytes_max, security }))
    }

    fn open(&self) -> BoxFuture<'_, Arc<dyn Log>> {
        Box::pin(async { Arc::new(Kafka::open(self.0.clone()).await.unwrap()) as Arc<dyn Log> })
    }
}

/// Has each test run on every log.
macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod sqlite_log {
            $(#[tokio::test]
            async fn $test() {
                let Some(place) = <super::InFile as super::Place>::new(stringify!($test)) else { return };
                super::$test(place).await;
            })*
        }

        mod kafka_log {
            $(#[tokio::test]
            async fn $test() {
                let Some(place) = <super::InTopic as super::Place>::new(stringify!($test)) else { return };
                super::$test(place).await;
            })*
        }
    };
}

suite! {
    alerts_are_there_once_and_in_order,
    everything_survives_being_closed,
    reads_are_bounded,
    many_writers_at_once_lose_nothing,
    what_has_no_order_is_known_by_its_identity,
    cursors_are_listed_and_forgotten,
    a_moment_has_a_position,
    it_says_where_it_begins_and_ends,
    the_end_of_a_batch_counts_without_its_alert,
    nothing_is_taken_behind_a_batch_that_was_not_kept,
    what_waits_behind_a_refused_batch_is_refused_too,
    a_claim_is_had_and_given_back,
}

pub(super) fn batch(sensor: &str, epoch: u64, sequences: std::ops::RangeInclusive<u64>) -> Append {
    let (first, last) = (*sequences.start(), *sequences.end());
    let alert = |sequence| (sequence, RawAlert::new(format!("{sensor}/{epoch}/{sequence}").into_bytes()));
    Append {
        sensor: sensor.to_owned(),
        epoch,
        previous: 0,
        first,
        alerts: sequences.map(alert).collect(),
        last,
    }
}

pub(super) async fn append(log: &Arc<dyn Log>, batch: Append) -> Appended {
    let appended = log.append(batch).await.unwrap().await.unwrap().unwrap();
    // What is durable can be read a moment later: this waits for it.
    log.high_water("", 1).await.unwrap();
    appended
}

pub(super) async fn texts(log: &Arc<dyn Log>, after: u64) -> Vec<String> {
    let entries = log.read(after, 1000, usize::MAX).await.unwrap();
    let positions: Vec<u64> = entries.iter().map(|entry| entry.position).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    entries.into_iter().map(|entry| String::from_utf8(entry.alert.into_bytes().to_vec()).unwrap()).collect()
}

async fn alerts_are_there_once_and_in_order(place: impl Place) {
    let log = place.open().await;
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

async fn everything_survives_being_closed(place: impl Place) {
    let log = place.open().await;
    append(&log, batch("a", 1, 1..=3)).await;
    log.commit("reader", 2).await.unwrap();
    drop(log);
    let log = place.open().await;
    assert_eq!(log.cursor("reader").await.unwrap(), Some(2));
    assert_eq!(log.cursor("nobody").await.unwrap(), None);
    assert_eq!(log.high_water("a", 1).await.unwrap(), 3);
    // From the disk, not from memory.
    assert_eq!(texts(&log, 1).await, ["a/1/2", "a/1/3"]);
    append(&log, batch("a", 1, 4..=4)).await;
    assert_eq!(texts(&log, 0).await.len(), 4);
}

async fn reads_are_bounded(place: impl Place) {
    let log = place.open().await;
    append(&log, batch("a", 1, 1..=100)).await;
    assert_eq!(log.read(0, 10, usize::MAX).await.unwrap().len(), 10);
    assert_eq!(log.read(0, 1000, 1).await.unwrap().len(), 1);
    assert_eq!(log.read(100, 10, 10).await.unwrap(), []);
}

async fn many_writers_at_once_lose_nothing(place: impl Place) {
    let log = place.open().await;
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

async fn what_has_no_order_is_known_by_its_identity(place: impl Place) {
    let log = place.open().await;
    let some = |identities: &[u64]| Append {
        sensor: "http".to_owned(),
        epoch: UNORDERED,
        previous: 0,
        first: 0,
        alerts: identities.iter().map(|id| (*id, RawAlert::new(format!("{id:x}").into_bytes()))).collect(),
        last: 0,
    };
    assert_eq!(append(&log, some(&[u64::MAX, 7, 7])).await.duplicates, 1);
    // A smaller number is no older one, and another sensor's numbers are others.
    assert_eq!(append(&log, some(&[3, 7])).await, Appended { high_water: 0, duplicates: 1, missing: 0 });
    let other = Append { sensor: "other".to_owned(), ..some(&[3]) };
    assert_eq!(append(&log, other).await.duplicates, 0);
    drop(log);
    let log = place.open().await;
    assert_eq!(append(&log, some(&[7, 8])).await.duplicates, 1);
    assert_eq!(texts(&log, 0).await, ["ffffffffffffffff", "7", "3", "3", "8"]);
    assert_eq!(log.high_water("http", UNORDERED).await.unwrap(), 0);
}

async fn cursors_are_listed_and_forgotten(place: impl Place) {
    let log = place.open().await;
    append(&log, batch("a", 1, 1..=9)).await;
    for (name, position) in [("b", 2), ("a", 1), ("b", 9)] {
        log.commit(name, position).await.unwrap();
    }
    assert_eq!(log.cursors().await.unwrap(), [("a".to_owned(), 1), ("b".to_owned(), 9)]);
    assert!(log.forget("a").await.unwrap());
    assert!(!log.forget("a").await.unwrap());
    assert_eq!(log.cursor("a").await.unwrap(), None);
}

async fn a_moment_has_a_position(place: impl Place) {
    let now = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_nanos()).unwrap()
    };
    let log = place.open().await;
    assert_eq!(log.position_at(now()).await.unwrap(), 0);
    append(&log, batch("a", 1, 1..=3)).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let between = now();
    append(&log, batch("a", 1, 4..=5)).await;
    assert_eq!(log.position_at(0).await.unwrap(), 0);
    assert_eq!(log.position_at(between).await.unwrap(), 3);
    assert_eq!(log.position_at(now() + 1_000_000_000).await.unwrap(), 5);
}

async fn it_says_where_it_begins_and_ends(place: impl Place) {
    let log = place.open().await;
    let status = log.status().await.unwrap();
    assert_eq!((status.first, status.head), (1, 0));
    append(&log, batch("a", 1, 1..=3)).await;
    let status = log.status().await.unwrap();
    assert_eq!((status.first, status.head), (1, 3));
}

async fn the_end_of_a_batch_counts_without_its_alert(place: impl Place) {
    let log = place.open().await;
    let mut cut = batch("a", 1, 1..=3);
    cut.alerts.truncate(2);
    assert_eq!(append(&log, cut).await.high_water, 3);
    let empty = Append { alerts: Vec::new(), ..batch("a", 1, 4..=5) };
    assert_eq!(append(&log, empty).await.high_water, 5);
    drop(log);
    let log = place.open().await;
    assert_eq!(log.high_water("a", 1).await.unwrap(), 5);
    append(&log, batch("a", 1, 5..=6)).await;
    assert_eq!(texts(&log, 0).await, ["a/1/1", "a/1/2", "a/1/6"]);
}

/// Sends a batch behind another, in the same stream.
pub(super) async fn send(
    log: &Arc<dyn Log>,
    previous: u64,
    sequences: std::ops::RangeInclusive<u64>,
) -> Result<Appended, LogError> {
    log.append(Append { previous, ..batch("a", 1, sequences) }).await?.await.unwrap()
}

async fn nothing_is_taken_behind_a_batch_that_was_not_kept(place: impl Place) {
    let log = place.open().await;
    assert_eq!(send(&log, 0, 1..=2).await.unwrap().high_water, 2);
    // 3 and 4 were on their way and failed: what was sent behind them comes too early.
    let refused = send(&log, 4, 5..=6).await.unwrap_err().to_string();
    assert!(refused.contains("send both again"), "{refused}");
    assert_eq!(log.high_water("a", 1).await.unwrap(), 2);
    assert_eq!(send(&log, 2, 3..=4).await.unwrap().missing, 0);
    assert_eq!(send(&log, 4, 5..=6).await.unwrap().high_water, 6);
    // What the sensor itself has lost is no hole of the log's.
    assert_eq!(send(&log, 6, 9..=9).await.unwrap().missing, 2);
    // Nor is what a stream begins with.
    assert_eq!(send(&log, 0, 12..=12).await.unwrap().missing, 2);
}

async fn what_waits_behind_a_refused_batch_is_refused_too(place: impl Place) {
    let log = place.open().await;
    // All three are on their way at once, as a sensor sends them, and none of them has a first one.
    let mut answers = Vec::new();
    for (previous, sequences) in [(2, 3..=4), (4, 5..=6), (6, 7..=8)] {
        answers.push(log.append(Append { previous, ..batch("a", 1, sequences) }).await.unwrap());
    }
    for answer in answers {
        answer.await.unwrap().unwrap_err();
    }
    // Ones that are there behind each other at once have nothing in their way.
    let mut answers = Vec::new();
    for (previous, sequences) in [(0, 1..=2), (2, 3..=4), (4, 5..=6)] {
        answers.push(log.append(Append { previous, ..batch("a", 1, sequences) }).await.unwrap());
    }
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(log.high_water("a", 1).await.unwrap(), 6);
    assert_eq!(texts(&log, 0).await, ["a/1/1", "a/1/2", "a/1/3", "a/1/4", "a/1/5", "a/1/6"]);
}

async fn a_claim_is_had_and_given_back(place: impl Place) {
    let log = place.open().await;
    for _ in 0..2 {
        let claim = log.claim("integration/x").await.unwrap();
        log.commit("integration/x", 1).await.unwrap();
        assert!(!claim.lost.is_cancelled());
        drop(claim);
    }
}
