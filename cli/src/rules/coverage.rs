//! `cadge rules coverage`: which comparisons no test made true, or false, and what the live source never
//! answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use cadge_sensor::source::answers;

use super::test::suites;

pub(super) fn run(files: &[PathBuf]) -> Result<()> {
    let (mut all, mut covered) = (0, 0);
    for suite in suites(files)? {
        for rule in suite.ruleset.rules() {
            let mut seen: BTreeMap<String, (bool, bool)> = BTreeMap::new();
            for trace in suite.traces(rule) {
                trace.checks(&mut |check| {
                    let entry = seen.entry(check.text.clone()).or_default();
                    if check.truth { entry.0 = true } else { entry.1 = true }
                });
            }
            for (name, why) in answers::gaps(rule) {
                say!("rule '{}': the live source never answers '{name}': {why}", rule.name);
            }
            for (text, (was_true, was_false)) in seen {
                all += 2;
                covered += usize::from(was_true) + usize::from(was_false);
                for (was, word) in [(was_true, "true"), (was_false, "false")] {
                    if !was {
                        say!("rule '{}': no test makes '{text}' {word}", rule.name);
                    }
                }
            }
        }
    }
    say!("{covered} of {all} answers of comparisons are covered");
    Ok(())
}
