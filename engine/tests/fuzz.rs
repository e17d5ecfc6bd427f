//! Text and events that nobody would write: nothing may panic.
//!
//! Samples are mutated for `CADGE_FUZZ_SECONDS` each (`make fuzz`: a minute; a second otherwise). The seed
//! is printed; `CADGE_FUZZ_SEED` repeats a run.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::print_stdout, reason = "a fuzzer says its seed")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cadge_engine::output::Template;
use cadge_engine::{Given, RuleFile, Ruleset, Scratch, Settings, format_rules};

const RULES: &str = include_str!("../../rules/cadge_rules.yaml");

/// Pieces that are put in: words of the language and what often breaks parsers.
const PIECES: &[&str] = &[
    "and ",
    "or ",
    "not ",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    "\\x",
    "\\xff",
    "in (",
    "exists",
    "=",
    "!=",
    "<=",
    " pmatch (",
    "oneof ",
    "val(",
    "tolower(",
    "join(\"-\", (",
    "getopt(",
    "proc.name",
    "proc.aname[2]",
    "evt.arg.flags",
    "fd.net",
    "evt.buffer",
    "%",
    "%proc.name",
    "%9",
    "*",
    "é",
    "\0",
    "\n",
    "\n- rule: ",
    "\n  append: true",
    "\n  override: {condition: append}",
    "\n  exceptions: [{name: a, fields: [proc.name], values: [[a]]}]",
    "---\n",
    "&a ",
    "*a ",
    "{",
    "}",
    ": ",
    "- ",
    "0x",
    "-1",
    "99999999999999999999",
    "1.2.3.4/8",
    "::1",
    "null",
    "true",
];

struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let seed = std::env::var("CADGE_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::try_from(now % u128::from(u64::MAX)).unwrap() | 1);
        println!("fuzz: CADGE_FUZZ_SEED={seed}");
        Self(seed)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap_or(0) % end.max(1)
    }

    /// Changes a few spots.
    fn mutate(&mut self, sample: &[u8], other: &[u8]) -> Vec<u8> {
        let mut text = sample.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(text.len() + 1);
            let end = (at + self.below(20)).min(text.len());
            match self.below(5) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..at, PIECES[self.below(PIECES.len())].bytes())),
                2 => drop(text.splice(at..end, PIECES[self.below(PIECES.len())].bytes())),
                3 => {
                    let from = self.below(other.len());
                    let to = (from + self.below(60)).min(other.len());
                    drop(text.splice(at..at, other[from..to].iter().copied()));
                }
                _ => {
                    if let Some(byte) = text.get_mut(at) {
                        *byte = self.below(256).to_le_bytes()[0];
                    }
                }
            }
        }
        text
    }
}

/// Mutates samples until the time is over.
fn fuzz(samples: &[&str], mut see: impl FnMut(&str)) {
    let seconds = std::env::var("CADGE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random::new();
    let mut count = 0_u64;
    while Instant::now() < end {
        let sample = samples[random.below(samples.len())];
        let other = samples[random.below(samples.len())];
        let text = random.mutate(sample.as_bytes(), other.as_bytes());
        see(&String::from_utf8_lossy(&text));
        count += 1;
    }
    println!("fuzz: {count} texts");
}

#[test]
fn rule_text() {
    let items: Vec<&str> = RULES.split("\n\n").collect();
    fuzz(&items, |text| {
        let file = RuleFile { name: "fuzz.yaml", text };
        let report = Ruleset::load(&[file], &Settings { every_error: true, ..Settings::default() });
        for problem in report.errors.iter().chain(&report.warnings) {
            let _ = problem.to_string();
        }
        let _ = format_rules(file);
    });
}

#[test]
fn templates() {
    let samples = [
        "user=%user.name %12proc.name %evt.arg[1]",
        "*%toupper(join(\"-\", (proc.name, 1))) end",
        "%proc.aname[2]%%",
    ];
    let event = Given::new(&serde_json::Map::new()).unwrap();
    fuzz(&samples, |text| {
        if let Ok(template) = Template::new(text) {
            event.with(|event| template.format(event));
        }
    });
}

#[test]
fn events() {
    let report = Ruleset::load(&[RuleFile { name: "own.yaml", text: RULES }], &Settings::default());
    let ruleset = report.ruleset.unwrap();
    let mut scratch = Scratch::default();
    let samples = [
        r#"{"evt.type": "openat", "proc.name": "cat", "fd.name": "/etc/shadow", "evt.is_open_read": true}"#,
        r#"{"evt.type": "execve", "proc.name": "sh", "proc.pname": "nginx", "proc.aname": ["a", "b"], "proc.pid": 3}"#,
        r#"{"evt.type": "connect", "fd.sip": "1.2.3.4", "fd.sport": 3333, "evt.rawres": -115}"#,
    ];
    fuzz(&samples, |text| {
        let Ok(serde_json::Value::Object(map)) = serde_json::from_str(text) else { return };
        if let Ok(given) = Given::new(&map) {
            let mut alerts = Vec::new();
            given.with(|event| ruleset.evaluate(event, &mut scratch, &mut alerts));
        }
        let object = Given::object(serde_json::Value::Object(map), "k8s_audit");
        object.with(|event| ruleset.evaluate(event, &mut scratch, &mut Vec::new()));
    });
}
