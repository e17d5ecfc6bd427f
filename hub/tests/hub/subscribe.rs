//! Cadge's own API through its SDK, and what sensors are told.

use std::time::{Duration, SystemTime};

use cadge_client::{Alert, Error, GetOptions, Start, SubscribeOptions, Subscription};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1;
use futures_util::StreamExt as _;

use super::site::{PATIENCE, Site, alert};

async fn take(subscription: &mut Subscription, count: usize) -> Vec<Alert> {
    let mut entries = Vec::new();
    while entries.len() < count {
        let entry = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("an alert comes");
        entries.push(entry.expect("the stream goes on").unwrap());
    }
    entries
}

fn sequences(entries: &[Alert]) -> Vec<u64> {
    entries.iter().map(|entry| entry.sequence).collect()
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
    subscription.close().await.unwrap();
    let mut again = client.subscribe(options);
    assert_eq!(sequences(&take(&mut again, 1).await), [5]);
}

#[tokio::test]
async fn an_alert_is_dealt_with_once_the_next_is_asked_for() {
    let site = Site::start().await;
    site.sensor("s").await.send(1..=3000).await;
    let client = site.client().await;
    let mut subscription = client.subscribe(SubscribeOptions::durable("c"));
    take(&mut subscription, 2).await;
    subscription.close().await.unwrap();
    // Alerts come in batches: a batch is dealt with once the next is asked for.
    let mut subscription = client.subscribe(SubscribeOptions::durable("c"));
    let batch = subscription.next_batch().await.unwrap().unwrap();
    assert_eq!(batch[0].sequence, 2);
    let last = batch[batch.len() - 1].sequence;
    let next = subscription.next_batch().await.unwrap().unwrap();
    assert_eq!(next[0].sequence, last + 1);
    subscription.close().await.unwrap();
    assert_eq!(take(&mut client.subscribe(SubscribeOptions::durable("c")), 1).await[0].sequence, last + 1);
}

#[tokio::test]
async fn a_close_that_the_hub_does_not_hear_of_is_an_error() {
    let mut site = Site::start().await;
    site.sensor("s").await.send(1..=3).await;
    let client = site.client().await;
    let options = SubscribeOptions { manual: true, ..SubscribeOptions::durable("c") };
    let mut subscription = client.subscribe(options);
    let alerts = take(&mut subscription, 3).await;
    site.stop().await;
    subscription.acknowledge(alerts[2].position);
    let error = subscription.close().await.unwrap_err();
    assert!(matches!(error, Error::Closed(_)) && error.to_string().contains("come again"), "{error:?}");
    site.restart().await;
    let mut transient = client.subscribe(SubscribeOptions::transient(Start::Beginning));
    take(&mut transient, 3).await;
    transient.close().await.unwrap();
}

#[tokio::test]
async fn get_reads_from_a_position_and_moves_nothing() {
    let site = Site::start().await;
    site.sensor("s").await.send(1..=3000).await;
    let client = site.client().await;
    let options = GetOptions { limit: 1500, ..GetOptions::after(1000) };
    for _ in 0..2 {
        let entries: Vec<_> = client.get(options.clone()).await.unwrap().map(Result::unwrap).collect().await;
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
    let entries: Vec<_> =
        site.client().await.get(GetOptions::default()).await.unwrap().map(Result::unwrap).collect().await;
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
    let entries: Vec<_> =
        site.client().await.get(GetOptions::default()).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(sequences(&entries), [1, 6]);
}

#[tokio::test]
async fn a_hub_that_is_away_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = cadge_client::Client::connect(format!("unix://{}", dir.path().join("none.sock").display()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::HubDown(_)), "{error:?}");
    assert!(error.to_string().contains("none.sock"), "{error}");
}

/// Alerts whose rule is `R` or, every third, `Third`.
fn thirds(sequences: std::ops::RangeInclusive<u64>) -> v1::Batch {
    let some = |sequence| {
        let mut alert = alert("s", sequence).decode().unwrap();
        if sequence % 3 == 0 {
            "Third".clone_into(&mut alert.rule);
        }
        alert.output_fields.insert("proc.pid".to_owned(), sequence.to_string());
        alert.output_fields.insert("proc.name".to_owned(), "cat".to_owned());
        RawAlert::new(prost::Message::encode_to_vec(&alert))
    };
    v1::Batch { first_sequence: *sequences.start(), alerts: sequences.map(some).collect() }
}

fn third() -> SubscribeOptions {
    SubscribeOptions {
        filter: "alert.rule = Third and proc.pid > 10".to_owned(),
        ..SubscribeOptions::durable("thirds")
    }
}

