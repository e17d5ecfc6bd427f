//! The broker of a log goes away for a while and comes back with what it had.

use std::time::{Duration, Instant};

use cadge_client::{Start, SubscribeOptions};
use cadge_hub::Config;
use cadge_proto::raw::v1::{Batch, Hello};

use super::each_log::in_topic;
use super::kafka::broker::Broker;
use super::site::{PATIENCE, Sensor, Site, alert};

/// Alerts of one batch.
const BATCH: u64 = 50;

/// Sends batches, one behind the other, until told to stop; begins anew where the hub has come to whenever
/// the stream ends, as a sensor does. Answers what was acknowledged last.
async fn keep_sending(site: &Site, mut stop: tokio::sync::oneshot::Receiver<()>) -> u64 {
    let mut sensor: Option<Sensor> = None;
    let mut acknowledged = 0;
    while stop.try_recv().is_err() {
        let Some(stream) = &mut sensor else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let hello = Hello { sensor: "s".to_owned(), epoch: 1, ..Hello::default() };
            sensor = Sensor::try_greet(site.channel().await, hello).await;
            let known = sensor.as_ref().map_or(acknowledged, |sensor| sensor.acknowledged);
            assert!(known >= acknowledged, "{acknowledged} was acknowledged, and {known} is there");
            continue;
        };
        let first = stream.acknowledged + 1;
        let alerts = (first..first + BATCH).map(|sequence| alert("s", sequence)).collect();
        if stream.try_batch(Batch { first_sequence: first, alerts }).await.is_some() {
            acknowledged = stream.acknowledged;
            tokio::time::sleep(Duration::from_millis(5)).await;
        } else {
            sensor = None;
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_goes_on_by_itself_and_nothing_is_lost_or_there_twice() {
    const TEST: &str = "broker_outage";
    let Some(broker) = Broker::own(TEST) else { return };
    let hostport = broker.address();
    let site = Site::with(move |config: &mut Config| in_topic(config, &hostport, TEST)).await;
    let mut alerts =
        site.client().await.subscribe(SubscribeOptions { start: Start::Beginning, ..Default::default() });
    let mut next = async move || {
        let entry = tokio::time::timeout(4 * PATIENCE, alerts.next()).await.expect("alerts come");
        entry.expect("the stream goes on").unwrap().sequence
    };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let drive = async {
        let mut last = 0;
        // In the middle of the flow the broker goes away for longer than a moment.
        while last < 500 {
            last = expect_next(last, next().await);
        }
        let away = Instant::now();
        tokio::task::block_in_place(|| broker.run("stop"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        tokio::task::block_in_place(|| broker.run("start"));
        // More than can have been on its way when it went.
        let before = last;
        while last < before + 2000 {
            last = expect_next(last, next().await);
        }
        stop.send(()).unwrap();
        (last, away.elapsed())
    };
    let (acknowledged, (mut last, away)) = tokio::join!(keep_sending(&site, stopped), drive);
    assert!(away > Duration::from_secs(5));
    while last < acknowledged {
        last = expect_next(last, next().await);
    }
    assert_eq!(site.sensor("s").await.acknowledged, last.max(acknowledged));
}

/// Every alert comes, once and in order.
fn expect_next(last: u64, next: u64) -> u64 {
    assert_eq!(next, last + 1);
    next
}
