//! What the sensor costs the machine that it watches, and how long an alert takes. Needs root.
//!
//! Ratios are of medians of alternating runs without and with the sensor, in this one run: the
//! absolute times of a shared machine mean little.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cadge_client::{Client, Start, SubscribeOptions};

#[path = "../tests/e2e/support.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod support;

use support::{Process, Site};

/// Alternations of each workload.
const RUNS: usize = 5;

/// Alerts whose way is timed, one every [`SPACING`].
const TIMED: usize = 500;
const SPACING: Duration = Duration::from_millis(4);

type Workload = (&'static str, fn());

const WORKLOADS: [Workload; 3] = [("getppid", getppids), ("open+close", opens), ("fork+exec", executions)];

fn getppids() {
    for _ in 0..2_000_000 {
        std::hint::black_box(std::os::unix::process::parent_id());
    }
}

fn opens() {
    for _ in 0..300_000 {
        drop(std::hint::black_box(File::open("/etc/hostname")));
    }
}

fn executions() {
    for _ in 0..5_000 {
        let status = Command::new("/bin/true").stdin(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

fn main() {
    if !support::is_root("system benchmark") {
        return;
    }
    let site = Site::new("");
    let hub = site.hub();
    overhead(&site);
    latency(&site, &hub);
}

fn own_rules() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/cadge_rules.yaml"))
        .expect("the repository has its own rules")
}

fn overhead(site: &Site) {
    let rules = own_rules();
    let mut times = vec![(Vec::new(), Vec::new()); WORKLOADS.len()];
    for _ in 0..RUNS {
        for ((_, work), (without, _)) in WORKLOADS.iter().zip(&mut times) {
            without.push(time(*work));
        }
        let mut sensor = site.sensor(&rules);
        for ((_, work), (_, with)) in WORKLOADS.iter().zip(&mut times) {
            with.push(time(*work));
        }
        sensor.interrupt();
    }
    for ((name, _), (without, with)) in WORKLOADS.iter().zip(times) {
        let (without, with) = (median(without), median(with));
        println!(
            "sensor: {name:10} {:5.2} x wall time with the sensor ({:.0} ms / {:.0} ms)",
            with / without,
            with * 1e3,
            without * 1e3
        );
    }
}

fn time(work: fn()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn latency(site: &Site, hub: &Process) {
    let watched = site.path("watched");
    std::fs::create_dir(&watched).expect("the folder is new");
    let rule = support::rule_for(&watched).replace("fd.name = ", "fd.name startswith ");
    let sensor = site.sensor(&rule);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let mut delays = runtime.block_on(delays(site, &watched));
    delays.sort_unstable();
    for (name, at) in [("p50", TIMED / 2), ("p99", TIMED * 99 / 100)] {
        println!("latency: {name} {:.2} ms from system call to subscriber", delays[at].as_secs_f64() * 1e3);
    }
    println!(
        "memory: sensor {} KiB, hub {} KiB resident",
        resident(sensor.child.id()),
        resident(hub.child.id())
    );
}

async fn delays(site: &Site, watched: &std::path::Path) -> Vec<Duration> {
    let client =
        Client::connect(format!("unix://{}", site.path("cadge.sock").display())).await.expect("the hub runs");
    let mut entries = client.subscribe(SubscribeOptions { start: Start::Beginning, ..Default::default() });
    let mut delays = Vec::new();
    for number in 0..=TIMED {
        let path = watched.join(number.to_string());
        let start = Instant::now();
        let _ = File::open(&path);
        let name = path.display().to_string();
        loop {
            let entry = entries.next().await.expect("the stream goes on").expect("the hub answers");
            if entry.output_fields.get("fd.name") == Some(&name) {
                break;
            }
        }
        // The first one finds the subscription still on its way.
        if number > 0 {
            delays.push(start.elapsed());
        }
        tokio::time::sleep(SPACING).await;
    }
    delays
}

/// Resident memory in KiB.
fn resident(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or("?", |line| line.trim().trim_end_matches(" kB")).to_string()
}
