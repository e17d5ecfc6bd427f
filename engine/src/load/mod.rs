//! Rule files to a ruleset: YAML, items, lists, macros, conditions.

mod text;
mod yaml;
mod items;
mod lists;
mod macros;
mod compile;

use crate::problem::{Code, Problem};
use crate::ruleset::{Report, RuleFile, Settings};
use items::Items;
use text::Text;

/// Where something stands: a file's index and bytes of its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    file: u32,
    range: std::ops::Range<usize>,
}

/// A problem that does not yet know the line it is on.
#[derive(Debug)]
pub(crate) struct Finding {
    code: Code,
    message: String,
    place: Place,
    item: String,
    hint: Option<String>,
}

impl Finding {
    fn new(code: Code, message: impl Into<String>, place: Place) -> Self {
        Self { code, message: message.into(), place, item: String::new(), hint: None }
    }

    /// At a part of a text that was pieced together.
    fn within(code: Code, message: impl Into<String>, text: &Text, span: &std::ops::Range<usize>) -> Self {
        let (file, range) = text.locate(span);
        Self::new(code, message, Place { file, range })
    }

    fn item(mut self, kind: &str, name: &str) -> Self {
        self.item = format!("{kind} `{name}`");
        self
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    fn located(self, files: &[RuleFile<'_>]) -> Problem {
        let (name, text) =
            files.get(self.place.file as usize).map_or(("", ""), |file| (file.name, file.text));
        let mut problem = Problem::locate(self.code, self.message, name, text, self.place.range);
        problem.item = self.item;
        problem.hint = self.hint;
        problem
    }
}

/// Loads files in order and compiles what they have together.
pub(crate) fn load(files: &[RuleFile<'_>], settings: &Settings) -> Report {
    let mut warnings = Vec::new();
    let mut items = Items::default();
    let mut errors = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if let Err(error) = items.read(index, file.text, &mut warnings) {
            errors.push(error);
            break;
        }
    }
    let mut ruleset = None;
    if errors.is_empty() {
        match compile::compile(&items, settings, &mut warnings, &mut errors) {
            built if errors.is_empty() => ruleset = Some(built),
            _ => {}
        }
    }
    let located =
        |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.located(files)).collect();
    Report { ruleset, errors: located(errors), warnings: located(warnings) }
}
