//! `cadge rules fmt`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use cadge_engine::{RuleFile, format_rules};

use super::expand;

/// Writes files in one style; with `check` only names those that are not.
pub(super) fn run(paths: &[PathBuf], check: bool) -> Result<ExitCode> {
    let mut differ = false;
    for path in expand(paths)? {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
        let formatted = match format_rules(RuleFile { name: &name, text: &text }) {
            Ok(formatted) => formatted,
            Err(problem) => bail!("{problem}"),
        };
        if formatted == text {
            continue;
        }
        differ = true;
        if check {
            say!("{name} is not in the style of `cadge rules fmt`");
        } else {
            // A whole new file or the old one, never half of either.
            let part = path.with_extension("part");
            fs::write(&part, formatted).with_context(|| format!("writing {}", part.display()))?;
            fs::rename(&part, &path).with_context(|| format!("replacing {name}"))?;
            say!("{name}");
        }
    }
    Ok(if differ && check { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
