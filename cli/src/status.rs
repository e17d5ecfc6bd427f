//! `cadge hub status`: what a hub knows of its fleet, as tables or JSON; and forgetting what is gone.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use cadge_client::fleet::{FleetStatus, Sensor};
use serde_json::{Value, json};

use crate::args::{Forget, Status};
use crate::hub::runtime;
use crate::print::{escape, is_coloured};
use crate::read::connect;
use crate::table::{Cell, GREEN, RED, Table, YELLOW, cell};

/// Prints the status.
pub(crate) fn run(args: &Status) -> Result<()> {
    let status =
        runtime()?.block_on(async { anyhow::Ok(connect(&args.reach).await?.fleet_status().await?) })?;
    if args.json {
        println!("{}", as_json(&status));
    } else {
        print!("{}", as_text(&status, is_coloured(args.color)));
    }
    Ok(())
}

/// Forgets a cursor.
pub(crate) fn forget_cursor(args: &Forget) -> Result<()> {
    let was_there = runtime()?
        .block_on(async { anyhow::Ok(connect(&args.reach).await?.forget_cursor(&args.name).await?) })?;
    if !was_there {
        bail!("the hub has no cursor `{}`; `cadge hub status` lists them", args.name);
    }
    Ok(())
}

/// Forgets a sensor.
pub(crate) fn forget_sensor(args: &Forget) -> Result<()> {
    let was_there = runtime()?
        .block_on(async { anyhow::Ok(connect(&args.reach).await?.forget_sensor(&args.name).await?) })?;
    if !was_there {
        bail!("the hub knows no sensor `{}`; `cadge hub status` lists them", args.name);
    }
    Ok(())
}

/// A sensor's state in one word.
fn state(sensor: &Sensor) -> &'static str {
    match (sensor.silent, sensor.connected) {
        (true, _) => "silent",
        (false, true) => "up",
        (false, false) => "gone",
    }
}

/// The sum of a counter over its labels.
fn sum(sensor: &Sensor, counter: &str) -> u64 {
    let is_it = |name: &str| name.split('{').next() == Some(counter);
    sensor.counters.iter().filter(|(name, _)| is_it(name)).map(|(_, count)| count).sum()
}

fn as_json(status: &FleetStatus) -> Value {
    let time = |time: &Option<prost_types::Timestamp>| time.as_ref().map(ToString::to_string);
    let sensor = |sensor: &Sensor| {
        json!({
            "sensor": sensor.sensor, "hostname": sensor.hostname, "state": state(sensor),
            "connected": sensor.connected, "since": time(&sensor.since),
            "last_heartbeat": time(&sensor.last_heartbeat), "last_seen": time(&sensor.last_seen),
            "version": sensor.version, "kernel": sensor.kernel, "rules_digest": sensor.rules_digest,
            "sources": sensor.sources, "spooled": sensor.spooled, "epoch": sensor.epoch,
            "acknowledged": sensor.acknowledged, "batches": sensor.batches,
            "dropped": sum(sensor, "dropped_total"), "counters": sensor.counters,
        })
    };
    let log = status.log.clone().unwrap_or_default();
    json!({
        "version": status.version, "started": time(&status.started), "now": time(&status.now),
        "sensors_forgotten": status.sensors_forgotten, "counters_refused": status.counters_refused,
        "log": {"kind": log.kind, "path": log.path, "first": log.first, "head": log.head, "bytes": log.bytes},
        "sensors": status.sensors.iter().map(sensor).collect::<Vec<_>>(),
        "consumers": status.consumers.iter().map(|consumer| json!({
            "name": consumer.name, "position": consumer.position, "lag": consumer.lag, "streams": consumer.streams,
        })).collect::<Vec<_>>(),
    })
}

