//! What is done to the site. To add a disturbance: write its function, then its line in the list.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use rand::Rng as _;
use rand::rngs::StdRng;

use crate::site::{self, Hub, Party, Site};
use crate::torn;

/// Its name, and what it does. It leaves nothing held, full or cut; who is dead is started after it.
pub(crate) type Disturbance = (&'static str, fn(&mut Site, &mut StdRng));

/// Every disturbance, as often as it is in a deck.
const ALL: &[Disturbance] = &[
    ("hub kill -9", kill_hub),
    ("hub SIGTERM", stop_hub),
    ("hub held", hold_hub),
    ("sensor kill -9", kill_sensor),
    ("sensor kill -9, torn spool", kill_sensor_torn),
    ("sensor SIGTERM", stop_sensor),
    ("consumer kill -9", kill_consumer),
    ("consumer SIGTERM", stop_consumer),
    ("consumer held", hold_consumer),
    ("everything kill -9", kill_all),
    ("network cut", cut_one),
    ("network cut within a write", cut_all_within),
    ("network stalled", stall_one),
    ("network stalled for all", stall_all),
    ("webhook refuses", refuse),
];

/// Those that a log in a file can have.
const FILE: &[Disturbance] = &[("hub kill -9, torn log", kill_hub_torn)];

/// Those that a log on a disk of its own can have.
const LOG_DISK: &[Disturbance] =
    &[("log's disk full", fill_log), ("log's disk full, hub kill -9", fill_log_kill)];

/// Those that a spool on a disk of its own can have.
const SPOOL_DISK: &[Disturbance] = &[("spool's disk full", fill_spool)];

/// Those that a log in Kafka can have.
const KAFKA: &[Disturbance] = &[
    ("broker kill -9", kill_broker),
    ("broker SIGTERM", stop_broker),
    ("broker held", hold_broker),
    ("both hubs kill -9", kill_hubs),
];

/// Those that are possible here.
pub(crate) fn possible(site: &Site) -> Vec<Disturbance> {
    let mut all = ALL.to_vec();
    let is_kafka = site.broker.is_some();
    let more = [
        (is_kafka, KAFKA),
        (!is_kafka, FILE),
        (site.log_disk.is_some(), LOG_DISK),
        (site.spool_disk.is_some(), SPOOL_DISK),
    ];
    all.extend(more.iter().filter(|(possible, _)| *possible).flat_map(|(_, list)| *list));
    // Once is enough: it takes a while.
    if !site.dir.path().join("renewed").exists() {
        all.push(("certificates renewed", renew));
    }
    all
}

fn pause(random: &mut StdRng, ms: std::ops::Range<u64>) {
    sleep(Duration::from_millis(random.random_range(ms)));
}

fn any_hub<'a>(site: &'a mut Site, random: &mut StdRng) -> &'a mut Hub {
    let index = random.random_range(0..site.hubs.len());
    &mut site.hubs[index]
}

fn any<'a>(parties: &'a mut [Party], random: &mut StdRng) -> &'a mut Party {
    let index = random.random_range(0..parties.len());
    &mut parties[index]
}

fn any_consumer<'a>(site: &'a mut Site, random: &mut StdRng) -> &'a mut Party {
    if random.random() { any(&mut site.durable, random) } else { any(&mut site.old, random) }
}

fn kill_hub(site: &mut Site, random: &mut StdRng) {
    any_hub(site, random).process.kill();
    pause(random, 0..800);
}

fn kill_hub_torn(site: &mut Site, random: &mut StdRng) {
    any_hub(site, random).process.kill();
    torn::wal(&site::log(site.dir.path()), random);
}

fn stop_hub(site: &mut Site, random: &mut StdRng) {
    any_hub(site, random).process.end(Signal::SIGTERM);
    pause(random, 0..500);
}

fn hold_hub(site: &mut Site, random: &mut StdRng) {
    let hub = any_hub(site, random);
    hub.process.signal(Signal::SIGSTOP);
    pause(random, 200..1200);
    hub.process.signal(Signal::SIGCONT);
}

fn kill_sensor(site: &mut Site, random: &mut StdRng) {
    any(&mut site.sensors, random).process.kill();
    pause(random, 0..300);
}

fn kill_sensor_torn(site: &mut Site, random: &mut StdRng) {
    let sensor = any(&mut site.sensors, random);
    sensor.process.kill();
    let name = sensor.process.name.clone();
    torn::spool(&site::spool(site.dir.path(), &name), random);
}

fn stop_sensor(site: &mut Site, random: &mut StdRng) {
    any(&mut site.sensors, random).process.end(Signal::SIGTERM);
}

fn kill_consumer(site: &mut Site, random: &mut StdRng) {
    any_consumer(site, random).process.kill();
    pause(random, 0..500);
}

fn stop_consumer(site: &mut Site, random: &mut StdRng) {
    any_consumer(site, random).process.end(Signal::SIGTERM);
    pause(random, 0..500);
}

