//! Output templates: text with `%field`s in it.

use std::sync::Arc;

use crate::Event;
use crate::fields::{self, Accessor};
use crate::problem::nearest;

/// What stands for a missing value.
const MISSING: &str = "<NA>";

/// Bytes of an alert's text. A longer one is cut.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// A template, compiled.
#[derive(Debug, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Field {
        accessor: Accessor,
        /// The text behind the `%`, without the width: the key of `output_fields`.
        key: Arc<str>,
        /// Pad or cut to so many characters.
        width: Option<usize>,
    },
}

/// Why there is no template, and where.
#[derive(Debug)]
pub(crate) struct TemplateError {
    pub(crate) message: String,
    pub(crate) span: std::ops::Range<usize>,
    pub(crate) hint: Option<String>,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        // A block scalar ends with a line end that nobody means.
        let text = text.trim_end();
        // The star says "go on after a missing value", which is always so here.
        let skipped = usize::from(text.starts_with('*'));
        let mut parts = Vec::new();
        let mut rest = &text[skipped..];
        while let Some(at) = rest.find('%') {
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            let start = text.len() - rest.len() + at;
            let (part, length) = field(&rest[at + 1..]).map_err(|error| TemplateError {
                span: start + error.span.start..start + error.span.end,
                ..error
            })?;
            parts.push(part);
            rest = &rest[at + 1 + length..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The text for an event, and each field of the template with its text.
    pub(crate) fn format(&self, event: &Event<'_>) -> (String, Vec<(Arc<str>, String)>) {
        let mut message = String::new();
        let mut values: Vec<(Arc<str>, String)> = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => message.push_str(text),
                Part::Field { accessor, key, width } => {
                    let mut text = String::new();
                    match accessor.value(event) {
                        Some(value) => value.print(&mut text),
                        None => text.push_str(MISSING),
                    }
                    match width {
                        Some(width) => {
                            message.extend(text.chars().chain(std::iter::repeat(' ')).take(*width));
                        }
                        None => message.push_str(&text),
                    }
                    if !values.iter().any(|(known, _)| known == key) {
                        values.push((Arc::clone(key), text));
                    }
                }
            }
        }
        let end = (0..=MESSAGE_BYTES_MAX.min(message.len())).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or(0));
        (message, values)
    }
}

/// The field behind a `%`, and the length of its text. The longest name that is a field's counts, so
/// that `%proc.nameand` is `%proc.name` and `and`.
fn field(text: &str) -> Result<(Part, usize), TemplateError> {
    let fail = |message: String, end: usize, hint| Err(TemplateError { message, span: 0..end + 1, hint });
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let width = if digits == 0 { None } else { text[..digits].parse().ok().filter(|width| *width <= 4096) };
    if digits > 0 && width.is_none() {
        return fail("the width is too large".to_owned(), digits, None);
    }
    let name = &text[digits..];
    let length =
        name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(name.len());
    if length == 0 {
        return fail("a field's name must follow `%`".to_owned(), digits, None);
    }
    let written = name[..length].trim_end_matches('.');
    let found = (1..=written.len()).rev().find_map(|end| Some((end, fields::find(&name[..end])?)));
    let Some((end, (field, dotted))) = found else {
        let hint = nearest(written, fields::all().map(|field| field.name));
        let hint = hint.map(|known| format!("did you mean `{known}`?"));
        return fail(format!("unknown field `{written}`"), digits + written.len(), hint);
    };
    let (arg, end) = match name[end..].strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((arg, _)) if dotted.is_none() => (Some(arg), end + arg.len() + 2),
        _ => (dotted, end),
    };
    match Accessor::new(field, arg) {
        Ok(accessor) if accessor.is_single() => {
            Ok((Part::Field { accessor, key: name[..end].into(), width }, digits + end))
        }
        Ok(_) => {
            fail(format!("`{}` has several values and can't be printed", field.name), digits + end, None)
        }
        Err(message) => fail(message, digits + end, None),
    }
}
