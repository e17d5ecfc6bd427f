//! `grpc.outputs`: where callers start, and the queue that they share if that is set.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;

use cadge_hub::config::{Config, OutputsStart, Role, UnixUser};
use cadge_proto::falco::outputs::service_client::ServiceClient;
use cadge_proto::falco::outputs::{Request, Response};
use tonic::Streaming;
use tonic::transport::Channel;

use super::each_log::on_each_log;
use super::site::{PATIENCE, Site, connect};

on_each_log! {
    each_alert_goes_to_one_of_the_streams(super::shared),
    a_get_takes_its_alerts_from_everybody_else(super::shared),
    what_a_broken_stream_had_in_hand_goes_to_another(super::shared),
    a_restart_of_the_hub_loses_nothing_of_the_queue(super::shared),
}

fn shared(config: &mut Config) {
    config.grpc.outputs.shared_queue = true;
}

async fn client(site: &Site) -> ServiceClient<Channel> {
    ServiceClient::new(site.channel().await)
}

async fn sub(site: &Site) -> Streaming<Response> {
    client(site).await.sub(tokio_stream::empty()).await.unwrap().into_inner()
}

fn number(response: &Response) -> u64 {
    response.output.strip_prefix("alert ").unwrap().parse().unwrap()
}

async fn next(stream: &mut Streaming<Response>) -> u64 {
    number(&stream.message().await.unwrap().expect("the stream goes on"))
}

/// All of a `get`.
async fn get(site: &Site) -> Vec<u64> {
    // What is durable can be read a moment later. A hub that greets a sensor has read all of its log.
    site.sensor("another").await;
    let mut stream = client(site).await.get(Request {}).await.unwrap().into_inner();
    let mut numbers = Vec::new();
    while let Some(response) = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap() {
        numbers.push(number(&response));
    }
    numbers
}

/// What two streams get until they have so many together.
async fn both(one: &mut Streaming<Response>, two: &mut Streaming<Response>, count: usize) -> [Vec<u64>; 2] {
    let mut had = [Vec::new(), Vec::new()];
    let all = async {
        while had[0].len() + had[1].len() < count {
            tokio::select! {
                number = next(one) => had[0].push(number),
                number = next(two) => had[1].push(number),
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all alerts come");
    had
}

fn set(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
    numbers.into_iter().collect()
}

async fn each_alert_goes_to_one_of_the_streams(site: Site) {
    let (mut one, mut two) = (sub(&site).await, sub(&site).await);
    let mut sensor = site.sensor("s").await;
    for first in (1..=2000).step_by(20) {
        sensor.send(first..=first + 19).await;
    }
    let [one, two] = both(&mut one, &mut two, 2000).await;
    assert!(!one.is_empty() && !two.is_empty(), "{} and {}", one.len(), two.len());
    // 2000 numbers that are all different: none is missing, none came to both.
    assert_eq!(set(one.into_iter().chain(two)), set(1..=2000));
}

async fn a_get_takes_its_alerts_from_everybody_else(mut site: Site) {
    let mut sensor = site.sensor("s").await;
    sensor.send(1..=1500).await;
    assert_eq!(get(&site).await, (1..=1500).collect::<Vec<_>>());
    assert_eq!(get(&site).await, [0; 0]);
    sensor.send(1501..=1510).await;
    site.restart().await;
    assert_eq!(get(&site).await, (1501..=1510).collect::<Vec<_>>());
    let mut stream = sub(&site).await;
    site.sensor("s").await.send(1511..=1511).await;
    assert_eq!(tokio::time::timeout(PATIENCE, next(&mut stream)).await.unwrap(), 1511);
}

/// A subscriber that does nothing any more, not even read its socket. It breaks off when it is told to.
fn stuck(site: &Site) -> (tokio::sync::oneshot::Receiver<()>, SyncSender<()>, std::thread::JoinHandle<()>) {
    let path = site.socket();
    let (subscribed, ready) = tokio::sync::oneshot::channel();
    let (end, ended) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let mut client = ServiceClient::new(connect(path).await);
            client.sub(tokio_stream::empty()).await.unwrap()
        });
        subscribed.send(()).unwrap();
        ended.recv().unwrap();
        drop((stream, runtime));
    });
    (ready, end, thread)
}

async fn what_a_broken_stream_had_in_hand_goes_to_another(site: Site) {
    let (ready, end, thread) = stuck(&site);
    ready.await.unwrap();
    let mut sensor = site.sensor("s").await;
    // All of it is the stuck one's, as far as it takes anything.
    sensor.send(1..=300).await;
    let mut other = sub(&site).await;
    sensor.send(301..=400).await;
    end.send(()).unwrap();
    thread.join().unwrap();
    let mut had = BTreeSet::new();
    let all = async {
        while had.len() < 400 {
            assert!(had.insert(next(&mut other).await), "nobody else had any");
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all alerts come");
}

async fn a_restart_of_the_hub_loses_nothing_of_the_queue(mut site: Site) {
    let (mut one, mut two) = (sub(&site).await, sub(&site).await);
    site.sensor("s").await.send(1..=500).await;
    let [first, second] = both(&mut one, &mut two, 100).await;
    let mut had = set(first.into_iter().chain(second));
    site.restart().await;
    for stream in [&mut one, &mut two] {
        while let Ok(Some(response)) = stream.message().await {
            had.insert(number(&response));
        }
    }
    site.sensor("s").await.send(501..=600).await;
    let mut again = sub(&site).await;
    let all = async {
        while had.len() < 600 {
            had.insert(next(&mut again).await);
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all alerts come");
}

#[tokio::test]
async fn a_new_caller_starts_where_the_settings_say() {
    let site = Site::with(|config| {
        config.grpc.outputs.sub_start = OutputsStart::Beginning;
        config.grpc.outputs.get_start = OutputsStart::Now;
    })
    .await;
    let mut sensor = site.sensor("s").await;
    sensor.send(1..=10).await;
    let mut stream = sub(&site).await;
    for expected in 1..=10 {
        assert_eq!(tokio::time::timeout(PATIENCE, next(&mut stream)).await.unwrap(), expected);
    }
    let other = Site::with(|config| config.grpc.outputs.get_start = OutputsStart::Now).await;
    let mut sensor = other.sensor("s").await;
    sensor.send(1..=10).await;
    assert_eq!(get(&other).await, [0; 0]);
    sensor.send(11..=12).await;
    assert_eq!(get(&other).await, [11, 12]);
}

#[tokio::test]
async fn who_may_not_see_all_has_no_part_in_the_queue() {
    let site = Site::with(|config| {
        shared(config);
        config.unix.push(UnixUser {
            uid: Some(nix::unistd::geteuid().as_raw()),
            gid: None,
            role: Role::Consumer,
            name: "tenant".to_owned(),
            filter: Some("k8s.ns.name = mine".to_owned()),
            requests_per_second: None,
            connections_max: None,
        });
    })
    .await;
    let mut client = client(&site).await;
    let refused = client.get(Request {}).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    assert!(refused.message().contains("`grpc.outputs.shared_queue`"), "{refused}");
    let refused = client.sub(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}
