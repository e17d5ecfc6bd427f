//! What a hub carries: alerts a second into the log and out of it, how late they are, what they cost.
//! The hub, its sensors and its subscribers are processes of their own, all on this machine: their CPU
//! and memory are told apart, but they share the cores.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]
#![allow(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

#[path = "hub/alerts.rs"]
mod alerts;
#[path = "hub/late.rs"]
mod late;
#[path = "hub/receive.rs"]
mod receive;
#[path = "hub/send.rs"]
mod send;
#[path = "hub/serve.rs"]
mod serve;

use std::path::Path;

use receive::{Api, From};
use serve::HubProcess;

/// Alerts in the log, unless `CADGE_BENCH_ALERTS` says otherwise.
const ALERTS: u64 = 10_000_000;

/// Sensors that send at the same time.
const SENSORS: u64 = 100;

/// Subscribers, and the alerts that each of them receives.
const FAN_OUT: [(u64, u64); 3] = [(1, 400_000), (10, 200_000), (100, 60_000)];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => all(),
        ["serve", dir] => serve::run(Path::new(dir)),
        ["send", socket, sensors, alerts] => {
            send::run(Path::new(socket), sensors.parse().unwrap(), alerts.parse().unwrap());
        }
        ["receive", socket, api, from, subscribers, alerts] => {
            let (api, from) = (api.parse().unwrap(), from.parse().unwrap());
            receive::run(Path::new(socket), api, from, subscribers.parse().unwrap(), alerts.parse().unwrap());
        }
        ["late", socket, rate] => late::run(Path::new(socket), rate.parse().unwrap()),
        _ => panic!("unknown arguments: {args:?}"),
    }
}

fn all() {
    let alerts = std::env::var("CADGE_BENCH_ALERTS").map_or(ALERTS, |alerts| alerts.parse().unwrap());
    let hub = HubProcess::start();
    println!("hub: {} bytes an alert, encoded, with 10 output fields", alerts::mean_bytes());
    println!("hub: all by Unix socket; sensors, hub and subscribers share {} cores", cores());
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

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, Into::into)
}

fn ingest(hub: &HubProcess, alerts: u64) {
    let cpu = hub.cpu_seconds();
    let seconds = hub.send(SENSORS, alerts).seconds();
    let cost = (hub.cpu_seconds() - cpu) / (alerts as f64 / 1e6);
    let rate = alerts as f64 / seconds;
    println!(
        "hub: {rate:.0} alerts/s in, durable ({SENSORS} sensors, {alerts} alerts; hub {cost:.1} CPU s a million)"
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
        "hub: {:.0} alerts/s out by {} to {subscribers} subscribers ({alerts} alerts each, while they come in; hub {cost:.1} CPU s a million)",
        all / seconds,
        api.name()
    );
}

fn late(hub: &HubProcess, rate: u64) {
    println!("hub: {} from a sensor to a subscriber at {rate} alerts/s", hub.late(rate));
}