#[tokio::test]
async fn a_filter_decides_what_comes_and_the_cursor_moves_over_the_rest() {
    let mut site = Site::start().await;
    site.sensor("s").await.batch(thirds(1..=1000)).await;
    let mut subscription = site.client().await.subscribe(third());
    let expected: Vec<u64> = (11..=1000).filter(|sequence| sequence % 3 == 0).collect();
    assert_eq!(sequences(&take(&mut subscription, expected.len()).await), expected);
    // The last one is dealt with once the next is asked for; then the cursor stands at the end.
    let waiting = tokio::time::timeout(Duration::from_millis(500), subscription.next()).await;
    assert!(waiting.is_err(), "nothing more");
    drop(subscription);
    site.restart().await;
    site.sensor("s").await.batch(thirds(1001..=1010)).await;
    let mut subscription = site.client().await.subscribe(third());
    assert_eq!(sequences(&take(&mut subscription, 3).await), [1002, 1005, 1008]);
}

#[tokio::test]
async fn a_range_is_taken_by_time_filter_and_pages() {
    let site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    sensor.batch(thirds(1..=300)).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    sensor.batch(thirds(301..=600)).await;
    let client = site.client().await;
    let get = async |options: GetOptions| {
        let entries = client.get(options).await.unwrap();
        sequences(&entries.map(Result::unwrap).collect::<Vec<_>>().await)
    };
    let all = GetOptions::default();
    assert_eq!(
        get(GetOptions { since: Some(between), ..all.clone() }).await,
        (301..=600).collect::<Vec<_>>()
    );
    assert_eq!(get(GetOptions { until: Some(between), ..all.clone() }).await, (1..=300).collect::<Vec<_>>());
    let page = GetOptions { filter: "alert.rule = Third".to_owned(), limit: 2, ..all.clone() };
    assert_eq!(get(page.clone()).await, [3, 6]);
    assert_eq!(get(GetOptions { after: 6, ..page }).await, [9, 12]);
    let fields = GetOptions { limit: 1, fields: vec!["proc.name".to_owned()], ..all };
    let entries: Vec<_> = client.get(fields).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(entries[0].output_fields.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["proc.name"]);
}

#[tokio::test]
async fn a_subscription_starts_where_it_is_told_to() {
    let site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    sensor.send(1..=10).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    sensor.send(11..=20).await;
    let client = site.client().await;
    for (start, expected) in [(Start::Beginning, 1), (Start::After(4), 5), (Start::Since(between), 11)] {
        for cursor in [None, Some(format!("c{expected}"))] {
            let options = SubscribeOptions { start, cursor, ..SubscribeOptions::default() };
            let mut subscription = client.subscribe(options);
            assert_eq!(sequences(&take(&mut subscription, 1).await), [expected], "{start:?}");
        }
    }
}

#[tokio::test]
async fn a_heartbeat_says_how_far_the_consumer_is() {
    let site = Site::start().await;
    site.sensor("s").await.batch(thirds(1..=10)).await;
    let mut client = v1::outputs_client::OutputsClient::new(site.channel().await);
    let open = v1::Open {
        transient: true,
        start: v1::Start::Beginning.into(),
        filter: "alert.rule = Third".to_owned(),
        heartbeat_ms: 100,
        ..Default::default()
    };
    let request = v1::SubscribeRequest { kind: Some(v1::subscribe_request::Kind::Open(open.clone())) };
    let requests = tokio_stream::iter([request]);
    let mut responses = client.subscribe(requests).await.unwrap().into_inner();
    let heartbeat = loop {
        let response = responses.message().await.unwrap().unwrap();
        if response.entries.is_empty() && response.position > 0 {
            break response;
        }
    };
    assert_eq!((heartbeat.position, heartbeat.head, heartbeat.lag), (10, 10, 0));

    let open = v1::Open { heartbeat_ms: 1, ..open };
    let request = v1::SubscribeRequest { kind: Some(v1::subscribe_request::Kind::Open(open)) };
    let error = client.subscribe(tokio_stream::iter([request])).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused_with_its_place() {
    let site = Site::start().await;
    let options = GetOptions { filter: "alert.rul = R".to_owned(), ..GetOptions::default() };
    let Err(Error::InvalidRequest(text)) = site.client().await.get(options).await else {
        panic!("it was taken")
    };
    assert!(text.contains("did you mean `alert.rule`?") && text.contains("^^^"), "{text}");
}
