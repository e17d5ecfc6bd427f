use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::log::{Append, Sqlite, SqliteSettings};

/// A log of so many alerts, in its folder.
async fn log(alerts: u64) -> (tempfile::TempDir, Arc<dyn Log>) {
    let dir = tempfile::tempdir().unwrap();
    let settings = SqliteSettings { path: dir.path().join("log.db"), ..SqliteSettings::default() };
    let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
    append(&log, 1, alerts).await;
    (dir, log)
}

async fn append(log: &Arc<dyn Log>, first: u64, last: u64) {
    let alert = |sequence: u64| {
        let alert = cadge_proto::Alert { sequence, ..cadge_proto::Alert::default() };
        (sequence, cadge_proto::raw::RawAlert::new(alert.encode_to_vec()))
    };
    let alerts = (first..=last).map(alert).collect();
    let batch = Append { sensor: "a".to_owned(), epoch: 1, previous: first - 1, first, alerts, last };
    log.append(batch).await.unwrap().await.unwrap().unwrap();
}

fn positions(run: &Run) -> Vec<u64> {
    run.entries().iter().map(|entry| entry.position).collect()
}

#[tokio::test]
async fn whoever_is_at_the_same_place_gets_the_same_run() {
    let (_dir, log) = log(3).await;
    let runs = Runs::default();
    let first = runs.read(log.as_ref(), 0).await.unwrap();
    append(&log, 4, 5).await;
    let second = runs.read(log.as_ref(), 0).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(positions(&second), [1, 2, 3]);
    assert_eq!(first.fields().as_ptr(), second.fields().as_ptr());
    assert_eq!(positions(&runs.read(log.as_ref(), 3).await.unwrap()), [4, 5]);
}

#[tokio::test]
async fn whoever_is_within_a_run_goes_on_to_its_end_and_then_with_the_others() {
    let (_dir, log) = log(3).await;
    let runs = Runs::default();
    runs.read(log.as_ref(), 0).await.unwrap();
    append(&log, 4, 5).await;
    assert_eq!(positions(&runs.read(log.as_ref(), 1).await.unwrap()), [2, 3]);
    let others = runs.read(log.as_ref(), 3).await.unwrap();
    assert!(Arc::ptr_eq(&others, &runs.read(log.as_ref(), 3).await.unwrap()));
}

#[tokio::test]
async fn the_end_is_an_empty_run_and_is_not_kept() {
    let (_dir, log) = log(2).await;
    let runs = Runs::default();
    assert_eq!(positions(&runs.read(log.as_ref(), 2).await.unwrap()), [0; 0]);
    append(&log, 3, 3).await;
    assert_eq!(positions(&runs.read(log.as_ref(), 2).await.unwrap()), [3]);
}

#[tokio::test]
async fn who_catches_up_reads_alone_and_all() {
    let (_dir, log) = log(10).await;
    let runs = Runs::default();
    assert_eq!(positions(&runs.read(log.as_ref(), 8).await.unwrap()), [9, 10]);
    assert_eq!(positions(&runs.read(log.as_ref(), 0).await.unwrap()), (1..=10).collect::<Vec<_>>());
    assert_eq!(runs.kept().runs.len(), 1);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut kept = Kept::default();
    for position in 1..100 {
        let alert = cadge_proto::raw::RawAlert::new(vec![0; BYTES_MAX]);
        kept.keep(&Arc::new(Run::new(position - 1, vec![Entry { position, alert }])));
        assert!(kept.bytes <= KEPT_BYTES_MAX);
    }
    assert_eq!(kept.bytes, kept.runs.iter().map(|run| run.bytes()).sum::<usize>());
    assert_eq!(kept.runs.back().unwrap().last(), 99);
}

proptest! {
    #[test]
    fn both_forms_are_the_messages_of_their_api(alerts: Vec<(String, u64)>) {
        let alert = |(rule, sequence)| cadge_proto::Alert { rule, sequence, ..cadge_proto::Alert::default() };
        let alerts: Vec<cadge_proto::Alert> = alerts.into_iter().map(alert).collect();
        let entry = |(index, alert): (usize, &cadge_proto::Alert)| Entry {
            position: index as u64 + 1,
            alert: cadge_proto::raw::RawAlert::new(alert.encode_to_vec()),
        };
        let run = Run::new(0, alerts.iter().enumerate().map(entry).collect());
        let response = cadge_proto::cadge::v1::SubscribeResponse::decode(run.fields()).unwrap();
        let decoded: Vec<_> = response.entries.into_iter().filter_map(|entry| entry.alert).collect();
        prop_assert_eq!(&decoded, &alerts);
        let (mut messages, mut old) = (run.messages(), Vec::new());
        while !messages.is_empty() {
            let head = messages.split_to(PREFIX);
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            old.push(cadge_proto::Alert::decode(messages.split_to(length)).unwrap());
        }
        prop_assert_eq!(&old, &alerts);
    }
}
