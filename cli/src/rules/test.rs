//! `cadge rules test`: events and the rules that have to fire for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use cadge_engine::condition::ast::{Expr, Node};
use cadge_engine::{Given, Rule, Ruleset, Settings, Trace};
use serde::Deserialize;

use super::{expand, report};
use crate::args::Test;

/// A file of tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    /// Rule files, from the folder of the test file.
    rules: Vec<PathBuf>,
    tests: Vec<Case>,
}

/// An event, and what it has to bring about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Fields and their values.
    event: serde_json::Map<String, serde_json::Value>,
    /// The rules that fire: these and, unless `silent` is there, no others.
    #[serde(default)]
    fires: Vec<String>,
    /// The rules that do not fire.
    silent: Option<Vec<String>>,
}

/// The tests of a file, ready to run.
pub(super) struct Suite {
    name: String,
    pub(super) ruleset: Ruleset,
    cases: Vec<(Case, Given)>,
}

pub(super) fn run(args: &Test) -> Result<ExitCode> {
    let suites = suites(&args.files)?;
    let (mut passed, mut failed) = (0, 0);
    for suite in &suites {
        for (case, given) in &suite.cases {
            let failures = suite.check(case, given);
            if failures.is_empty() {
                passed += 1;
            } else {
                failed += 1;
                say!("FAILED {}: {}", suite.name, case.name);
                for failure in failures {
                    say!("{failure}");
                }
            }
        }
    }
    say!("{passed} passed, {failed} failed");
    if args.mutate && failed == 0 {
        return mutate(&suites);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads test files; of folders those whose name ends in `_test.yaml`.
pub(super) fn suites(paths: &[PathBuf]) -> Result<Vec<Suite>> {
    let is_test = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        paths.contains(path) || name.ends_with("_test.yaml") || name.ends_with("_test.yml")
    };
    let files: Vec<PathBuf> = expand(paths)?.into_iter().filter(is_test).collect();
    if files.is_empty() {
        bail!("there are no tests: name files, or folders with files that end in _test.yaml");
    }
    files.iter().map(|path| suite(path)).collect()
}

fn suite(path: &Path) -> Result<Suite> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let file: TestFile = serde_saphyr::from_str(&text).with_context(|| format!("in {name}"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let rules: Vec<PathBuf> = file.rules.iter().map(|rules| folder.join(rules)).collect();
    let report = report(&rules, &Settings::default())?;
    let Some(ruleset) = report.ruleset else {
        let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
        bail!("{name}: the rules can't be loaded\n{}", errors.join("\n"));
    };
    let mut cases = Vec::new();
    for case in file.tests {
        let given = Given::new(&case.event)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("{name}: the event of '{}'", case.name))?;
        if let Some(unknown) = case
            .fires
            .iter()
            .chain(case.silent.iter().flatten())
            .find(|wanted| !ruleset.rules().iter().any(|rule| *rule.name == ***wanted))
        {
            bail!("{name}: '{}' names the rule '{unknown}', which is not in {rules:?}", case.name);
        }
        cases.push((case, given));
    }
    Ok(Suite { name, ruleset, cases })
}

impl Suite {
    /// What a rule comes to for each event.
    pub(super) fn traces<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = Trace> + 'a {
        self.cases.iter().map(|(_, given)| given.with(|event| self.ruleset.trace(rule, event)))
    }

    /// Each rule that does not do what it should, and why. Every rule is asked by itself.
    fn check(&self, case: &Case, given: &Given) -> Vec<String> {
        let mut failures = Vec::new();
        for rule in self.ruleset.rules() {
            let name = rule.name.to_string();
            let expected = match (case.fires.contains(&name), &case.silent) {
                (true, _) => true,
                (false, Some(silent)) if !silent.contains(&name) => continue,
                (false, _) => false,
            };
            let trace = given.with(|event| self.ruleset.trace(rule, event));
            if trace.truth != expected {
                failures.push(why(&name, &trace));
            }
        }
        failures
    }
}

/// The parts that decide, with the values that they saw.
fn why(rule: &str, trace: &Trace) -> String {
    let mut causes = Vec::new();
    trace.causes(&mut causes);
    let mut text = format!("  rule '{rule}' {}, because", if trace.truth { "fired" } else { "did not fire" });
    let mut seen = BTreeSet::new();
    for cause in causes {
        if !seen.insert(&cause.text) {
            continue;
        }
        let values: Vec<String> = cause
            .values
            .iter()
            .map(|(field, value)| match value {
                Some(value) => format!("{field} is `{value}`"),
                None => format!("{field} is missing"),
            })
            .collect();
        text += &format!("\n    {} is {}: {}", cause.text, cause.truth, values.join(", "));
    }
    text
}

/// Changes one comparison after another and looks whether a test notices.
fn mutate(suites: &[Suite]) -> Result<ExitCode> {
    let (mut killed, mut survived) = (0, 0);
    for suite in suites {
        for rule in suite.ruleset.rules() {
            let before: Vec<Option<bool>> = suite.answers(rule, &rule.condition);
            for (text, mutant) in mutants(&rule.condition) {
                if suite.answers(rule, &mutant) == before {
                    survived += 1;
                    say!("SURVIVED rule '{}': no test would miss {text}", rule.name);
                } else {
                    killed += 1;
                }
            }
        }
    }
    say!("{killed} changes were noticed, {survived} were not");
    Ok(if survived == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Suite {
    fn answers(&self, rule: &Rule, condition: &Expr) -> Vec<Option<bool>> {
        self.cases
            .iter()
            .map(|(_, given)| given.with(|event| self.ruleset.would_match(rule, condition, event)))
            .collect()
    }
}

/// The condition without one of its parts, for each part.
fn mutants(expr: &Expr) -> Vec<(String, Expr)> {
    let rebuilt = |node: Node| Expr { node, span: expr.span.clone() };
    let mut found = Vec::new();
    match &expr.node {
        Node::And(parts) | Node::Or(parts) => {
            let join = |parts: Vec<Expr>| {
                rebuilt(if matches!(expr.node, Node::And(_)) { Node::And(parts) } else { Node::Or(parts) })
            };
            for (at, part) in parts.iter().enumerate() {
                let mut rest = parts.clone();
                rest.remove(at);
                found.push((format!("'{part}'"), join(rest)));
                for (text, mutant) in mutants(part) {
                    let mut changed = parts.clone();
                    changed[at] = mutant;
                    found.push((text, join(changed)));
                }
            }
        }
        Node::Not(part) => {
            for (text, mutant) in mutants(part) {
                found.push((text, rebuilt(Node::Not(Box::new(mutant)))));
            }
        }
        Node::Check(_) | Node::Macro(_) => {}
    }
    found
}
