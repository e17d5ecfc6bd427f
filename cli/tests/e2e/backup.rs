//! `cadge hub backup`: a log is copied while alerts come in, and a hub starts from the copy.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::signal::Signal;

use crate::support::{Process, Site, cadge, stderr, stdout, wait_for};
use crate::synthetic::{Sensor, number};

/// Alerts before the backup, and those that have come at least when the load is under way.
const BEFORE: u64 = 2000;
const UNDER_WAY: u64 = 2500;

/// The command, as the hub's own admin gives it on the machine.
fn backup(site: &Site, to: &Path) -> Command {
    let mut command = cadge();
    command.args(["hub", "backup", "--socket"]).arg(site.path("cadge.sock")).arg(to);
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// The numbers of the alerts in a hub's log, in its order.
fn numbers(site: &Site) -> Vec<u64> {
    let got =
        output(cadge().args(["get", "--json", "--after", "0", "--socket"]).arg(site.path("cadge.sock")));
    assert!(got.status.success(), "{}", stderr(&got));
    let output = |line: &str| {
        let alert: serde_json::Value = serde_json::from_str(line).unwrap();
        number(alert["output"].as_str().unwrap())
    };
    stdout(&got).lines().filter_map(output).collect()
}

#[test]
fn a_hub_starts_from_a_copy_that_was_made_under_load() {
    let (site, other) = (Site::new(""), Site::new(""));
    let _hub = site.hub();
    let mut sensor = Sensor::connect(&site.path("cadge.sock"));
    sensor.send_up_to(BEFORE);
    let (ends, acknowledged) = (AtomicBool::new(false), AtomicU64::new(BEFORE));
    let to = other.path("log.db");
    let (before, all) = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                sensor.send_up_to(sensor.acknowledged + 20);
                acknowledged.store(sensor.acknowledged, Ordering::Relaxed);
            }
            sensor.acknowledged
        });
        let reached = || Some(acknowledged.load(Ordering::Relaxed)).filter(|number| *number >= UNDER_WAY);
        let before = wait_for("load", reached);
        let made = output(&mut backup(&site, &to));
        ends.store(true, Ordering::Relaxed);
        assert!(made.status.success(), "{}", stderr(&made));
        assert!(stderr(&made).contains(&format!("wrote {}", to.display())), "{}", stderr(&made));
        (before, load.join().unwrap())
    });
    let _second = other.hub();
    let copied = numbers(&other);
    let last = copied.len() as u64;
    assert!((before..=all).contains(&last), "{last}: at least {before}, at most {all}");
    assert_eq!(copied, (1..=last).collect::<Vec<_>>());
    // The sensor goes on where the copy ends, as if nothing had been.
    let mut sensor = Sensor::connect(&other.path("cadge.sock"));
    assert_eq!(sensor.acknowledged, last);
    sensor.send_up_to(last + 10);
    assert_eq!(numbers(&other), (1..=last + 10).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_written_is_refused_with_the_reason() {
    let site = Site::new("");
    let _hub = site.hub();
    let folder = tempfile::tempdir().unwrap();
    let existing = folder.path().join("mine.txt");
    std::fs::write(&existing, "precious").unwrap();
    let refusal = |command: &mut Command| {
        let refused = output(command);
        assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(1), ""));
        stderr(&refused)
    };
    let text = refusal(&mut backup(&site, &existing));
    assert!(text.contains("mine.txt` exists already; name another file"), "{text}");
    assert_eq!(std::fs::read_to_string(&existing).unwrap(), "precious");
    let text = refusal(&mut backup(&site, &folder.path().join("nowhere/copy.db")));
    assert!(text.contains("nowhere/copy.db`") && text.contains("No such file or directory"), "{text}");
    for role in ["consumer", "sensor"] {
        let mut command = cadge();
        command.args(["hub", "backup"]).args(site.client(role)).arg(folder.path().join("copy.db"));
        let text = refusal(&mut command);
        assert!(text.contains("permission denied") && text.contains("role admin"), "{role}: {text}");
    }
    // A relative path is the caller's, not the hub's.
    let made = output(backup(&site, Path::new("copy.db")).current_dir(&folder));
    assert!(made.status.success(), "{}", stderr(&made));
    assert_eq!(files(folder.path()), ["copy.db", "mine.txt"]);
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_that_is_interrupted_leaves_no_file() {
    let site = Site::new("");
    assert!(site.hub().interrupt().success());
    // Something to copy: many of the steps between which the hub looks whether anybody still waits.
    let log = rusqlite::Connection::open(site.path("log.db")).unwrap();
    log.execute_batch("CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(200000000))")
        .unwrap();
    log.close().unwrap();
    let hub = site.hub();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy.db");
    let mut client = Process::start(&mut backup(&site, &to));
    // The hub stands still at the beginning of the copy until the client has gone.
    while !folder.path().join("copy.db.part").exists() {
        assert!(client.child.try_wait().unwrap().is_none(), "{:?}", client.stderr.all());
        std::thread::yield_now();
    }
    hub.signal(Signal::SIGSTOP);
    let ended = client.interrupt();
    hub.signal(Signal::SIGCONT);
    assert_eq!(ended.code(), Some(1));
    client.stderr.wait("the backup was ended: no file is left");
    wait_for("empty folder", || files(folder.path()).is_empty().then_some(()));
    // It was no fault of the hub's.
    let again = output(&mut backup(&site, &to));
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(files(folder.path()), ["copy.db"]);
}
