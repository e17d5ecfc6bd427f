//! Records that no kernel would send: random, torn, again, in another order. Nothing may panic, and what is
//! remembered of them stays bounded.
//!
//! They are made for `CADGE_FUZZ_SECONDS` (`make fuzz`: a minute; two seconds otherwise) and go through a
//! pipe into the source that replays recordings: the same decoder, process table and describer as those of the
//! live one. The seed is printed; `CADGE_FUZZ_SEED` repeats a run.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "a fuzzer says its seed")]

#[path = "fuzz/records.rs"]
mod records;

use std::alloc::System;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cadge_engine::output::Template;
use cadge_engine::{RuleFile, Ruleset, Scratch, Settings};
use cadge_sensor::source::{Source as _, SourceSettings, replay::Replay};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use records::Records;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RULES: &str = include_str!("../../rules/cadge_rules.yaml");

/// Small, so that it is full at once.
const PROCESSES_MAX: usize = 200;
const PROCESSES_BYTES_MAX: usize = 1 << 20;

/// What the source may have in memory above what it had after the first records. The table is full by then;
/// sockets, texts of calls that have not ended and names of files have limits of their own.
const GROWTH_BYTES_MAX: usize = 8 << 20;

/// Records after which the memory is looked at for the first time, and then again and again.
const WARM_RECORDS: u64 = 20_000;

fn bytes_in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Writes a recording without an end into a pipe.
fn write(path: &Path, seconds: u64) {
    let mut pipe = BufWriter::new(File::create(path).unwrap());
    pipe.write_all(b"CADGEv01\0\0\0\0\0\0\0\0").unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut records = Records::new();
    while Instant::now() < end {
        for record in records.batch() {
            pipe.write_all(&u32::try_from(record.len()).unwrap().to_le_bytes()).unwrap();
            pipe.write_all(&record).unwrap();
        }
    }
}

#[test]
fn records() {
    let seconds = std::env::var("CADGE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writer = std::thread::spawn({
        let path = path.clone();
        move || write(&path, seconds)
    });
    let settings = SourceSettings {
        processes_max: PROCESSES_MAX,
        processes_bytes_max: PROCESSES_BYTES_MAX,
        recording: Some(path),
        ..SourceSettings::default()
    };
    let mut source = Replay::open(&settings).unwrap();
    let report = Ruleset::load(&[RuleFile { name: "own.yaml", text: RULES }], &Settings::default());
    let ruleset = report.ruleset.unwrap();
    let (mut scratch, mut alerts) = (Scratch::default(), Vec::new());
    let template =
        Template::new("*%proc.cmdline %proc.aname %proc.env %container.id %fd.name %evt.args").unwrap();
    let (mut events, mut raised, mut warm, mut most) = (0_u64, 0_usize, 0, 0);
    while source
        .poll(Duration::ZERO, &mut |event| {
            ruleset.evaluate(event, &mut scratch, &mut alerts);
            raised += alerts.drain(..).count();
            events += 1;
            if events % 8 == 0 {
                template.format(event);
            }
        })
        .unwrap()
    {
        let read = source.counters()[0].1;
        if read < WARM_RECORDS {
            warm = bytes_in_use();
        }
        most = most.max(bytes_in_use());
        assert!(most < warm + GROWTH_BYTES_MAX, "{most} bytes after {read} records, {warm} at first");
    }
    writer.join().unwrap();
    let counters = source.counters();
    println!("fuzz: {counters:?}, {events} events, {raised} alerts, {most} bytes at most, {warm} at first");
    let malformed = counters.iter().find(|(name, _)| name.contains("malformed")).unwrap().1;
    assert!(events > 1000 && malformed > 100, "{counters:?}");
}
