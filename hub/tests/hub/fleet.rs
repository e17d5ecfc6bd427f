//! What a hub knows of its sensors, and that it misses those that fall silent.

use std::time::Duration;

use cadge_client::fleet::{FleetStatus, Sensor as SensorState};
use cadge_client::{Alert, Error, GetOptions, SubscribeOptions};
use cadge_proto::raw::v1::{Heartbeat, Hello};
use futures_util::StreamExt as _;

use super::site::{PATIENCE, Sensor, Site};

const SILENT: &str = "Cadge internal: sensor silent";
const BACK: &str = "Cadge internal: sensor back";

fn hello(name: &str) -> Hello {
    Hello {
        sensor: name.to_owned(),
        hostname: format!("{name}.example"),
        version: "0.1.0".to_owned(),
        kernel: "6.1.0-test".to_owned(),
        rules_digest: "1a2b3c4d".to_owned(),
        sources: vec!["ebpf".to_owned()],
        epoch: 1,
        ..Hello::default()
    }
}

fn beat(dropped: u64) -> Heartbeat {
    let counters = [("dropped_total{class=\"bulk\",cause=\"ring_full\"}".to_owned(), dropped)];
    Heartbeat { counters: counters.into(), spooled: 3, ..Heartbeat::default() }
}

/// Asks until the status is as it should be.
async fn status(site: &Site, is_right: impl Fn(&FleetStatus) -> bool) -> FleetStatus {
    let client = site.client().await;
    let asked = async {
        loop {
            let status = client.fleet_status().await.unwrap();
            if is_right(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the status becomes right")
}

fn sensor<'a>(status: &'a FleetStatus, name: &str) -> &'a SensorState {
    status.sensors.iter().find(|sensor| sensor.sensor == name).expect("the sensor is known")
}

/// The streams of the consumer whose cursor's name ends so.
fn streams(status: &FleetStatus, cursor: &str) -> Option<u32> {
    status.consumers.iter().find(|consumer| consumer.name.ends_with(cursor)).map(|consumer| consumer.streams)
}

/// The next alert of a rule, about a sensor.
async fn announced(site: &Site, cursor: &str, rule: &str) -> Alert {
    let mut entries = site.client().await.subscribe(SubscribeOptions::durable(cursor));
    let next = async {
        loop {
            let alert = entries.next().await.unwrap().unwrap();
            if alert.rule == rule {
                return alert;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("it is announced")
}

#[tokio::test]
async fn the_status_says_who_is_there_and_how_far_consumers_are() {
    let site = Site::start().await;
    let mut web = Sensor::greet(site.channel().await, hello("web")).await;
    web.send(1..=10).await;
    web.heartbeat(beat(7)).await;
    let status = status(&site, |status| {
        status.sensors.first().is_some_and(|sensor| sensor.last_heartbeat.is_some())
            && status.consumers.iter().any(|consumer| consumer.name == "exporter" && consumer.lag == 0)
    })
    .await;
    let web = sensor(&status, "web");
    assert_eq!(
        (web.hostname.as_str(), web.version.as_str(), web.kernel.as_str(), web.rules_digest.as_str()),
        ("web.example", "0.1.0", "6.1.0-test", "1a2b3c4d")
    );
    assert_eq!((web.acknowledged, web.batches, web.spooled, web.connected), (10, 1, 3, true));
    assert_eq!(web.counters.values().sum::<u64>(), 7);
    let log = status.log.unwrap();
    assert_eq!((log.kind.as_str(), log.first, log.head), ("sqlite", 1, 10));
}

#[tokio::test]
async fn a_sensor_that_falls_silent_is_announced_and_so_is_its_return() {
    let site = Site::with(|config| config.fleet.silent_after_ms = 500).await;
    let web = Sensor::greet(site.channel().await, hello("web")).await;
    web.heartbeat(beat(0)).await;
    // The connection stands, but nothing comes of it: a sensor that hangs.
    let alert = announced(&site, "watch", SILENT).await;
    assert_eq!((alert.source.as_str(), alert.priority.number()), ("internal", 2));
    assert_eq!(
        (alert.output_fields.get("sensor").unwrap(), alert.output_fields.get("connected").unwrap()),
        ("web", "true")
    );
    assert_ne!(alert.output_fields.get("last_heartbeat").unwrap(), "never");
    web.heartbeat(beat(0)).await;
    let alert = announced(&site, "watch", BACK).await;
    assert_eq!((alert.output_fields.get("sensor").unwrap(), alert.priority.number()), ("web", 5));
    // One that has ended in order is missed like any other.
    drop(web);
    let alert = announced(&site, "watch", SILENT).await;
    assert_eq!(alert.output_fields.get("sensor").unwrap(), "web");
}

#[tokio::test]
async fn a_sensor_that_goes_while_the_hub_is_away_is_missed_once() {
    let mut site = Site::with(|config| config.fleet.silent_after_ms = 2000).await;
    let gone = Sensor::greet(site.channel().await, hello("gone")).await;
    status(&site, |status| status.sensors.len() == 1).await;
    drop(gone);
    site.restart().await;
    announced(&site, "watch", SILENT).await;
    status(&site, |status| sensor(status, "gone").silent).await;
    site.restart().await;
    let known = status(&site, |_| true).await;
    assert!(sensor(&known, "gone").silent, "what was announced is remembered");
    let client = site.client().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let alerts: Vec<_> =
        client.get(GetOptions::default()).await.unwrap().map(|alert| alert.unwrap().rule).collect().await;
    assert_eq!(alerts, [SILENT]);
}

#[tokio::test]
async fn what_will_not_come_back_can_be_forgotten() {
    let site = Site::start().await;
    let web = Sensor::greet(site.channel().await, hello("web")).await;
    let client = site.client().await;
    status(&site, |status| status.sensors.len() == 1).await;
    drop(web);
    assert!(client.forget_sensor("web").await.unwrap());
    assert!(!client.forget_sensor("web").await.unwrap());
    assert!(client.fleet_status().await.unwrap().sensors.is_empty());
    // The exporter is at work: its cursor stays.
    status(&site, |status| streams(status, "exporter") == Some(1)).await;
    let error = client.forget_cursor("exporter").await.unwrap_err();
    assert!(matches!(error, Error::InvalidRequest(_)) && error.to_string().contains("in use"), "{error:?}");
    let mine = client.subscribe(SubscribeOptions::durable("mine"));
    status(&site, |status| streams(status, "mine") == Some(1)).await;
    drop(mine);
    let left = status(&site, |status| streams(status, "mine") == Some(0)).await;
    let name = &left.consumers.iter().find(|consumer| consumer.name.ends_with("mine")).unwrap().name;
    assert!(client.forget_cursor(name).await.unwrap());
    assert!(!client.forget_cursor(name).await.unwrap());
}
