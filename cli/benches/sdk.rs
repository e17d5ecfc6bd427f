//! What each SDK reads a second, and what an alert costs it: the hub has one core, the SDK's program another.
//!
//! `CADGE_BENCH_ALERTS` says how many alerts the log gets. Figures are medians of runs one after the other.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]
#![allow(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

#[path = "../tests/e2e/support.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod support;
#[path = "../tests/sdk/connection.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod connection;
#[path = "../tests/sdk/language.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod language;
#[path = "../tests/sdk/log.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod log;
#[path = "../tests/sdk/feed.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod feed;

use connection::Connection;
use feed::Feed;
use language::{LANGUAGES, Language};
use support::{Process, Site, cadge, stderr, stdout};

/// Alerts in the log.
const ALERTS: u64 = 1_000_000;

/// Runs of which the median counts.
const RUNS: usize = 3;

/// The cores of the hub and of the SDK's program.
const CORES: [&str; 2] = ["0", "1"];

/// No index is written beside, and nothing is said of a sensor that has gone.
const ALONE: &str = "history:\n  enabled: false\nfleet:\n  silent_after_ms: 3600000\n";

/// What one core is to read a second.
fn target(language: Language) -> u64 {
    match language {
        Language::Rust => 250_000,
        Language::Go => 150_000,
        Language::Python => 20_000,
    }
}

fn main() {
    let alerts = std::env::var("CADGE_BENCH_ALERTS").map_or(ALERTS, |text| text.parse().unwrap());
    let languages =
        LANGUAGES.into_iter().filter(|language| language.is_here(&format!("bench of {language:?}")));
    let programs: Vec<_> = languages.map(|language| (language, program(language))).collect();
    let site = Site::new(ALONE);
    let hub = hub(&site);
    fill(&site, alerts);
    for (language, program) in &programs {
        // The slower ones read less of it: a run takes some seconds.
        let count = alerts.min(target(*language) * 10);
        for (way, connection) in ways(&site) {
            let runs = (0..RUNS).map(|_| run(program, &connection, count, &hub)).collect::<Vec<_>>();
            report(*language, way, &runs);
        }
    }
}

fn ways(site: &Site) -> [(&'static str, Connection); 2] {
    let socket = Connection::socket(&site.path("cadge.sock"));
    [("socket", socket), ("TLS", Connection::tls(site, "consumer"))]
}

/// The hub, on its core.
fn hub(site: &Site) -> Process {
    let mut command = Command::new("taskset");
    command.args(["-c", CORES[0]]).arg(cadge().get_program());
    let process = Process::start(command.arg("hub").arg("--config").arg(site.path("hub.yaml")));
    process.stderr.wait("cadge hub:");
    process
}

fn fill(site: &Site, alerts: u64) {
    let start = Instant::now();
    let feed = Feed::start(&site.path("cadge.sock"), u64::MAX, alerts);
    while feed.acknowledged() < alerts {
        std::thread::sleep(Duration::from_millis(20));
    }
    feed.finish(alerts);
    println!("sdk: the log has {alerts} alerts after {:.0} s", start.elapsed().as_secs_f64());
}

/// The words of an SDK's own program that reads, built where it has to be.
fn program(language: Language) -> Vec<PathBuf> {
    let folder = language.folder();
    match language {
        Language::Rust => vec![rust_program()],
        Language::Python => vec![language::python(), folder.join("benches/consume.py")],
        Language::Go => {
            let to = language::path("target/clients/sdk-consume");
            let mut go = Command::new("go");
            go.current_dir(folder).env("GOFLAGS", "-mod=readonly -buildvcs=false");
            let built = go.args(["build", "-o"]).arg(&to).arg("./benches/consume").output().unwrap();
            assert!(built.status.success(), "{}", stderr(&built));
            vec![to]
        }
    }
}

/// Built with the same packages named as `make bench-sdk` names, so that their crates are not built once more.
fn rust_program() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(language::ROOT).args([
        "bench",
        "--no-run",
        "--quiet",
        "-p",
        "cadge",
        "-p",
        "cadge-client",
    ]);
    let built = command.args(["--bench", "consume", "--message-format=json"]).output().unwrap();
    assert!(built.status.success(), "{}", stderr(&built));
    let lines = stdout(&built);
    let mut values = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let found = values.rfind(|value| value["target"]["name"] == "consume").unwrap();
    PathBuf::from(found["executable"].as_str().unwrap())
}

/// Of one run: alerts a second, and microseconds of the program's and of the hub's CPU for an alert.
type Figures = [f64; 3];

fn run(program: &[PathBuf], connection: &Connection, count: u64, hub: &Process) -> Figures {
    let mut command = Command::new("taskset");
    command.args(["-c", CORES[1]]).args(program).arg(count.to_string());
    command.env("PYTHONPATH", Language::Python.folder());
    connection.apply(&mut command);
    let before = cpu_seconds(hub);
    let output = command.output().unwrap();
    let hub = cpu_seconds(hub) - before;
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    let text = stdout(&output);
    let figures: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [alerts, seconds, cpu] = figures[..] else { panic!("{text}") };
    assert!((alerts - count as f64).abs() < 0.5, "{alerts} of {count} alerts");
    [alerts / seconds, cpu * 1e6 / alerts, hub * 1e6 / alerts]
}

/// What a process has used so far, as `proc_pid_stat(5)` says it: in hundredths.
fn cpu_seconds(process: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.child.id())).unwrap();
    // The name may have anything in it; behind it the state is the third field.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn report(language: Language, way: &str, runs: &[Figures]) {
    let median = |figure: usize| {
        let mut values: Vec<f64> = runs.iter().map(|figures| figures[figure]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (name, target) = (format!("sdk: {:6} by {way:6}", language.name()), target(language));
    println!("{name} {:8.0} alerts/s (target {target})", median(0));
    println!(
        "{name} {:8.2} µs of CPU an alert (target {:.2}); the hub's {:.2}",
        median(1),
        1e6 / target as f64,
        median(2)
    );
}
