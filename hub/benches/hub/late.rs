//! How long an alert takes from a sensor to a subscriber who decodes it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::{self, outputs_client::OutputsClient, subscribe_request};
use prost::Message as _;

use crate::alerts::alert;
use crate::send::Sensor;
use crate::way::channel;

/// Sensors.
const SENSORS: u64 = 10;

/// A sensor sends what it has so often.
const PERIOD: Duration = Duration::from_millis(20);

/// How long it goes on.
const SECONDS: u64 = 10;

/// Sends so many alerts a second, and prints the percentiles.
pub(crate) fn run(socket: &Path, rate: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = OutputsClient::new(channel(socket).await);
        let open = v1::Open { transient: true, ..Default::default() };
        let first = v1::SubscribeRequest { kind: Some(subscribe_request::Kind::Open(open)) };
        let requests = tokio_stream::StreamExt::chain(tokio_stream::iter([first]), tokio_stream::pending());
        let mut stream = client.subscribe(requests).await.unwrap().into_inner();
        stream.message().await.unwrap();
        let periods = SECONDS * 1000 / u64::try_from(PERIOD.as_millis()).unwrap();
        let each = rate * SECONDS / periods / SENSORS;
        for number in 0..SENSORS {
            let name = format!("late-{}-{number}", std::process::id());
            let sensor = Sensor::connect(socket, name).await;
            tokio::spawn(send(sensor, number, periods, each));
        }
        let mut waits = Vec::new();
        while (waits.len() as u64) < periods * each * SENSORS {
            for entry in stream.message().await.unwrap().unwrap().entries {
                let alert = entry.alert.unwrap().decode().unwrap();
                let raised = SystemTime::try_from(alert.time.unwrap()).unwrap();
                waits.push(raised.elapsed().unwrap_or_default());
            }
        }
        waits.sort();
        let at = |share: usize| waits[waits.len() * share / 1000].as_secs_f64() * 1000.0;
        println!("p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms", at(500), at(990), at(999));
    });
}

async fn send(mut sensor: Sensor, number: u64, periods: u64, each: u64) {
    // Not all at the same moment.
    tokio::time::sleep(PERIOD * u32::try_from(number).unwrap() / u32::try_from(SENSORS).unwrap()).await;
    let mut ticks = tokio::time::interval(PERIOD);
    for period in 0..periods {
        ticks.tick().await;
        let sequences = period * each + 1..=(period + 1) * each;
        let alerts = sequences.map(|sequence| {
            let alert = cadge_proto::Alert { sequence, ..alert(&sensor.name, sequence % 32) };
            RawAlert::new(alert.encode_to_vec())
        });
        sensor.batch(v1::Batch { first_sequence: period * each + 1, alerts: alerts.collect() }).await;
        sensor.acknowledged().await;
    }
}