/// Only one that acknowledges: an old client that reads nothing for a second and then dies has lost
/// what lay in its connection, by design.
fn hold_consumer(site: &mut Site, random: &mut StdRng) {
    let consumer = any(&mut site.durable, random);
    consumer.process.signal(Signal::SIGSTOP);
    pause(random, 300..2000);
    if random.random() {
        consumer.process.kill();
    } else {
        consumer.process.signal(Signal::SIGCONT);
    }
}

fn kill_all(site: &mut Site, random: &mut StdRng) {
    // All of them at once: nobody sees the end of another.
    site.processes().for_each(|process| process.signal(Signal::SIGKILL));
    site.hubs.iter_mut().for_each(|hub| hub.process.kill());
    site.parties().for_each(|party| party.process.kill());
    if site.broker.is_none() {
        torn::wal(&site::log(site.dir.path()), random);
    }
}

fn kill_hubs(site: &mut Site, random: &mut StdRng) {
    site.hubs.iter_mut().for_each(|hub| hub.process.kill());
    pause(random, 0..500);
}

fn kill_broker(site: &mut Site, random: &mut StdRng) {
    let broker = site.broker.as_ref().expect("it is there");
    broker.end(Signal::SIGKILL);
    pause(random, 0..500);
    broker.again();
}

fn stop_broker(site: &mut Site, random: &mut StdRng) {
    let broker = site.broker.as_ref().expect("it is there");
    broker.end(Signal::SIGTERM);
    pause(random, 0..500);
    broker.again();
}

fn hold_broker(site: &mut Site, random: &mut StdRng) {
    let broker = site.broker.as_ref().expect("it is there");
    broker.signal(Signal::SIGSTOP);
    pause(random, 300..3000);
    broker.signal(Signal::SIGCONT);
}

fn cut_one(site: &mut Site, random: &mut StdRng) {
    let index = random.random_range(0..site.parties().count());
    for _ in 0..random.random_range(1..4) {
        site.parties().nth(index).expect("it is within").net.cut(false);
        pause(random, 100..400);
    }
}

fn cut_all_within(site: &mut Site, random: &mut StdRng) {
    site.parties().for_each(|party| party.net.cut(true));
    pause(random, 200..600);
}

/// Old clients are stalled too briefly to lose what lies in their connections.
fn stall_one(site: &mut Site, random: &mut StdRng) {
    let index = random.random_range(0..site.parties().count());
    let longest = if index < site.sensors.len() + site.durable.len() { 3000 } else { 400 };
    let party = site.parties().nth(index).expect("it is within");
    party.net.stall(true);
    pause(random, 100..longest);
    if random.random() {
        party.net.cut(false);
    }
    party.net.stall(false);
}

fn stall_all(site: &mut Site, random: &mut StdRng) {
    site.parties().for_each(|party| party.net.stall(true));
    pause(random, 100..400);
    site.parties().for_each(|party| party.net.stall(false));
}

fn refuse(site: &mut Site, random: &mut StdRng) {
    site.sink.refuse(true);
    pause(random, 200..800);
    site.sink.refuse(false);
}

fn fill_log(site: &mut Site, random: &mut StdRng) {
    let disk = site.log_disk.as_ref().expect("it is there");
    disk.fill(random.random_range(0..200_000));
    pause(random, 500..2000);
    disk.free();
}

/// A hub that starts on a full disk.
fn fill_log_kill(site: &mut Site, random: &mut StdRng) {
    let disk = site.log_disk.as_ref().expect("it is there");
    disk.fill(random.random_range(0..200_000));
    pause(random, 100..500);
    for hub in &mut site.hubs {
        hub.process.kill();
        hub.process.ensure();
    }
    pause(random, 300..1000);
    disk.free();
}

fn fill_spool(site: &mut Site, random: &mut StdRng) {
    // Without a hub what is there stays there.
    site.sensors[0].net.stall(true);
    let disk = site.spool_disk.as_ref().expect("it is there");
    disk.fill(random.random_range(0..100_000));
    pause(random, 500..1500);
    if random.random() {
        site.sensors[0].process.kill();
        site.sensors[0].process.ensure();
        pause(random, 100..300);
    }
    disk.free();
    site.sensors[0].net.stall(false);
}

/// New certificates by the same authority, under load.
fn renew(site: &mut Site, _: &mut StdRng) {
    let (old, new) = (site.dir.path().join("pki"), site.dir.path().join("renewed"));
    fs::create_dir(&new).unwrap();
    for name in ["ca.crt", "ca.key"] {
        fs::copy(old.join(name), new.join(name)).unwrap();
    }
    site::issue(&new);
    for entry in fs::read_dir(&new).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, old.join(path.file_name().unwrap())).unwrap();
    }
    // Everybody connects anew, with what is there now.
    site.parties().for_each(|party| party.net.cut(false));
}
