//! Cadge's own API through its SDK, and what sensors are told.

use cadge_client::{Entry, Error, SubscribeOptions, Subscription};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1;
use futures_util::StreamExt as _;

use super::site::{PATIENCE, Site, alert};

async fn take(subscription: &mut Subscription, count: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    while entries.len() < count {
        let entry = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("an alert comes");
        entries.push(entry.expect("the stream goes on").unwrap());
    }
    entries
}

fn sequences(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.alert.sequence).collect()
}

#[tokio::test]
async fn a_subscription_goes_on_through_restarts_of_the_hub() {
    let mut site = Site::start().await;
    site.sensor("s").await.send(1..=10).await;
    let mut subscription = site.client().await.subscribe(SubscribeOptions::durable("c"));
    assert_eq!(sequences(&take(&mut subscription, 10).await), (1..=10).collect::<Vec<_>>());
    site.restart().await;
    site.sensor("s").await.send(11..=20).await;
    assert_eq!(sequences(&take(&mut subscription, 10).await), (11..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again() {
    let site = Site::start().await;
    site.sensor("s").await.send(1..=10).await;
    let options = SubscribeOptions { manual: true, ..SubscribeOptions::durable("c") };
    let client = site.client().await;
    let mut subscription = client.subscribe(options.clone());
    let entries = take(&mut subscription, 10).await;
    subscription.acknowledge(entries[3].position);
    // The hub hears of it a moment later: ask until it has.
    let mut again;
    loop {
        let mut second = client.subscribe(options.clone());
        again = take(&mut second, 1).await;
        if again[0].alert.sequence != 1 {
            break;
        }
        drop(second);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(sequences(&again), [5]);
}

#[tokio::test]
async fn get_reads_from_a_position_and_moves_nothing() {
    let site = Site::start().await;
    site.sensor("s").await.send(1..=3000).await;
    let client = site.client().await;
    for _ in 0..2 {
        let entries: Vec<_> = client.get(1000, 1500).await.unwrap().map(Result::unwrap).collect().await;
        assert_eq!((entries.len(), entries[0].position, entries[1499].position), (1500, 1001, 2500));
    }
}

#[tokio::test]
async fn a_sensor_hears_what_the_log_has_and_repetitions_are_left_out() {
    let mut site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    assert_eq!(sensor.acknowledged, 0);
    sensor.send(1..=5).await;
    site.restart().await;
    let mut sensor = site.sensor("s").await;
    assert_eq!(sensor.acknowledged, 5);
    sensor.send(3..=7).await;
    let entries: Vec<_> = site.client().await.get(0, 0).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(sequences(&entries), (1..=7).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_alert_that_is_none_is_left_out_and_the_others_are_taken() {
    let site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    let alerts = vec![
        alert("s", 1),
        // A number where the time belongs.
        RawAlert::new(vec![8, 1]),
        alert("another", 3),
        alert("s", 9),
        RawAlert::new([&[0x2a, 0x80, 0x80, 0x20][..], &vec![b'x'; 1 << 19]].concat()),
        alert("s", 6),
    ];
    sensor.batch(v1::Batch { first_sequence: 1, alerts }).await;
    assert_eq!(sensor.acknowledged, 6);
    let entries: Vec<_> = site.client().await.get(0, 0).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(sequences(&entries), [1, 6]);
}

#[tokio::test]
async fn a_hub_that_is_away_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = cadge_client::Client::unix(&dir.path().join("none.sock")).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    assert!(error.to_string().contains("none.sock"), "{error}");
}
