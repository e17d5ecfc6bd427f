//! What a hub carries: alerts a second into the log and out of it, how late they are, what they cost.
//! The hub, its sensors and its subscribers are processes of their own, all on this machine: their CPU
//! and memory are told apart, but they share the cores.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]
#![allow(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

#[path = "hub/alerts.rs"]
mod alerts;
#[path = "hub/backup.rs"]
mod backup;
#[path = "hub/way.rs"]
mod way;
#[path = "hub/late.rs"]
mod late;
#[path = "hub/post.rs"]
mod post;
#[path = "hub/receive.rs"]
mod receive;
#[path = "hub/send.rs"]
mod send;
#[path = "hub/serve.rs"]
mod serve;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/hub/secured.rs"]
mod secured;

use std::path::Path;

use receive::{Api, From};
use serve::HubProcess;
use way::Way;

/// Alerts in the log, unless `CADGE_BENCH_ALERTS` says otherwise.
const ALERTS: u64 = 10_000_000;

/// Sensors that send at the same time.
const SENSORS: u64 = 100;

/// Connections that alerts are posted by, and for each way: alerts in a request, and alerts in all.
const POSTING: u64 = 100;
const POSTS: [(u64, u64); 2] = [(1, 100_000), (250, 1_000_000)];

/// Subscribers, and the alerts that each of them receives.
const FAN_OUT: [(u64, u64); 3] = [(1, 400_000), (10, 200_000), (100, 60_000)];

/// Settings of `log.group_wait_ms` that are compared, and the alerts that come in with each.
const GROUP_WAITS_MS: [u64; 4] = [0, 1, 2, 5];
const GROUP_WAIT_ALERTS: u64 = 1_000_000;

/// What is measured of so many alerts, with its name.
type Part = (&'static str, fn(u64));

/// All of it, each with a hub of its own. `CADGE_BENCH_ONLY` picks one by name.
const PARTS: [Part; 5] = [
    ("socket", by_socket),
    ("tls", by_tls),
    ("http", by_http),
    ("backup", with_backup),
    ("group_wait", group_waits),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => all(),
        ["serve", dir, group_wait_ms] => serve::run(Path::new(dir), group_wait_ms.parse().unwrap()),
        ["send", socket, sensors, alerts] => {
            send::run(Path::new(socket), sensors.parse().unwrap(), alerts.parse().unwrap());
        }
        ["post", address, batch, alerts] => {
            post::run(address, POSTING, batch.parse().unwrap(), alerts.parse().unwrap());
        }
        ["receive", socket, api, from, subscribers, alerts] => {
            let (api, from) = (api.parse().unwrap(), from.parse().unwrap());
            receive::run(Path::new(socket), api, from, subscribers.parse().unwrap(), alerts.parse().unwrap());
        }
        ["late", socket, rate] => late::run(Path::new(socket), rate.parse().unwrap()),
        ["backup", socket, to] => backup::run(Path::new(socket), Path::new(to)),
        _ => panic!("unknown arguments: {args:?}"),
    }
}

fn all() {
    let alerts = std::env::var("CADGE_BENCH_ALERTS").map_or(ALERTS, |alerts| alerts.parse().unwrap());
    println!("hub: {} bytes an alert, encoded, with 10 output fields", alerts::mean_bytes());
    println!(
        "hub: sensors, hub and subscribers share {} cores; all by Unix socket but for mTLS and HTTP",
        cores()
    );
    let only = std::env::var("CADGE_BENCH_ONLY").ok();
    for (_, part) in PARTS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        part(alerts);
    }
}

fn by_socket(alerts: u64) {
    let hub = HubProcess::start(Way::Socket, 0);
    ingest(&hub, alerts);
    idle(&hub, alerts);
    catch_up(&hub, alerts);
    for api in [Api::Cadge, Api::Falco] {
        for (subscribers, alerts) in FAN_OUT {
            fan_out(&hub, api, subscribers, alerts);
        }
    }
    late(&hub, 10_000);
}

fn by_tls(alerts: u64) {
    let hub = HubProcess::start(Way::Tls, 0);
    ingest(&hub, alerts / 5);
    for api in [Api::Cadge, Api::Falco] {
        fan_out(&hub, api, 10, 200_000);
    }
    late(&hub, 10_000);
}