fn as_text(status: &FleetStatus, color: bool) -> String {
    let now = status.now.and_then(|now| SystemTime::try_from(now).ok()).unwrap_or_else(SystemTime::now);
    let age =
        |time: Option<prost_types::Timestamp>| match time.and_then(|time| SystemTime::try_from(time).ok()) {
            Some(time) => short(now.duration_since(time).unwrap_or_default()),
            None => "-".to_owned(),
        };
    let log = status.log.clone().unwrap_or_default();
    let mut text = format!("hub {}, up {}\n", escape(&status.version), age(status.started));
    let held = log.head.saturating_sub(log.first.saturating_sub(1));
    text.push_str(&format!(
        "log {} {}: {held} alerts, positions {} to {}, {}\n\n",
        log.kind,
        log.path,
        log.first,
        log.head,
        bytes(log.bytes)
    ));
    let mut sensors = Table::new(&[
        "SENSOR",
        "HOST",
        "STATE",
        "HEARTBEAT",
        "VERSION",
        "KERNEL",
        "RULES",
        "SOURCES",
        "SPOOLED",
        "EVENTS",
        "DROPS",
    ]);
    for sensor in &status.sensors {
        let paint = match state(sensor) {
            "up" => GREEN,
            "silent" => RED,
            _ => YELLOW,
        };
        let drops = sum(sensor, "dropped_total");
        sensors.row(vec![
            cell(&sensor.sensor),
            cell(&sensor.hostname),
            Cell { text: format!("{} {}", state(sensor), age(sensor.since)), paint },
            cell(&age(sensor.last_heartbeat)),
            cell(&sensor.version),
            cell(&sensor.kernel),
            cell(&sensor.rules_digest),
            cell(&sensor.sources.join(",")),
            cell(&sensor.spooled.to_string()),
            cell(&sum(sensor, "events_total").to_string()),
            Cell { text: drops.to_string(), paint: if drops > 0 { RED } else { "" } },
        ]);
    }
    text.push_str(&sensors.print(color));
    text.push('\n');
    let mut consumers = Table::new(&["CONSUMER", "POSITION", "LAG", "STREAMS"]);
    for consumer in &status.consumers {
        let numbers = [consumer.position, consumer.lag, consumer.streams.into()];
        let numbers = numbers.iter().map(|number| cell(&number.to_string()));
        consumers.row(std::iter::once(cell(&consumer.name)).chain(numbers).collect());
    }
    text.push_str(&consumers.print(color));
    text
}

/// An age as people say it: its largest unit, and the next one while that matters.
fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, hours, ..) => format!("{days}d{hours}h"),
    }
}

fn bytes(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit * 10 / unit);
    match count {
        0..1024 => format!("{count} B"),
        1024..0x10_0000 => format!("{} KiB", tenths(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{} MiB", tenths(1 << 20)),
        _ => format!("{} GiB", tenths(1 << 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadge_client::fleet::{ConsumerState, LogState};

    fn status() -> FleetStatus {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let counters = [
            ("dropped_total{class=\"bulk\",cause=\"ring_full\"}".to_owned(), 5),
            ("dropped_total{class=\"alert\",cause=\"queue_full\"}".to_owned(), 2),
            ("events_total{class=\"bulk\"}".to_owned(), 1000),
        ];
        let web = Sensor {
            sensor: "web-1".to_owned(),
            hostname: "web\x1b[2J".to_owned(),
            version: "0.1.0".to_owned(),
            kernel: "6.1.0".to_owned(),
            rules_digest: "1a2b3c4d".to_owned(),
            connected: true,
            since: at(100),
            last_heartbeat: at(7297),
            counters: counters.into(),
            ..Sensor::default()
        };
        let db = Sensor { sensor: "database".to_owned(), silent: true, since: at(0), ..Sensor::default() };
        let consumer = ConsumerState { name: "exporter".to_owned(), position: 90, lag: 10, streams: 1 };
        let log =
            LogState { kind: "sqlite".to_owned(), path: "/l".to_owned(), first: 11, head: 100, bytes: 1536 };
        FleetStatus {
            version: "0.1.0".to_owned(),
            started: at(7200),
            now: at(7300),
            log: Some(log),
            sensors: vec![db, web],
            consumers: vec![consumer],
            ..FleetStatus::default()
        }
    }

    #[test]
    fn people_get_tables() {
        let expected = "\
hub 0.1.0, up 1m40s
log sqlite /l: 90 alerts, positions 11 to 100, 1.5 KiB

SENSOR    HOST          STATE        HEARTBEAT  VERSION  KERNEL  RULES     SOURCES  SPOOLED  EVENTS  DROPS
database  -             silent 2h1m  -          -        -       -         -        0        0       0
web-1     web\\u{1b}[2J  up 2h0m      3s         0.1.0    6.1.0   1a2b3c4d  -        0        1000    7

CONSUMER  POSITION  LAG  STREAMS
exporter  90        10   1
";
        assert_eq!(as_text(&status(), false), expected);
        let coloured = as_text(&status(), true);
        assert!(coloured.contains("\x1b[31msilent 2h1m\x1b[0m"), "{coloured}");
        assert!(coloured.contains("\x1b[31m7\x1b[0m"), "{coloured}");
    }

    #[test]
    fn machines_get_json() {
        let json = as_json(&status());
        assert_eq!(json["sensors"][1]["dropped"], 7);
        assert_eq!(json["sensors"][1]["last_heartbeat"], "1970-01-01T02:01:37Z");
        assert_eq!(json["sensors"][0]["state"], "silent");
        assert_eq!(json["consumers"][0]["lag"], 10);
        assert_eq!(json["log"]["head"], 100);
    }
}
