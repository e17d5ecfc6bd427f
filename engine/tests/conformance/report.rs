//! Reads case files and counts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

/// What became of one file's cases.
pub(super) struct Report {
    name: &'static str,
    passed: usize,
    failed: Vec<String>,
    not_applicable: BTreeMap<String, usize>,
}

/// Falco's facts: rules, cases and figures.
pub(super) fn compat() -> PathBuf {
    std::env::var_os("CADGE_COMPAT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
        Into::into,
    )
}

/// The cases of a file; nothing, said aloud, where it is missing.
pub(super) fn read(name: &'static str) -> Option<Value> {
    read_file(&format!("conformance/{name}.json"))
}

/// A file of facts; nothing, said aloud, where it is missing.
pub(super) fn read_file(name: &str) -> Option<Value> {
    let path = compat().join(name);
    if let Ok(text) = std::fs::read_to_string(&path) {
        Some(serde_json::from_str(&text).unwrap())
    } else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no case file {}", path.display());
        None
    }
}

impl Report {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, passed: 0, failed: Vec::new(), not_applicable: BTreeMap::new() }
    }

    /// Counts a case: `Err` says how it failed.
    pub(super) fn case(&mut self, id: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(why) => self.failed.push(format!("{id}: {why}")),
        }
    }

    pub(super) fn not_applicable(&mut self, why: &str) {
        *self.not_applicable.entry(why.to_owned()).or_default() += 1;
    }

    /// Prints the counts, and fails if a case did.
    #[track_caller]
    pub(super) fn finish(self) {
        let none = self.not_applicable.values().sum::<usize>();
        let all = self.passed + self.failed.len() + none;
        let mut text = format!(
            "conformance {}: {all} cases, {} passed, {} failed, {none} not applicable\n",
            self.name,
            self.passed,
            self.failed.len()
        );
        for (why, count) in &self.not_applicable {
            text += &format!("conformance {}: not applicable: {count}: {why}\n", self.name);
        }
        let _ = std::io::stdout().write_all(text.as_bytes());
        assert!(self.failed.is_empty(), "{}\n{}", self.failed.len(), self.failed.join("\n"));
    }
}

/// The cases of a list.
pub(super) fn cases<'a>(file: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    file[key].as_array().unwrap().iter()
}

pub(super) fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

/// `Ok` if the two are the same.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(have: &T, expected: &T) -> Result<(), String> {
    if have == expected { Ok(()) } else { Err(format!("have {have:?}, expected {expected:?}")) }
}
