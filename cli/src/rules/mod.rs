//! Loads rule files, and the commands that look at them.
#![allow(clippy::print_stdout, reason = "a command line talks to its user")]

/// Prints a line. Whoever reads may have enough: `head` does.
macro_rules! say {
    () => { $crate::rules::say("")? };
    ($($text:tt)*) => { $crate::rules::say(&format!($($text)*))? };
}

mod bench;
mod check;
mod coverage;
mod explain;
mod fields;
mod filter;
mod fmt;
mod test;

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use cadge_engine::{Report, RuleFile, Ruleset, Settings};

use crate::args::Rules;

/// Cadge's own rules.
pub(crate) const OWN: &str = include_str!("../../../rules/cadge_rules.yaml");

/// The name under which mistakes in [`OWN`] would be shown.
const OWN_NAME: &str = "cadge_rules.yaml";

/// Prints a line; the error is that nobody reads any more, or that it cannot be written.
fn say(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}")
}

/// `cadge rules`.
pub(crate) fn run(command: &Rules) -> Result<ExitCode> {
    match command {
        Rules::Check(args) => return check::run(args),
        Rules::List { files } => list(files)?,
        Rules::Explain(args) => explain::run(args)?,
        Rules::Fmt { files, check } => return fmt::run(files, *check),
        Rules::Test(args) => return test::run(args),
        Rules::Coverage { files } => coverage::run(files)?,
        Rules::Bench { files, events } => bench::run(files, events)?,
        Rules::Filter { expr, files } => return filter::run(expr, files),
        Rules::Fields(args) => fields::run(args)?,
        Rules::Show => print!("{OWN}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The rules of `paths`, or Cadge's own where there are none. Warnings go to standard error.
pub(crate) fn load(paths: &[PathBuf], settings: &Settings) -> Result<Arc<Ruleset>> {
    let report = report(paths, settings)?;
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    for error in &report.errors {
        eprintln!("{error}");
    }
    match report.ruleset {
        Some(ruleset) => Ok(Arc::new(ruleset)),
        None => bail!("the rules can't be loaded"),
    }
}

/// What loading comes to.
fn report(paths: &[PathBuf], settings: &Settings) -> Result<Report> {
    let texts = texts(paths)?;
    let files: Vec<RuleFile<'_>> = texts.iter().map(|(name, text)| RuleFile { name, text }).collect();
    Ok(Ruleset::load(&files, settings))
}

/// The names and texts of rule files, Cadge's own where there are none.
fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    if paths.is_empty() {
        return Ok(vec![(OWN_NAME.to_owned(), OWN.to_owned())]);
    }
    let mut texts = Vec::new();
    for path in expand(paths)? {
        let bytes = fs::read(&path).with_context(|| format!("reading the rules {}", path.display()))?;
        let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
        texts.push((path.display().to_string(), text));
    }
    Ok(texts)
}

/// Replaces each folder by its `*.yaml` and `*.yml` files, sorted by name, as Falco does.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries =
                fs::read_dir(path).with_context(|| format!("reading the folder {}", path.display()))?;
            let mut found = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
            found.retain(|path| is_yaml(path));
            found.sort();
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn list(files: &[PathBuf]) -> Result<()> {
    let ruleset = load(files, &Settings::default())?;
    for rule in ruleset.rules() {
        let off = if rule.enabled { "" } else { " (disabled)" };
        say!("{:13} {}{off}", rule.priority, rule.name);
        if std::io::stdout().is_terminal() && !rule.tags.is_empty() {
            say!("{:13} {}", "", rule.tags.join(", "));
        }
    }
    Ok(())
}
