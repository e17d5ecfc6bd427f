//! A spool keeps what it was given, whatever is done to its files.

use std::fs;

use proptest::prelude::*;

use super::{Spool, SpoolSettings};

const SETTINGS: SpoolSettings = SpoolSettings { bytes_max: 1 << 30, segment_bytes: 200 };

fn alert(sequence: u64) -> Vec<u8> {
    format!("alert {sequence}").into_bytes()
}

fn append(spool: &Spool, count: u64) -> u64 {
    (0..count).map(|_| spool.append(alert).unwrap()).sum()
}

/// All that can be read behind a sequence number.
fn all(spool: &Spool, mut after: u64) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let batch = spool.read(after, 7, 1000).unwrap();
        if batch.alerts.is_empty() {
            return found;
        }
        for (sequence, bytes) in (batch.first..).zip(&batch.alerts) {
            assert_eq!(bytes, &alert(sequence));
            found.push(sequence);
            after = sequence;
        }
    }
}

#[test]
fn a_spool_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SETTINGS).unwrap();
    append(&spool, 50);
    let epoch = spool.epoch();
    assert!(Spool::open(dir.path(), SETTINGS).unwrap_err().to_string().contains("another sensor"));
    drop(spool);
    let spool = Spool::open(dir.path(), SETTINGS).unwrap();
    assert_eq!((spool.epoch(), spool.range()), (epoch, (1, 51)));
    assert_eq!(all(&spool, 0), (1..=50).collect::<Vec<_>>());
    assert_eq!(all(&spool, 48), [49, 50]);
    assert_eq!(spool.acknowledge(30), 30);
    assert_eq!(spool.acknowledge(30), 0);
    assert_eq!(spool.waiting(), 20);
    assert!(spool.range().0 > 20);
    assert_eq!(all(&spool, 30), (31..=50).collect::<Vec<_>>());
}

#[test]
fn a_full_spool_lets_the_oldest_go_and_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SpoolSettings { bytes_max: 1000, segment_bytes: 200 }).unwrap();
    let dropped = append(&spool, 100);
    let (first, next) = spool.range();
    assert_eq!(next, 101);
    assert_eq!(dropped, first - 1);
    assert_eq!(all(&spool, first - 1).len() as u64 + dropped, 100);
}

#[test]
fn numbers_that_the_hub_knows_are_not_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SETTINGS).unwrap();
    append(&spool, 100);
    drop(spool);
    // The machine has died: the hub has 110, the disk kept 100, and 30 more are raised.
    let spool = Spool::open(dir.path(), SETTINGS).unwrap();
    append(&spool, 30);
    spool.catch_up(99, |_, _| panic!("nothing is wrong yet")).unwrap();
    spool.catch_up(110, |_, sequence| alert(sequence)).unwrap();
    assert_eq!(spool.range().1, 141);
    assert_eq!(all(&spool, 110), (111..=140).collect::<Vec<_>>());
    drop(spool);
    let spool = Spool::open(dir.path(), SETTINGS).unwrap();
    assert_eq!(all(&spool, 0), (111..=140).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn a_torn_end_costs_only_what_was_torn(count in 1..40_u64, cut in 0..600_usize, garbage in prop::collection::vec(any::<u8>(), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), SETTINGS).unwrap();
        append(&spool, count);
        drop(spool);
        let mut files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some());
        files.sort();
        let last = files.pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        // The head is written when the file is made; here the records are at stake.
        let keep = bytes.len().saturating_sub(cut).max(24);
        bytes.truncate(keep);
        bytes.extend_from_slice(&garbage);
        fs::write(&last, &bytes).unwrap();

        let spool = Spool::open(dir.path(), SETTINGS).unwrap();
        let (_, next) = spool.range();
        prop_assert!(next <= count + 1);
        if cut == 0 { prop_assert_eq!(next, count + 1); }
        append(&spool, 3);
        prop_assert_eq!(all(&spool, 0), (1..next + 3).collect::<Vec<_>>());
    }

    #[test]
    fn any_file_is_opened_or_left_out(bytes in prop::collection::vec(any::<u8>(), 0..200), headed in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let head = if headed { [&b"CADGEsp1"[..], &[1; 16]].concat() } else { Vec::new() };
        fs::write(dir.path().join("x.spool"), [head, bytes].concat()).unwrap();
        let spool = Spool::open(dir.path(), SETTINGS).unwrap();
        append(&spool, 3);
        let (_, next) = spool.range();
        prop_assert_eq!(spool.read(next - 4, 9, 999).unwrap().alerts.len(), 3);
    }
}
