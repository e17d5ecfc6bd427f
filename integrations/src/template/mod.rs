//! Go's `text/template`, as far as falcosidekick's users need it in `messageformat` and
//! `templatedfields`.
//!
//! Own code: `gtmpl`, the one Rust crate for it, had its last release in 2021, has no bound on loops
//! or output, and prints numbers, lists and maps unlike Go. What differs from Go on purpose: an
//! unknown function, a wrong number of arguments and an undefined variable are refused at the start
//! and not with each alert; `define`, `template` and `block` are refused; there are limits.
//!
//! A field that an alert does not have prints `<no value>`: `index` of a Go map without the key
//! answers the zero value of its element type (`text/template/funcs.go`, `index`), which is a nil
//! interface for falcosidekick's `map[string]interface{}`, and an invalid value is printed so
//! (`text/template/exec.go`, `printableValue`). Within `printf` and `print` the same is `<nil>`.

mod lex;
mod tree;
mod parse;
mod value;
mod format;
mod function;
mod run;
#[cfg(test)]
mod tests;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;

use run::Run;
use value::{Fields, Value};

/// The longest text of a template, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// How deep blocks and parentheses may stand in each other.
pub(crate) const DEPTH_MAX: usize = 50;

/// The most bytes that one alert makes of a template, and that one value in it has.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// The most actions that are gone through for one alert, each turn of a loop anew.
pub(crate) const STEPS_MAX: usize = 10_000;

/// A template that was read and is ready to be filled in.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: String,
    nodes: Vec<tree::Node>,
}

/// A template that cannot be used, or cannot be filled in to its end: where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}\n  {excerpt}\n  {:>1$}", "^", .caret)]
pub(crate) struct TemplateError {
    /// Counted from 1.
    pub(crate) line: usize,
    /// In characters, counted from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) problem: String,
    excerpt: String,
    caret: usize,
}

/// What goes wrong at a byte of the text.
#[derive(Debug)]
struct Fault {
    at: usize,
    problem: String,
}

impl Fault {
    fn new(at: usize, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into() }
    }
}

impl Template {
    /// Reads a template.
    pub(crate) fn new(text: &str) -> Result<Self, TemplateError> {
        if text.len() > TEXT_BYTES_MAX {
            let problem = format!("a template has at most {TEXT_BYTES_MAX} bytes");
            return Err(TemplateError::new(text, &Fault::new(0, problem)));
        }
        let nodes =
            lex::lex(text).and_then(parse::parse).map_err(|fault| TemplateError::new(text, &fault))?;
        Ok(Self { text: text.to_owned(), nodes })
    }

    /// Whether there is nothing in it: the setting is not used.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Fills in an alert, whose parts are `.Rule`, `.Priority`, `.Output`, `.OutputFields` and so on.
    /// If something cannot be evaluated, the text ends there, as Go's does.
    pub(crate) fn render(&self, alert: &Alert, kinds: FieldKinds) -> String {
        self.fill(&Value::Alert(alert, kinds)).0
    }

    /// As [`Template::render`], but text that would end early is an error.
    #[cfg(test)]
    pub(crate) fn try_render(&self, alert: &Alert, kinds: FieldKinds) -> Result<String, TemplateError> {
        let (out, error) = self.fill(&Value::Alert(alert, kinds));
        error.map_or(Ok(out), Err)
    }

    /// As [`Template::render`], but the dot is the alert's fields: so it is in `templatedfields`.
    pub(crate) fn render_fields(&self, alert: &Alert, kinds: FieldKinds) -> String {
        self.fill(&Value::Fields(Fields::new(&alert.output_fields, kinds))).0
    }

    fn fill<'a>(&'a self, dot: &Value<'a>) -> (String, Option<TemplateError>) {
        let (out, fault) = Run::start(&self.nodes, dot);
        (out, fault.map(|fault| TemplateError::new(&self.text, &fault)))
    }
}

impl TemplateError {
    /// Characters of the line that are shown before and after the place.
    const AROUND: usize = 50;

    fn new(text: &str, fault: &Fault) -> Self {
        let at = text.floor_char_boundary(fault.at);
        let (before, after) = text.split_at(at);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = &text[start..at + after.find('\n').unwrap_or(after.len())];
        let column = before[start..].chars().count();
        let skipped = column.saturating_sub(Self::AROUND);
        let shown = line.chars().skip(skipped).take(2 * Self::AROUND);
        Self {
            line: before.matches('\n').count() + 1,
            column: column + 1,
            problem: fault.problem.clone(),
            // A control character would move the caret.
            excerpt: shown.map(|c| if c.is_control() { ' ' } else { c }).collect(),
            caret: column - skipped + 1,
        }
    }
}
