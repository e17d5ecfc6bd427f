//! `cadge rules check`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use cadge_engine::{LINTS, Problem, Report, RuleFile, Ruleset, Settings};
use serde_json::{Value, json};

use super::texts;
use crate::args::Check;

pub(super) fn run(args: &Check) -> Result<ExitCode> {
    let lints = lints(&args.lint)?;
    let texts = texts(&args.files)?;
    let files: Vec<RuleFile<'_>> = texts.iter().map(|(name, text)| RuleFile { name, text }).collect();
    // For people every rule with an error is worth a line; the JSON is Falco's, which stops at the first.
    let settings = Settings { every_error: !args.json, ..Settings::default() };
    let report = Ruleset::load(&files, &settings);
    if args.json {
        say!("{}", json!({"falco_load_results": results(&report, &files)}));
    } else {
        print(&report, &lints)?;
    }
    Ok(if report.ruleset.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The checks that are asked for.
fn lints(names: &[String]) -> Result<Vec<&'static str>> {
    if names.iter().any(|name| name == "all") {
        return Ok(LINTS.iter().map(|lint| lint.name).collect());
    }
    let mut found = Vec::new();
    for name in names {
        let Some(lint) = LINTS.iter().find(|lint| lint.name == name) else {
            let known: Vec<String> =
                LINTS.iter().map(|lint| format!("  {:14} {}", lint.name, lint.doc)).collect();
            bail!(
                "there is no lint `{name}`. There are:\n  all            all of these\n{}",
                known.join("\n")
            );
        };
        found.push(lint.name);
    }
    Ok(found)
}

fn print(report: &Report, lints: &[&str]) -> Result<()> {
    let (red, yellow, plain) =
        if std::io::stdout().is_terminal() { ("\x1b[31m", "\x1b[33m", "\x1b[0m") } else { ("", "", "") };
    for warning in &report.warnings {
        say!("{yellow}warning:{plain} {}{warning}", about(warning));
    }
    for error in &report.errors {
        say!("{red}error:{plain} {}{error}", about(error));
    }
    if let Some(ruleset) = &report.ruleset {
        let found = ruleset.lint(lints);
        for finding in &found {
            say!("{yellow}lint:{plain} rule '{}' {} [{}]", finding.rule, finding.message, finding.lint);
        }
        say!(
            "ok: {} rules, {} warnings, {} lints",
            ruleset.rules().len(),
            report.warnings.len(),
            found.len()
        );
    }
    Ok(())
}

fn about(problem: &Problem) -> String {
    match problem.item_name.as_str() {
        "" => String::new(),
        name => format!("{} '{name}': ", problem.item_type),
    }
}

/// One result for each file, in Falco's shape. After a file with errors no other is looked at.
fn results(report: &Report, files: &[RuleFile<'_>]) -> Vec<Value> {
    let mut results = Vec::new();
    for file in files {
        let of = |problems: &[Problem]| -> Vec<Value> {
            problems.iter().filter(|problem| problem.file == file.name).map(problem_json).collect()
        };
        let errors = of(&report.errors);
        let failed = !errors.is_empty();
        results.push(json!({
            "name": file.name,
            "successful": !failed,
            "schema_valid": "none",
            "schema_warnings": [],
            "errors": errors,
            "warnings": of(&report.warnings),
        }));
        if failed {
            break;
        }
    }
    results
}

fn problem_json(problem: &Problem) -> Value {
    let position = json!({
        "name": problem.file,
        "line": problem.line - 1,
        "column": problem.column - 1,
        "offset": problem.offset,
    });
    let location =
        json!({"item_type": problem.item_type, "item_name": problem.item_name, "position": position});
    json!({
        "context": {
            "locations": [location],
            "snippet": format!("{}\n{:caret$}^\n", problem.snippet, "", caret = problem.caret),
        },
        "code": problem.code.name(),
        "codedesc": problem.code.description(),
        "message": problem.message,
    })
}
