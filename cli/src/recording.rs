//! `cadge record` and `cadge replay`: events in a file, and rules on them without a kernel.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use cadge_engine::{EventType, Scratch, Settings};
use cadge_sensor::Encoder;
use cadge_sensor::source::{self, SourceSettings, answers};

use crate::args::{Record, Replay};
use crate::hub::runtime;
use crate::print::Printer;
use crate::rules;
use crate::stop::Stop;

/// Whether it is time to stop is looked at so often.
const WAIT: Duration = Duration::from_millis(100);

/// Writes events into a file until the time is over or somebody stops it.
pub(crate) fn record(args: &Record) -> Result<()> {
    let settings = SourceSettings {
        event_types: EventType::all().filter(|kind| answers::tells_all(*kind)).collect(),
        recording: Some(args.file.clone()),
        ..SourceSettings::default()
    };
    let mut source = source::open("ebpf", &settings)?;
    let deadline = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let asked = Arc::new(AtomicBool::new(false));
    let runtime = runtime()?;
    let flag = Arc::clone(&asked);
    let mut stop = runtime.block_on(async { Stop::listen() })?;
    runtime.spawn(async move {
        stop.asked().await;
        flag.store(true, Ordering::Relaxed);
    });
    eprintln!("recording into {}; ctrl-C stops", args.file.display());
    let mut events = 0_u64;
    while !asked.load(Ordering::Relaxed) && deadline.is_none_or(|deadline| Instant::now() < deadline) {
        source.poll(WAIT, &mut |_| events += 1)?;
    }
    eprintln!("recorded {events} events");
    Ok(())
}

/// Prints the alerts that rules raise on recorded events.
pub(crate) fn replay(args: &Replay) -> Result<()> {
    let ruleset = rules::load(&args.rules, &Settings::default())?;
    let settings = SourceSettings { recording: Some(args.file.clone()), ..SourceSettings::default() };
    let mut source = source::open("replay", &settings)?;
    let printer = Printer::from(&args.print);
    let encoder = Encoder::new("replay", "", 0);
    let (mut scratch, mut alerts, mut sequence) = (Scratch::default(), Vec::new(), 0);
    let mut more = true;
    while more {
        more = source.poll(Duration::ZERO, &mut |event| {
            // Nobody looks up a container of the past: every outcome is final.
            let _ = ruleset.evaluate(event, &mut scratch, &mut alerts);
        })?;
        for alert in alerts.drain(..) {
            sequence += 1;
            printer.print(&encoder.wire(&alert, sequence).into())?;
        }
    }
    Ok(())
}
