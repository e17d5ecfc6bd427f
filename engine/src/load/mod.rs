//! Rule files to a ruleset: YAML, items, lists, macros, conditions.

mod text;
mod yaml;
mod entry;
mod items;
mod rule;
mod exceptions;
mod versions;
mod lists;
mod macros;
mod select;
mod warn;
mod compile;
mod format;

use crate::Settings;
use crate::problem::{Code, Problem};
use crate::ruleset::{Report, RuleFile};
use items::Items;
use text::Text;

pub use format::format_rules;
pub use select::wildcard;
pub use warn::condition_warnings;

/// Where something stands: a file's index and bytes of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    item_type: &'static str,
    item_name: String,
    hint: Option<String>,
}

/// What stands in the messages about names that nobody knows.
const UNKNOWN_FILTERS: &[&str] =
    &["nonexistent field", "invalid formatting token", "unknown event type", "unknown filter:"];

impl Finding {
    fn new(code: Code, message: impl Into<String>, place: Place) -> Self {
        let message = message.into();
        Self { code, message, place, item_type: "rules content", item_name: String::new(), hint: None }
    }

    /// At a part of a text that was pieced together.
    fn within(code: Code, message: impl Into<String>, text: &Text, span: &std::ops::Range<usize>) -> Self {
        let (file, range) = text.locate(span);
        Self::new(code, message, Place { file, range })
    }

    fn item(mut self, kind: &'static str, name: &str) -> Self {
        self.item_type = kind;
        name.clone_into(&mut self.item_name);
        self
    }

    /// The item, unless a more precise one is known.
    fn item_if_none(self, kind: &'static str, name: &str) -> Self {
        if self.item_name.is_empty() { self.item(kind, name) } else { self }
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    fn is_unknown_filter(&self) -> bool {
        UNKNOWN_FILTERS.iter().any(|text| self.message.contains(text))
    }

    fn located(self, files: &[RuleFile<'_>]) -> Problem {
        let (name, text) =
            files.get(self.place.file as usize).map_or(("", ""), |file| (file.name, file.text));
        let mut problem = Problem::locate(self.code, self.message, name, text, self.place.range);
        problem.item_type = self.item_type;
        problem.item_name = self.item_name;
        problem.hint = self.hint;
        problem
    }
}

/// Loads files in order. After each of them everything so far must compile: a file can use what stands in
/// it or in those before it.
pub(crate) fn load(files: &[RuleFile<'_>], settings: &Settings) -> Report {
    let (mut warnings, mut compile_warnings) = (Vec::new(), Vec::new());
    let mut items = Items::new(settings);
    let mut errors = Vec::new();
    let mut builder = crate::ruleset::RulesetBuilder::default();
    for (index, file) in files.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if let Err(error) = items.read(index, file.text, &mut warnings) {
            errors.push(error);
            break;
        }
        compile_warnings.clear();
        builder = compile::compile(&items, &mut compile_warnings, &mut errors);
        if !errors.is_empty() {
            break;
        }
    }
    if errors.is_empty() {
        errors.extend(versions::unmet(&items.requirements, &settings.plugins));
    }
    warnings.append(&mut compile_warnings);
    let located =
        |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.located(files)).collect();
    let ruleset = errors.is_empty().then(|| builder.finish(settings));
    Report { ruleset, errors: located(errors), warnings: located(warnings) }
}
