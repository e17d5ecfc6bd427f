//! Those who mean harm, against a hub in a process of its own: each is told the right thing, the hub's
//! memory stays bounded, and a good client that is there all the time notices nothing.
//!
//! `HOSTILE_SEED` says which course. The same program is, started by itself, the hub.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a harness of its own talks to its user")]

mod victim;
mod good;
mod frames;
mod floods;
mod connections;
mod crowd;
mod messages;

#[allow(dead_code, reason = "the other tests need more of it")]
#[path = "../hub/secured.rs"]
mod secured;
#[allow(dead_code, reason = "the other tests need more of it")]
#[path = "../hub/site.rs"]
mod site;

use std::process::ExitCode;

use victim::{Bounds, Victim};

/// What a case does, with its name.
type Case = (&'static str, fn(&Victim, u64));

const CASES: [Case; 11] = [
    ("hostile_filters", messages::filters),
    ("oversized_messages", messages::oversized),
    ("events_that_are_empty", messages::empty_events),
    ("messages_that_never_end", messages::unfinished),
    ("a_thousand_streams", messages::streams),
    ("readers_that_do_not_read", messages::slow_readers),
    ("floods_of_frames", floods::floods),
    ("frames_that_are_none", frames::fuzz),
    ("connections_that_are_silent", connections::silent),
    ("connections_past_the_bounds", connections::too_many),
    ("connections_that_are_secured_and_idle", crowd::idle),
];

fn main() -> ExitCode {
    victim::raise_descriptors();
    if let Some(dir) = std::env::var_os(victim::CHILD) {
        victim::serve(dir.as_ref());
        return ExitCode::SUCCESS;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(|(name, _)| wanted(name)).collect();
    if args.iter().any(|arg| arg == "--list") {
        for (name, _) in cases {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let seed = std::env::var("HOSTILE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    let (mut passed, mut failed) = (0, 0);
    if !cases.is_empty() {
        eprintln!("hostile: HOSTILE_SEED={seed}");
        let victim = Victim::start(&Bounds::default());
        for (name, case) in cases {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                case(&victim, seed);
                victim.check(name);
            }));
            let good = outcome.is_ok();
            println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
            (passed, failed) = (passed + u32::from(good), failed + u32::from(!good));
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
