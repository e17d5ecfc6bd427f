//! `cadge rules filter`: a condition on a file of JSON events.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use cadge_engine::fields::{K8S_AUDIT, SYSCALL};
use cadge_engine::{Given, Interpreter, RuleFile, Ruleset, Settings};
use serde_json::Value;

/// Prints the lines whose event the condition is true for. Exits with 1 if there are none.
pub(super) fn run(expr: &str, files: &[PathBuf]) -> Result<ExitCode> {
    let rulesets = (ruleset(expr, SYSCALL), ruleset(expr, K8S_AUDIT));
    if let (Err(error), Err(_)) = &rulesets {
        bail!("{error}");
    }
    let filters = (
        rulesets.0.as_ref().ok().map(Ruleset::interpreter),
        rulesets.1.as_ref().ok().map(Ruleset::interpreter),
    );
    let mut found = false;
    let mut see = |name: &str, reader: &mut dyn BufRead| -> Result<()> {
        for (number, line) in reader.lines().enumerate() {
            let line = line.with_context(|| format!("reading {name}"))?;
            if line.trim().is_empty() {
                continue;
            }
            let place = || format!("{name}:{}", number + 1);
            let object: Value = serde_json::from_str(&line).with_context(place)?;
            if is_true(&filters, object).map_err(anyhow::Error::msg).with_context(place)? {
                found = true;
                writeln!(std::io::stdout(), "{line}")?;
            }
        }
        Ok(())
    };
    if files.is_empty() {
        see("standard input", &mut std::io::stdin().lock())?;
    }
    for path in files {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("opening {name}"))?;
        see(&name, &mut BufReader::new(file))?;
    }
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ruleset(expr: &str, source: &str) -> Result<Ruleset> {
    let rule = format!(
        "- rule: filter\n  desc: filter\n  source: {source}\n  output: filter\n  priority: INFO\n  condition: {}\n",
        Value::from(expr)
    );
    let report = Ruleset::load(&[RuleFile { name: "EXPR", text: &rule }], &Settings::default());
    match (report.ruleset, report.errors.first()) {
        (Some(ruleset), _) => Ok(ruleset),
        (None, Some(error)) => match &error.hint {
            Some(hint) => bail!("{}: {hint}", error.message),
            None => bail!("{}", error.message),
        },
        (None, None) => bail!("the condition does not compile"),
    }
}

/// An alert of Falco has its fields in `output_fields`; an object with dots in its keys is fields itself;
/// any other is what `json.value[/…]` looks into.
fn is_true(
    filters: &(Option<Interpreter<'_>>, Option<Interpreter<'_>>),
    object: Value,
) -> Result<bool, String> {
    let alert = object.get("output_fields").and_then(Value::as_object);
    let fields = alert.or_else(|| object.as_object().filter(|map| map.keys().any(|key| key.contains('.'))));
    let given = match fields {
        Some(fields) => Given::new(fields)?,
        None if object.get("auditID").is_some() => Given::object(object, K8S_AUDIT),
        None => Given::object(object, SYSCALL),
    };
    Ok(given.with(|event| {
        let filter = if event.source == K8S_AUDIT { &filters.1 } else { &filters.0 };
        filter.as_ref().is_some_and(|filter| filter.is_true(0, event))
    }))
}