fn by_http(alerts: u64) {
    let hub = HubProcess::start(Way::Socket, 0);
    for (batch, most) in POSTS {
        post(&hub, batch, alerts.min(most));
    }
}

/// What a backup costs those who send, of a log that is as large as several seconds of theirs.
fn with_backup(alerts: u64) {
    let hub = HubProcess::start(Way::Socket, 0);
    let each = alerts / 5;
    hub.send(SENSORS, each).seconds();
    let before = hub.send(SENSORS, each).seconds();
    let mut backups = hub.backups();
    let during = hub.send(SENSORS, each).seconds();
    let mib = backups.ended_line();
    println!(
        "hub: {:.0} alerts/s in while backups are made, {:.2} of the {:.0} without ({each} alerts; {mib} meanwhile)",
        each as f64 / during,
        before / during,
        each as f64 / before
    );
}

/// What waiting for a larger group brings, and what it costs.
fn group_waits(alerts: u64) {
    for wait in GROUP_WAITS_MS {
        let hub = HubProcess::start(Way::Socket, wait);
        let alerts = alerts.min(GROUP_WAIT_ALERTS);
        let rate = alerts as f64 / hub.send(SENSORS, alerts).seconds();
        println!(
            "hub: group_wait_ms {wait}: {rate:.0} alerts/s in ({SENSORS} sensors, {alerts} alerts), {} at 10000/s",
            hub.late(10_000)
        );
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, Into::into)
}

fn ingest(hub: &HubProcess, alerts: u64) {
    let cpu = hub.cpu_seconds();
    let seconds = hub.send(SENSORS, alerts).seconds();
    let cost = (hub.cpu_seconds() - cpu) / (alerts as f64 / 1e6);
    let rate = alerts as f64 / seconds;
    println!(
        "{}: {rate:.0} alerts/s in, durable ({SENSORS} sensors, {alerts} alerts; hub {cost:.1} CPU s a million)",
        hub.name()
    );
}

fn post(hub: &HubProcess, batch: u64, alerts: u64) {
    let cpu = hub.cpu_seconds();
    let seconds = hub.post(batch, alerts).seconds();
    let cost = (hub.cpu_seconds() - cpu) / (alerts as f64 / 1e6);
    let way = if batch == 1 {
        "one alert a request as a stock Falco sends".to_owned()
    } else {
        format!("{batch} alerts a request")
    };
    println!(
        "hub: {:.0} alerts/s in by HTTP, {way} ({POSTING} connections, {alerts} alerts; hub {cost:.1} CPU s a million)",
        alerts as f64 / seconds
    );
}

fn idle(hub: &HubProcess, alerts: u64) {
    let before = hub.resident_mib();
    let mut idle = hub.receive(Api::Cadge, From::Now, 1000, 0);
    println!(
        "hub: {} MiB resident with {alerts} alerts stored and 1000 idle subscribers ({before} MiB without them), {} MiB on disk",
        hub.resident_mib(),
        hub.disk_mib()
    );
    idle.stop();
}

fn catch_up(hub: &HubProcess, alerts: u64) {
    let cpu = hub.cpu_seconds();
    let seconds = hub.receive(Api::Cadge, From::Beginning, 1, alerts).seconds();
    let rate = alerts as f64 / seconds;
    let cost = (hub.cpu_seconds() - cpu) / (alerts as f64 / 1e6);
    println!(
        "hub: {rate:.0} alerts/s to one cursor from the beginning ({alerts} alerts; hub {cost:.1} CPU s a million)"
    );
}

fn fan_out(hub: &HubProcess, api: Api, subscribers: u64, alerts: u64) {
    let receivers = hub.receive(api, From::Now, subscribers, alerts);
    let cpu = hub.cpu_seconds();
    let senders = hub.send(SENSORS.min(10), alerts);
    let seconds = receivers.seconds();
    let all = (alerts * subscribers) as f64;
    senders.seconds();
    let cost = (hub.cpu_seconds() - cpu) / (all / 1e6);
    println!(
        "{}: {:.0} alerts/s out by {} to {subscribers} subscribers ({alerts} alerts each, while they come in; hub {cost:.1} CPU s a million)",
        hub.name(),
        all / seconds,
        api.name()
    );
}

fn late(hub: &HubProcess, rate: u64) {
    println!("{}: {} from a sensor to a subscriber at {rate} alerts/s", hub.name(), hub.late(rate));
}
