use super::*;

fn alerts(positions: std::ops::RangeInclusive<u64>) -> Vec<Delivery> {
    let alert =
        |position| Delivery { position, alert: Arc::new(Alert { sequence: position, ..Alert::default() }) };
    positions.map(alert).collect()
}

fn positions(letters: &[DeadLetter]) -> Vec<u64> {
    letters.iter().map(|letter| letter.position).collect()
}

#[tokio::test]
async fn letters_are_kept_by_destination_over_a_restart_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dead.db");
    let dead = DeadLetters::open(Some(&path), 4).unwrap();
    assert_eq!(dead.keep("slack", &alerts(1..=2), "no").await.unwrap(), 0);
    assert_eq!(dead.keep("webhook", &alerts(2..=4), "never").await.unwrap(), 1);
    drop(dead);
    let dead = DeadLetters::open(Some(&path), 4).unwrap();
    let all = dead.list(None, 0, 10).await.unwrap();
    assert_eq!(positions(&all), [2, 2, 3, 4]);
    assert_eq!((all[1].cause.as_str(), all[1].alert.sequence), ("never", 2));
    assert_eq!(positions(&dead.list(Some("webhook"), all[1].id, 1).await.unwrap()), [3]);
    assert_eq!(dead.get(all[3].id).await.unwrap().as_ref(), Some(&all[3]));
    let metric = |dead: &DeadLetters| {
        ["slack", "webhook"].map(|destination| dead.metric().with_label_values(&[destination]).get())
    };
    assert_eq!(metric(&dead), [1, 3]);
    let count = |destination: &str, count, last| Kept { destination: destination.to_owned(), count, last };
    let kept = dead.kept().await.unwrap();
    assert_eq!(kept, [count("slack", 1, all[0].id), count("webhook", 3, all[3].id)]);
    let ids = all[1..].iter().map(|letter| letter.id).chain([99]).collect();
    assert_eq!(dead.remove(ids).await.unwrap(), [("webhook".to_owned(), 3)].into());
    assert_eq!((dead.get(all[3].id).await.unwrap(), metric(&dead)), (None, [1, 0]));
    assert_eq!(dead.kept().await.unwrap(), [count("slack", 1, all[0].id)]);
    let ids: Vec<u64> = all.iter().map(|letter| letter.id).collect();
    assert_eq!(dead.ids(None).await.unwrap(), ids[..1]);
    assert_eq!(dead.ids(Some("webhook")).await.unwrap(), [0; 0]);
    dead.keep("webhook", &alerts(5..=6), "no").await.unwrap();
    assert_eq!(metric(&dead), [1, 2]);
    assert_eq!(dead.keep("webhook", &alerts(7..=8), "no").await.unwrap(), 1);
    assert_eq!(metric(&dead), [0, 4]);
    dead.keep("slack", &alerts(9..=9), "no").await.unwrap();
    assert_eq!(metric(&dead), [1, 3]);
    assert_eq!(dead.clear(Some("webhook")).await.unwrap(), [("webhook".to_owned(), 3)].into());
    assert_eq!(dead.clear(None).await.unwrap(), [("slack".to_owned(), 1)].into());
    assert_eq!(metric(&dead), [0, 0]);
    assert_eq!(dead.kept().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dead.db");
    std::fs::write(&path, vec![7; 4096]).unwrap();
    let error = DeadLetters::open(Some(&path), 4).unwrap_err().to_string();
    assert!(error.contains("dead.db"), "{error}");
}
