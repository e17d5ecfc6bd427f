//! `kill -9` of hub and sensor while alerts are being raised: everybody has each of them once.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::support::{Process, Site, cadge, is_root, rule_for, wait_for};

/// Opens that are to raise an alert in each round.
const ALERTS: usize = 1000;

/// How often each of the two is killed.
const ROUNDS: usize = 3;

/// The names of the files whose opening a consumer has been told of, and how many lines said so.
fn opened(lines: &[String]) -> (BTreeSet<String>, usize) {
    let names: Vec<&str> =
        lines.iter().filter_map(|line| line.split("\"fd.name\":\"").nth(1)?.split('"').next()).collect();
    (names.iter().map(ToString::to_string).collect(), names.len())
}

#[test]
fn a_crash_of_hub_or_sensor_loses_nothing() {
    if !is_root("a_crash_of_hub_or_sensor_loses_nothing") {
        return;
    }
    let site = Site::new("");
    let watched = site.path("watched");
    fs::create_dir(&watched).unwrap();
    // Each open has a name of its own, so that what is missing or doubled is known by name.
    let rule = rule_for(&watched).replace("fd.name = ", "fd.name startswith ");
    let socket = site.path("cadge.sock");
    let consumer = || {
        Process::start(
            cadge()
                .args(["tail", "--json", "--from", "beginning", "--cursor", "crash", "--socket"])
                .arg(&socket),
        )
    };
    let mut hub = site.hub();
    let mut sensor = site.sensor(&rule);
    let tail = consumer();

    let mut expected = BTreeSet::new();
    for round in 0..ROUNDS {
        for number in 0..ALERTS {
            let path = watched.join(format!("{round}-{number}"));
            // It need not exist: a failed open is an event too.
            let _ = fs::File::open(&path);
            expected.insert(path.display().to_string());
            if number == ALERTS / 2 {
                hub.kill();
            }
            if number % 10 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        hub = site.hub();
        // All of the round's alerts are raised once the last one is in the spool or beyond.
        let last = watched.join(format!("{round}-{}", ALERTS - 1)).display().to_string();
        wait_for("last alert of the round", || {
            tail.stdout.all().iter().any(|line| line.contains(&last)).then_some(())
        });
        sensor.kill();
        sensor = site.sensor(&rule);
    }

    let (names, count) = opened(&tail.stdout.all());
    let missing: Vec<_> = expected.difference(&names).collect();
    assert!(
        missing.is_empty(),
        "{} of {} are missing, such as {:?}",
        missing.len(),
        expected.len(),
        missing.first()
    );
    assert!(count >= expected.len());

    // The log has each once, whatever a consumer saw twice.
    let log = cadge().args(["get", "--after", "0", "--json", "--socket"]).arg(&socket).output().unwrap();
    let lines: Vec<String> = String::from_utf8_lossy(&log.stdout).lines().map(ToString::to_string).collect();
    let (names, count) = opened(&lines);
    assert_eq!((names.len(), count), (expected.len(), expected.len()));
    drop((hub, sensor));
}

#[test]
fn what_a_killed_sensor_had_raised_arrives_after_its_restart() {
    if !is_root("what_a_killed_sensor_had_raised_arrives_after_its_restart") {
        return;
    }
    let site = Site::new("");
    let watched = site.path("watched");
    fs::create_dir(&watched).unwrap();
    let rule = rule_for(&watched).replace("fd.name = ", "fd.name startswith ");
    // No hub yet: all that is raised stays in the spool.
    let mut sensor = site.sensor(&rule);
    let mut expected = BTreeSet::new();
    for number in 0..ALERTS {
        let path = watched.join(number.to_string());
        let _ = fs::File::open(&path);
        expected.insert(path.display().to_string());
    }
    let last = watched.join((ALERTS - 1).to_string()).display().to_string();
    wait_for("last alert in the spool", || spooled(&site, &last).then_some(()));
    sensor.kill();

    let _hub = site.hub();
    let _sensor = site.sensor(&rule);
    let socket = site.path("cadge.sock");
    let tail = Process::start(
        cadge().args(["tail", "--json", "--from", "beginning", "--cursor", "t", "--socket"]).arg(socket),
    );
    wait_for("all alerts", || (opened(&tail.stdout.all()).0 == expected).then_some(()));
    assert_eq!(opened(&tail.stdout.all()).1, ALERTS);
}

/// Whether the spool's files contain an alert on this path.
fn spooled(site: &Site, path: &str) -> bool {
    let Ok(entries) = fs::read_dir(site.path("spool")) else { return false };
    let needle = path.as_bytes();
    entries
        .filter_map(|entry| fs::read(entry.ok()?.path()).ok())
        .any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}
