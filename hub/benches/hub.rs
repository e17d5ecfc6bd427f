//! Alerts per second into the log (durable: acknowledged after the disk has them) and out of it.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]

use std::time::Instant;

use cadge_client::{Client, SubscribeOptions};
use futures_util::StreamExt as _;

#[path = "../tests/hub/site.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod site;

use site::Site;

/// Alerts in all.
const ALERTS: u64 = 400_000;

/// Alerts in one batch.
const BATCH: u64 = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let site = Site::start().await;
        for sensors in [1, 4] {
            ingest(&site, sensors).await;
        }
        for subscribers in [1, 4] {
            subscribe(&site, subscribers).await;
        }
    });
}

async fn ingest(site: &Site, sensors: u64) {
    let start = Instant::now();
    let mut streams = Vec::new();
    for number in 0..sensors {
        let mut sensor = site.sensor(&format!("s{sensors}-{number}")).await;
        streams.push(tokio::spawn(async move {
            for first in (1..=ALERTS / sensors).step_by(usize::try_from(BATCH).unwrap()) {
                sensor.send(first..=first + BATCH - 1).await;
            }
        }));
    }
    for stream in streams {
        stream.await.unwrap();
    }
    print("in, durable", &format!("{sensors} sensors, one batch of {BATCH} at a time each"), ALERTS, start);
}

async fn subscribe(site: &Site, subscribers: u64) {
    let start = Instant::now();
    let mut streams = Vec::new();
    for number in 0..subscribers {
        let client: Client = site.client().await;
        let options = SubscribeOptions::durable(&format!("bench-{subscribers}-{number}"));
        streams.push(tokio::spawn(async move {
            let mut alerts = client.subscribe(options).take(usize::try_from(2 * ALERTS).unwrap());
            while let Some(entry) = alerts.next().await {
                entry.unwrap();
            }
        }));
    }
    for stream in streams {
        stream.await.unwrap();
    }
    print("out", &format!("{subscribers} subscribers, decoded by each"), 2 * ALERTS * subscribers, start);
}

fn print(what: &str, how: &str, alerts: u64, start: Instant) {
    let rate = f64::from(u32::try_from(alerts).unwrap()) / start.elapsed().as_secs_f64();
    println!("hub: {rate:.0} alerts/s {what} ({how})");
}
