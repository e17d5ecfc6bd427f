//! `cadge rules bench`: what rules cost on recorded events.

#![allow(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use cadge_engine::{Event, Scratch, Settings};
use cadge_sensor::source::{self, SourceSettings};

use super::load;

/// Rules that are named.
const COSTLIEST: usize = 10;

pub(super) fn run(files: &[PathBuf], events: &Path) -> Result<()> {
    let ruleset = load(files, &Settings::default())?;
    let mut scratch = Scratch::default();
    // Reading the recording costs too: that is taken off.
    let (count, idle) = replay(events, &mut |_| {})?;
    let (_, busy) = replay(events, &mut |event| ruleset.matches(event, &mut scratch, &mut |_| {}))?;
    let took = busy.saturating_sub(idle).max(Duration::from_nanos(1));
    say!("{count} events, {:.0} events/s", count as f64 / took.as_secs_f64());
    let interpreter = ruleset.interpreter();
    let mut costs = vec![Duration::ZERO; interpreter.len()];
    let (_, _) = replay(events, &mut |event| {
        for (at, cost) in costs.iter_mut().enumerate() {
            let start = Instant::now();
            interpreter.is_true(at, event);
            *cost += start.elapsed();
        }
    })?;
    let mut by_cost: Vec<(Duration, &str)> =
        costs.into_iter().enumerate().map(|(at, cost)| (cost, interpreter.name(at))).collect();
    by_cost.sort_unstable_by(|a, b| b.cmp(a));
    say!("costliest rules, each evaluated alone on every event:");
    for (cost, name) in by_cost.iter().take(COSTLIEST) {
        say!("  {:6.0} ns/event  {name}", cost.as_secs_f64() * 1e9 / count.max(1) as f64);
    }
    Ok(())
}

/// Hands every event of a recording over, and answers how many there are and how long it took.
fn replay(recording: &Path, see: &mut dyn FnMut(&Event<'_>)) -> Result<(u64, Duration)> {
    let settings = SourceSettings { recording: Some(recording.into()), ..SourceSettings::default() };
    let mut source = source::open("replay", &settings)?;
    let mut count = 0;
    let start = Instant::now();
    while source.poll(Duration::ZERO, &mut |event| {
        count += 1;
        see(event);
    })? {}
    Ok((count, start.elapsed()))
}
