//! The end: everything runs undisturbed until it is drained, then the sets are compared.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use cadge_client::{Client, GetOptions};
use cadge_sensor::{Spool, SpoolSettings};
use nix::sys::signal::Signal;
use prost::Message as _;
use tokio::runtime::Runtime;

use crate::events::Events;
use crate::process::Part;
use crate::received::{self, Name, Received};
use crate::site::{self, DURABLE, OLD, SENSORS, Site, WITNESS};
use crate::verdict::{Breaks, PATIENCE, Sizes, Verdict};

/// The log, as a client sees it.
struct LogSeen {
    names: Vec<Name>,
    /// How many alerts there are of Cadge's own, by rule.
    rules: BTreeMap<String, u64>,
    events: Events,
    sizes: Sizes,
}

/// Prints each check with its figures. Answers whether all of them hold.
pub(crate) fn run(mut site: Site, runtime: &Runtime) -> bool {
    let dir = site.dir.path().to_owned();
    std::fs::write(dir.join("quiet"), "").unwrap();
    site.ensure();
    let mut verdict = Verdict { good: true };
    let raised = raised(&mut site, &mut verdict);
    let log = runtime.block_on(drained(&site, 0, &raised));
    for hub in 1..site.hubs.len() {
        let other = runtime.block_on(drained(&site, hub, &raised));
        verdict.log(&format!("read by cadge.v1 Get at hub {hub}"), &other.names, &raised);
        let shorter = other.names.len().min(log.names.len());
        verdict.hold(other.names[..shorter] == log.names[..shorter], "all hubs have the same order");
    }
    verdict.log("read by cadge.v1 Get at hub 0", &log.names, &raised);
    for (rule, count) in &log.rules {
        println!("torture: the log has {count} alerts of the hub's and sensors' own: {rule}");
        verdict.hold(!rule.starts_with("Cadge internal: alerts"), "nothing was lost or expired on the way");
    }
    verdict.events(&log.events, site.spool_disk.as_ref().map(|_| SENSORS[0]));
    let all: HashSet<Name> = log.names.iter().cloned().collect();
    for consumer in DURABLE {
        let got = wait_for(&dir, consumer, &all);
        verdict.exact(consumer, &got, &all);
    }
    for (consumer, party) in OLD.iter().zip(&site.old) {
        let got = wait_for(&dir, consumer, &all);
        // It runs again after each kill, and now too.
        let breaks = Breaks { kills: party.process.starts - 1, errors: received::broken(&dir, consumer) };
        verdict.nearly(consumer, &got, &all, breaks, log.sizes);
    }
    verdict.webhook(&site, &all);
    for process in site.processes() {
        let panics = process.lines("panicked");
        println!(
            "torture: {}: {} starts, {} ends that nobody asked for{}",
            process.name,
            process.starts,
            process.failures,
            process.failure.map(|status| format!(" (the last: {status})")).unwrap_or_default()
        );
        verdict.hold(panics.is_empty(), &format!("{} never panics {panics:?}", process.name));
    }
    for party in site.parties() {
        party.process.end(Signal::SIGTERM);
    }
    for hub in &mut site.hubs {
        let status = hub.process.end(Signal::SIGTERM);
        verdict.hold(status.is_some_and(|status| status.success()), "a hub that is asked to stop does so");
    }
    if site.broker.is_none() {
        let rows = stored(&site::log(&dir), &mut verdict);
        verdict.log("read by SQLite from the closed file", &rows, &raised);
    }
    if !verdict.good {
        site.dir.disable_cleanup(true);
        println!("torture: the folder is kept: {}", site.dir.path().display());
    }
    verdict.good
}

/// What was raised: the numbers that each spool has given out, as it says itself.
fn raised(site: &mut Site, verdict: &mut Verdict) -> HashSet<Name> {
    std::thread::sleep(Duration::from_secs(1));
    let mut raised = HashSet::new();
    for sensor in &mut site.sensors {
        sensor.process.end(Signal::SIGTERM);
        let name = sensor.process.name.clone();
        let settings = SpoolSettings { bytes_max: u64::MAX, segment_bytes: 1 << 20 };
        let spool = Spool::open(&site::spool(site.dir.path(), &name), settings).unwrap();
        let (epoch, last) = (spool.epoch(), spool.range().1 - 1);
        println!("torture: {name} raised 1..={last} in epoch {epoch:016x}");
        verdict.hold(last > 0, &format!("{name} raised something"));
        raised.extend((1..=last).map(|sequence| (name.clone(), epoch, sequence)));
        drop(spool);
        sensor.process.ensure();
    }
    println!("torture: raised: {}", raised.len());
    raised
}

/// Reads the log until everything is there that was raised, or nothing comes any more.
async fn drained(site: &Site, hub: usize, raised: &HashSet<Name>) -> LogSeen {
    let part = Part {
        name: WITNESS.to_owned(),
        dir: site.dir.path().to_owned(),
        port: site.hubs[hub].port,
        rate: 0,
    };
    let [cert, key, ca] = part.pem();
    let address = format!("https://localhost:{}", part.port);
    let client = Client::connect(address).ca(ca).identity(cert, key).await.unwrap();
    let mut seen = LogSeen {
        names: Vec::new(),
        rules: BTreeMap::new(),
        events: Events::default(),
        sizes: Sizes::default(),
    };
    let mut missing = raised.len();
    let (mut after, mut moved) = (0, Instant::now());
    while missing > 0 && moved.elapsed() < PATIENCE {
        let mut alerts = client.get(GetOptions::after(after)).await.unwrap();
        while let Some(alert) = alerts.next().await {
            let alert = alert.unwrap();
            assert!(alert.position > after, "the position {} stands behind {after}", alert.position);
            (after, moved) = (alert.position, Instant::now());
            seen.sizes.see(cadge_proto::Alert::from(alert.clone()).encoded_len());
            if let Some(file) = alert.output_fields.get("fd.name") {
                seen.events.see(file);
            }
            if alert.source == "internal" {
                *seen.rules.entry(alert.rule).or_default() += 1;
            }
            let name = (alert.sensor, alert.epoch, alert.sequence);
            missing -= usize::from(raised.contains(&name) && missing > 0);
            seen.names.push(name);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    seen
}

/// Waits until a consumer has everything, or nothing comes any more.
fn wait_for(dir: &Path, consumer: &str, all: &HashSet<Name>) -> Received {
    let (mut before, mut moved) = (0, Instant::now());
    // An old client may lack some for ever.
    let patience = if DURABLE.contains(&consumer) { PATIENCE } else { Duration::from_secs(10) };
    loop {
        let got = received::read(dir, consumer);
        if got.len() != before {
            (before, moved) = (got.len(), Instant::now());
        }
        if got.len() >= all.len() || moved.elapsed() > patience {
            return got;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The log's own rows.
fn stored(path: &Path, verdict: &mut Verdict) -> Vec<Name> {
    let database = rusqlite::Connection::open(path).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    verdict.hold(sound == "ok", &format!("the file is sound: {sound}"));
    let sql = "SELECT count(*), count(DISTINCT sensor || '/' || epoch || '/' || sequence) FROM alerts";
    let (rows, distinct): (i64, i64) =
        database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    println!("torture: {sql}: {rows}, {distinct}");
    verdict.hold(rows == distinct, "no duplicates in the file");
    let sql = "SELECT sensors.name, epoch, sequence FROM alerts JOIN sensors ON sensors.id = alerts.sensor";
    let mut statement = database.prepare(sql).unwrap();
    let names = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned()))
    });
    names.unwrap().map(Result::unwrap).collect()
}
