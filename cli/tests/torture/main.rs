//! Torture: kill -9 of everything, cut networks, full disks, torn writes; then everybody must have
//! every alert that was raised, and the log each of them once.
//!
//! `TORTURE_ROUNDS` and `TORTURE_SEED` say how long and which course, `TORTURE_LOG=kafka` keeps the log in
//! Kafka and has two hubs, `TORTURE_ONLY` picks disturbances by name, `TORTURE_KEEP` keeps the folder.
//! The same program is, started by itself, each sensor and each consumer.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::expect_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a harness of its own talks to its user")]

mod site;
mod process;
mod sensor;
mod consumer;
mod net;
mod sink;
mod disk;
mod broker;
mod torn;
mod rounds;
mod disturb;
mod received;
mod events;
mod verdict;
mod check;

use std::process::ExitCode;
use std::time::Instant;

use site::{LogKind, Plan, Site};

/// Rounds of the short form, which every run of the tests has.
const ROUNDS: usize = 6;

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() -> ExitCode {
    if let Ok(part) = std::env::var("TORTURE_PART") {
        return act(&part);
    }
    // The test runner's own arguments: a list is asked for, or a name that is not this one.
    let args: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    if args.iter().any(|arg| arg == "--list") {
        println!("torture: test");
        return ExitCode::SUCCESS;
    }
    if !names.is_empty() && !names.iter().any(|name| "torture".contains(name.as_str())) {
        return ExitCode::SUCCESS;
    }
    let rounds = number("TORTURE_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    let (log, hubs) = match std::env::var("TORTURE_LOG").as_deref() {
        Ok("kafka") if !broker::is_possible() => return ExitCode::SUCCESS,
        Ok("kafka") => (LogKind::Kafka, 2),
        _ => (LogKind::Sqlite, 1),
    };
    let good = torture(Plan { rounds, seed, log, hubs });
    println!("torture: {}", if good { "ok" } else { "FAILED" });
    let (passed, failed) = (u8::from(good), u8::from(!good));
    let word = if good { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Is a sensor or a consumer until it is killed.
fn act(part: &str) -> ExitCode {
    // Nobody would stop it if the harness were killed.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).unwrap();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .init();
    let settings = process::Part::read();
    let run = async {
        match part {
            "sensor" => sensor::run(settings).await,
            "durable" => consumer::durable(settings).await,
            "get" => consumer::get(settings).await,
            "sub" => consumer::sub(settings).await,
            other => panic!("there is no part `{other}`"),
        }
    };
    runtime().block_on(run);
    ExitCode::SUCCESS
}

fn torture(plan: Plan) -> bool {
    let runtime = runtime();
    let _inside = runtime.enter();
    println!(
        "torture: TORTURE_SEED={} TORTURE_ROUNDS={}, log {:?}, {} hubs",
        plan.seed, plan.rounds, plan.log, plan.hubs
    );
    let start = Instant::now();
    let mut site = Site::new(plan);
    site.clean_up_when_interrupted();
    site.start();
    let counts = rounds::run(&mut site);
    println!("torture: {} rounds in {} s: {counts}", site.plan.rounds, start.elapsed().as_secs());
    let good = check::run(site, &runtime);
    println!("torture: {} s in all", start.elapsed().as_secs());
    good
}
