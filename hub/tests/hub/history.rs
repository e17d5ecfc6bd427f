//! Searching and counting: the index follows the log, whatever happens to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cadge_client::{Client, CountOptions, Dimension, Error, SearchOptions, Selection};
use cadge_hub::config::{Role, UnixUser};
use cadge_hub::{Config, Hub};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1;
use prost::Message as _;

use super::each_log::on_each_log;
use super::site::{PATIENCE, Site, client_at};

on_each_log! {
    a_selection_is_found_by_pages_in_both_orders(|_| {}),
    counts_are_grouped_and_over_time(|_| {}),
    the_index_goes_on_after_a_restart(|_| {}),
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Alert N is of rule `rule-N%3`, namespace `ns-N%2`, and N seconds after 1970.
fn alert(sequence: u64) -> RawAlert {
    let alert = cadge_proto::Alert {
        time: Some(time(sequence).into()),
        rule: format!("rule-{}", sequence % 3),
        hostname: "host".to_owned(),
        priority: i32::try_from(sequence % 8).unwrap(),
        source: "syscall".to_owned(),
        sensor: "s".to_owned(),
        epoch: 1,
        sequence,
        tags: vec!["all".to_owned(), format!("tag-{}", sequence % 5)],
        output_fields: [
            ("k8s.ns.name".to_owned(), format!("ns-{}", sequence % 2)),
            ("proc.pid".to_owned(), sequence.to_string()),
        ]
        .into(),
        ..Default::default()
    };
    RawAlert::new(alert.encode_to_vec())
}

async fn send(site: &Site, sequences: std::ops::RangeInclusive<u64>) {
    let first_sequence = *sequences.start();
    let batch = v1::Batch { first_sequence, alerts: sequences.map(alert).collect() };
    site.sensor("s").await.batch(batch).await;
}

/// Waits until the index has come to a position, or to the log's end.
async fn indexed(client: &Client, position: u64) {
    let wait = async {
        loop {
            // The file may be in the making.
            if let Ok(page) = client.search(SearchOptions { limit: 1, ..Default::default() }).await
                && page.indexed >= position
            {
                assert!(page.indexed <= page.head);
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the index follows");
}

/// All pages.
async fn search(client: &Client, options: SearchOptions) -> Vec<u64> {
    let (mut all, mut options) = (Vec::new(), options);
    loop {
        let page = client.search(options.clone()).await.unwrap();
        assert!(page.alerts.len() <= 10_000.min(usize::try_from(options.limit.max(100)).unwrap()));
        all.extend(page.alerts.iter().map(|alert| alert.sequence));
        if page.next_page == 0 {
            return all;
        }
        options.page = page.next_page;
    }
}

async fn total(client: &Client) -> u64 {
    client.count(CountOptions::default()).await.unwrap().counts.iter().map(|count| count.count).sum()
}

async fn a_selection_is_found_by_pages_in_both_orders(site: Site) {
    send(&site, 1..=1000).await;
    let client = site.client().await;
    indexed(&client, 1000).await;
    let selection = Selection::default()
        .with(Dimension::Rule, ["rule-1", "rule-2"])
        .with(Dimension::Namespace, ["ns-0"])
        .with(Dimension::Tag, ["tag-0", "tag-1"]);
    let selection = Selection { since: Some(time(100)), until: Some(time(900)), ..selection };
    let expected: Vec<u64> = (100..900).filter(|n| n % 3 != 0 && n % 2 == 0 && n % 5 < 2).collect();
    for limit in [7, 0] {
        let options = SearchOptions { selection: selection.clone(), limit, ..Default::default() };
        let oldest_first = SearchOptions { oldest_first: true, ..options.clone() };
        assert_eq!(search(&client, oldest_first).await, expected);
        let newest = search(&client, options).await;
        assert_eq!(newest.into_iter().rev().collect::<Vec<_>>(), expected);
    }
    let options =
        SearchOptions { selection, filter: "proc.pid < 500".to_owned(), limit: 10, ..Default::default() };
    let expected: Vec<u64> = expected.into_iter().filter(|n| *n < 500).rev().collect();
    assert_eq!(search(&client, options.clone()).await, expected);
    let page = client.search(SearchOptions { fields: vec!["proc.pid".to_owned()], ..options }).await.unwrap();
    assert_eq!((page.alerts.len(), page.alerts[0].output_fields.len()), (10, 1));
}

async fn counts_are_grouped_and_over_time(site: Site) {
    send(&site, 1..=600).await;
    let client = site.client().await;
    indexed(&client, 600).await;
    let options = CountOptions {
        selection: Selection { since: Some(time(90)), ..Default::default() },
        group_by: vec![Dimension::Rule, Dimension::Namespace],
        step: Duration::from_mins(1),
        ..Default::default()
    };
    let counted = client.count(options.clone()).await.unwrap();
    assert_eq!((counted.indexed, counted.head, counted.overflowed), (600, 600, vec![]));
    // From second 90 on: half of minute 1, and of minute 10 its first second.
    assert_eq!(counted.counts.len(), 6 * 9 + 1);
    let first = &counted.counts[0];
    assert_eq!((first.start, &*first.values[0], &*first.values[1]), (Some(time(60)), "rule-0", "ns-0"));
    assert_eq!((first.count, counted.counts[6].count), (5, 10));
    assert_eq!(counted.counts.iter().map(|count| count.count).sum::<u64>(), 600 - 89);
    // What the filter asks for is not in the index: the alerts are read.
    let filtered = CountOptions { filter: "proc.pid <= 300".to_owned(), step: Duration::ZERO, ..options };
    let filtered = client.count(filtered).await.unwrap();
    assert_eq!(filtered.counts.iter().map(|count| count.count).sum::<u64>(), 300 - 89);
    assert_eq!(filtered.counts[0].start, None);
}

async fn the_index_goes_on_after_a_restart(mut site: Site) {
    send(&site, 1..=100).await;
    indexed(&site.client().await, 100).await;
    site.restart().await;
    send(&site, 101..=200).await;
    let client = site.client().await;
    indexed(&client, 200).await;
    assert_eq!(total(&client).await, 200);
}

#[tokio::test]
async fn the_index_is_made_anew_when_it_has_to_be() {
    let mut site = Site::start().await;
    send(&site, 1..=200).await;
    indexed(&site.client().await, 200).await;
    // Damaged in the middle, so that it shows only when it is written.
    let path = site.dir.path().join("history.db");
    site.stop().await;
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 10 * 4096 && !path.with_extension("db-wal").exists(), "it was closed");
    bytes[4096..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    site.restart().await;
    let client = site.client().await;
    send(&site, 201..=300).await;
    indexed(&client, 300).await;
    assert_eq!(total(&client).await, 300);
    // Another log.
    site.stop().await;
    for name in ["log.db", "log.db-wal", "log.db-shm"] {
        let _ = std::fs::remove_file(site.dir.path().join(name));
    }
    site.restart().await;
    send(&site, 1..=400).await;
    let client = site.client().await;
    indexed(&client, 400).await;
    assert_eq!(total(&client).await, 400);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_what_is_wrong() {
    let site = Site::start().await;
    let client = site.client().await;
    indexed(&client, 0).await;
    let refused = |options| async { client.search(options).await.unwrap_err().to_string() };
    let text = refused(SearchOptions { limit: 10_001, ..Default::default() }).await;
    assert!(text.contains("`limit: 10001` is above 10000"), "{text}");
    let text = refused(SearchOptions { filter: "alert.rule =".to_owned(), ..Default::default() }).await;
    assert!(text.contains("alert.rule ="), "{text}");
    let selection = Selection::default().with(Dimension::Unspecified, ["x"]);
    let text = refused(SearchOptions { selection, ..Default::default() }).await;
    assert!(text.contains("`dimension: 0`"), "{text}");
    let nowhere = SearchOptions { page: u64::MAX, oldest_first: true, ..Default::default() };
    assert_eq!(client.search(nowhere).await.unwrap().alerts, []);
}

#[tokio::test]
async fn the_lag_is_a_metric_and_no_history_is_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.grpc.bind_address = String::new();
    config.grpc.unix_socket = Some(dir.path().join("cadge.sock"));
    config.webserver.listen("127.0.0.1:0");
    config.log.path = dir.path().join("log.db");
    config.history.path = Some(dir.path().join("elsewhere/index.db"));
    let hub = Hub::start(config.clone()).await.unwrap();
    let client = client_at(&dir.path().join("cadge.sock")).await;
    // The first question waits for the file that is being made.
    assert_eq!(client.count(CountOptions::default()).await.unwrap().counts, []);
    indexed(&client, 0).await;
    let metrics = page(&hub).await;
    assert!(metrics.contains("\ncadge_hub_history_lag 0\n"), "{metrics}");
    assert!(dir.path().join("elsewhere/index.db").exists());
    hub.stop().await;
    config.history.enabled = false;
    let hub = Hub::start(config).await.unwrap();
    let client = client_at(&dir.path().join("cadge.sock")).await;
    let error = client.count(CountOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, Error::ProtocolMismatch(_)) && error.to_string().contains("history.enabled"),
        "{error}"
    );
    hub.stop().await;
}

#[tokio::test]
async fn a_tenant_finds_and_counts_only_what_it_may_see() {
    let mut site = Site::start().await;
    send(&site, 1..=300).await;
    indexed(&site.client().await, 300).await;
    site.stop().await;
    let mut config = Config::default();
    config.grpc.bind_address = String::new();
    config.grpc.unix_socket = Some(site.socket());
    config.webserver.enabled = false;
    config.log.path = site.dir.path().join("log.db");
    config.unix.push(UnixUser {
        uid: Some(nix::unistd::geteuid().as_raw()),
        gid: None,
        role: Role::Consumer,
        name: "tenant".to_owned(),
        filter: Some("k8s.ns.name = ns-1".to_owned()),
        requests_per_second: Some(0),
        connections_max: None,
    });
    let hub = Hub::start(config).await.unwrap();
    let client = site.client().await;
    indexed(&client, 300).await;
    let odd: Vec<u64> = (1..=300).filter(|n| n % 2 == 1).collect();
    let options = SearchOptions { oldest_first: true, ..Default::default() };
    assert_eq!(search(&client, options.clone()).await, odd);
    let selection = Selection::default().with(Dimension::Namespace, ["ns-0"]);
    let nothing = SearchOptions { selection: selection.clone(), ..options };
    assert_eq!(search(&client, nothing).await, Vec::<u64>::new());
    assert_eq!(total(&client).await, 150);
    let group_by = vec![Dimension::Namespace, Dimension::Tag];
    let counted = client.count(CountOptions { group_by, ..Default::default() }).await.unwrap();
    assert!(counted.counts.iter().all(|count| count.values[0] == "ns-1"), "{counted:?}");
    assert_eq!(client.count(CountOptions { selection, ..Default::default() }).await.unwrap().counts, []);
    hub.stop().await;
}

async fn page(hub: &Hub) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(hub.http_address().unwrap()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
