//! What rules cost: events per second on one core, with every stock rule on, on recorded events of a
//! machine at work. `make bench-engine` makes the recording first.
//!
//! Usage: `engine RECORDING RULES…`
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]
#![allow(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
#![allow(missing_docs, reason = "a benchmark is no library")]

use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cadge_engine::{Event, EventType, RuleFile, Ruleset, Scratch, Selection, Selector, Settings};
use cadge_sensor::source::{self, SourceSettings};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

mod stored;

use stored::Stored;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Events that are kept, evenly out of all. The sensor evaluates an event when it has just described it:
/// so few stay in the cache, so that the rules are measured and not the memory.
const EVENTS_MAX: usize = 16_384;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let [recording, rules @ ..] = &args[..] else {
        panic!("usage: engine RECORDING RULES…");
    };
    let events = read(recording);
    let texts: Vec<(&String, String)> =
        rules.iter().map(|path| (path, std::fs::read_to_string(path).unwrap())).collect();
    let files: Vec<RuleFile<'_>> = texts.iter().map(|(name, text)| RuleFile { name, text }).collect();
    let stock = load("stock", &files);
    println!("engine mix events: {}", events.len());
    let base = mix("stock", &stock, &events);
    by_type(&stock, &events);
    allocations(&stock, &events);
    interpreter(&stock, &events, base);
    let text = generated(10_000);
    let many = load("generated", &[RuleFile { name: "generated.yaml", text: &text }]);
    let slow = mix("generated", &many, &events);
    println!("engine 10,000 generated rules against stock rules: {:.2} times slower", base / slow);
}

fn read(recording: &str) -> Vec<Stored> {
    let mut count = 0_usize;
    replay(recording, &mut |_| count += 1);
    assert!(count > 0, "{recording} has no events");
    let step = count.div_ceil(EVENTS_MAX);
    let mut keeper = stored::Keeper::default();
    let (mut at, mut events) = (0_usize, Vec::new());
    replay(recording, &mut |event| {
        if at % step == 0 {
            events.push(keeper.keep(event));
        }
        at += 1;
    });
    events
}

fn replay(recording: &str, see: &mut dyn FnMut(&Event<'_>)) {
    let settings = SourceSettings { recording: Some(recording.into()), ..SourceSettings::default() };
    let mut source = source::open("replay", &settings).unwrap();
    while source.poll(Duration::ZERO, see).unwrap() {}
}

/// With every rule on, those too that are disabled in their files.
fn load(name: &str, files: &[RuleFile<'_>]) -> Ruleset {
    let all = Selection { enable: true, by: Selector::Rule("*".to_owned()) };
    let settings = Settings { rules: vec![all], ..Settings::default() };
    let region = Region::new(ALLOCATOR);
    let start = Instant::now();
    let ruleset = Ruleset::load(files, &settings).ruleset.expect("the rules load");
    let took = start.elapsed();
    let change = region.change();
    println!("engine {name} rules: {}", ruleset.rules().len());
    println!("engine {name} unique expressions: {}", ruleset.expressions());
    println!("engine {name} load: {:.1} ms", took.as_secs_f64() * 1e3);
    let kept = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
    println!("engine {name} memory: {:.1} MiB", kept as f64 / f64::from(1 << 20));
    ruleset
}

/// Events per second.
fn rate(count: usize, mut round: impl FnMut()) -> f64 {
    round();
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < SPAN {
        round();
        rounds += 1;
    }
    (rounds * count) as f64 / start.elapsed().as_secs_f64()
}

fn evaluate(ruleset: &Ruleset, events: &[&Stored], scratch: &mut Scratch) -> u64 {
    let mut matches = 0;
    for event in events {
        event.with(|event| ruleset.matches(event, scratch, &mut |_| matches += 1));
    }
    matches
}

fn mix(name: &str, ruleset: &Ruleset, events: &[Stored]) -> f64 {
    let events: Vec<&Stored> = events.iter().collect();
    let mut scratch = Scratch::default();
    let matches = evaluate(ruleset, &events, &mut scratch);
    let rate = rate(events.len(), || {
        black_box(evaluate(ruleset, &events, &mut scratch));
    });
    println!("engine {name} matches in the mix: {matches}");
    println!("engine {name} mix: {rate:.0} events/s");
    rate
}

fn by_type(ruleset: &Ruleset, events: &[Stored]) {
    let mut types: BTreeMap<EventType, Vec<&Stored>> = BTreeMap::new();
    for event in events {
        types.entry(event.kind).or_default().push(event);
    }
    let mut scratch = Scratch::default();
    for (kind, events) in types {
        let rate = rate(events.len(), || {
            black_box(evaluate(ruleset, &events, &mut scratch));
        });
        println!(
            "engine stock {}: {rate:.0} events/s, {:.0} ns/event, {} in the mix",
            kind.name(),
            1e9 / rate,
            events.len()
        );
    }
}

/// How often an event that matches nothing makes the engine ask for memory.
fn allocations(ruleset: &Ruleset, events: &[Stored]) {
    let mut scratch = Scratch::default();
    let mut silent: Vec<&Stored> = Vec::new();
    for event in events {
        if evaluate(ruleset, &[event], &mut scratch) == 0 {
            silent.push(event);
        }
    }
    let region = Region::new(ALLOCATOR);
    black_box(evaluate(ruleset, &silent, &mut scratch));
    let change = region.change();
    let count = change.allocations + change.reallocations;
    println!("engine stock allocations: {count} for {} events that match nothing", silent.len());
}

fn interpreter(ruleset: &Ruleset, events: &[Stored], compiled: f64) {
    let interpreter = ruleset.interpreter();
    let few: Vec<&Stored> = events.iter().step_by(20).collect();
    let mut matches = 0_u64;
    let rate = rate(few.len(), || {
        for event in &few {
            event.with(|event: &Event<'_>| interpreter.matches(event, &mut |_| matches += 1));
        }
    });
    black_box(matches);
    println!("engine stock interpreter mix: {rate:.0} events/s");
    println!("engine stock compiled against interpreted: {:.1} times faster", compiled / rate);
}

/// Rules as a large site has them: the same few shapes, each with values of its own.
fn generated(count: usize) -> String {
    let mut text = String::from(
        "- macro: opened_for_writing\n  condition: evt.type in (open, openat, openat2) and evt.is_open_write=true and fd.typechar='f'\n\
         - macro: started\n  condition: evt.type in (execve, execveat)\n",
    );
    for i in 0..count {
        let condition = match i % 8 {
            0 => format!(
                "opened_for_writing and fd.name startswith /srv/app{i}/ and not proc.name in (deploy{i}, rsync)"
            ),
            1 => format!("started and proc.name = tool{i} and not proc.pname in (ci, runner{i})"),
            2 => format!("evt.type in (open, openat) and fd.name in (/etc/app{i}.conf, /etc/app{i}.key)"),
            3 => format!("started and proc.exepath = /opt/vendor{i}/bin/agent and user.uid != 0"),
            4 => format!("opened_for_writing and fd.filename = secret{i}.pem"),
            5 => format!("evt.type = connect and fd.sport = {} and proc.name = client{i}", 1024 + i % 60000),
            6 => {
                format!("evt.type in (open, openat) and fd.name endswith .ext{i} and proc.pname = parent{i}")
            }
            _ => format!("started and proc.pname = daemon{i} and proc.cmdline contains arg{i}"),
        };
        text += &format!(
            "- rule: Generated {i}\n  desc: d\n  condition: {condition}\n  output: command=%proc.cmdline file=%fd.name\n  priority: NOTICE\n"
        );
    }
    text
}
