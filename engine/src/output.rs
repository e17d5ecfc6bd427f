//! Output templates: text with `%field`s in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Event;
use crate::condition::ast::{Call, CallArg, FieldRef, Operand, Transformer};
use crate::condition::parse_operand;
use crate::events::is_argument;
use crate::fields::{self, Accessor, Scope, Statics, Value};
use crate::problem::nearest;

/// What stands for a missing value.
pub const MISSING: &str = "<NA>";

/// Bytes of an alert's text. A longer one is cut.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// A template, compiled.
#[derive(Debug, Default)]
pub struct Template {
    parts: Vec<Part>,
    /// Everything that has a value, each once: first what a transformer needs, then itself.
    values: Vec<Named>,
    /// Go on after a missing value. A `*` in front says so; the output of a rule always does.
    goes_on: bool,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// A place among the values, and how many characters to pad or cut it to.
    Value(usize, Option<usize>),
}

#[derive(Debug)]
struct Named {
    /// The text behind the `%`, without the width: the key of `output_fields`.
    key: Arc<str>,
    accessor: Accessor,
    is_transformer: bool,
}

/// What came of a template for an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    /// The text, as far as it went.
    pub text: String,
    /// Whether it went to the end: without `*` in front a template ends at the first missing value.
    pub is_complete: bool,
    /// The values up to there, `None` for what is missing.
    pub values: BTreeMap<String, Option<String>>,
}

/// Why there is no template, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the template that are.
    pub span: std::ops::Range<usize>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Template {
    /// Compiles a template with the fields of every source.
    pub fn new(text: &str) -> Result<Self, TemplateError> {
        Self::parse(text, Scope { source: None, statics: &Statics::new() })
    }

    /// Compiles the output of a rule.
    pub(crate) fn parse(text: &str, scope: Scope<'_>) -> Result<Self, TemplateError> {
        // A block scalar ends with a line end that nobody means.
        let text = text.trim_end_matches(['\n', '\r']);
        let goes_on = text.starts_with('*');
        let mut template = Self { goes_on, ..Self::default() };
        let mut rest = &text[usize::from(goes_on)..];
        while let Some(at) = rest.find('%') {
            if at > 0 {
                template.parts.push(Part::Text(rest[..at].to_owned()));
            }
            let start = text.len() - rest.len() + at;
            let length = template.token(&rest[at + 1..], scope).map_err(|error| TemplateError {
                span: start + error.span.start..start + error.span.end,
                ..error
            })?;
            rest = &rest[at + 1 + length..];
        }
        if !rest.is_empty() {
            template.parts.push(Part::Text(rest.to_owned()));
        }
        Ok(template)
    }

    /// Adds what stands behind a `%`, and answers the length of its text.
    fn token(&mut self, text: &str, scope: Scope<'_>) -> Result<usize, TemplateError> {
        let fail = |message: String, end: usize, hint| Err(TemplateError { message, span: 0..end + 1, hint });
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let width =
            if digits == 0 { None } else { text[..digits].parse().ok().filter(|width| *width <= 4096) };
        if digits > 0 && width.is_none() {
            return fail("the width is too large".to_owned(), digits, None);
        }
        let rest = &text[digits..];
        if rest.is_empty() {
            let what = if digits == 0 { "%" } else { "a number" };
            return fail(
                format!("invalid formatting syntax: formatting cannot end with {what}"),
                digits,
                None,
            );
        }
        let (operand, length) = operand(rest, scope).map_err(|(message, end, hint)| TemplateError {
            message,
            span: 0..digits + end + 1,
            hint,
        })?;
        let place = self.value(&operand, scope).or_else(|message| fail(message, digits + length, None))?;
        self.parts.push(Part::Value(place, width));
        Ok(digits + length)
    }

    /// The place of a field or transformer among the values, behind those of what it is made of.
    fn value(&mut self, operand: &Operand, scope: Scope<'_>) -> Result<usize, String> {
        if let Operand::Call(call) = operand {
            self.arguments(call, scope)?;
        }
        let key = operand.to_string();
        if let Some(place) = self.values.iter().position(|value| *value.key == *key) {
            return Ok(place);
        }
        let accessor = Accessor::new(operand, scope)?;
        if let Some(field) = accessor.row().filter(|field| field.filter_only) {
            return Err(format!("field '{}' can't be printed: it can only be compared", field.name));
        }
        let is_transformer = matches!(operand, Operand::Call(_));
        self.values.push(Named { key: key.into(), accessor, is_transformer });
        Ok(self.values.len() - 1)
    }

    fn arguments(&mut self, call: &Call, scope: Scope<'_>) -> Result<(), String> {
        fn each(args: &[CallArg], see: &mut dyn FnMut(&Operand) -> Result<(), String>) -> Result<(), String> {
            args.iter().try_for_each(|arg| match arg {
                CallArg::Operand(operand) => see(operand),
                CallArg::List(list) => each(list, see),
                CallArg::Text(_) | CallArg::Number(_) => Ok(()),
            })
        }
        // As in Falco a transformer of one value is part of what it stands around.
        let has_one =
            !matches!(call.transformer, Transformer::Join | Transformer::Concat | Transformer::Getopt);
        each(&call.args, &mut |operand| match operand {
            Operand::Call(call) if has_one => self.arguments(call, scope),
            operand => self.value(operand, scope).map(|_| ()),
        })
    }

    /// How many values it has.
    pub fn values(&self) -> usize {
        self.values.len()
    }

    /// The fields that it prints, as they are written.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|value| !value.is_transformer).map(|value| &*value.key)
    }

    /// The text of each value, `None` for what is missing.
    fn texts(&self, event: &Event<'_>) -> Vec<Option<String>> {
        let mut buffer = Vec::new();
        self.values.iter().map(|value| print(&value.accessor, event, &mut buffer)).collect()
    }

    /// The text for an event and each value.
    pub fn format(&self, event: &Event<'_>) -> Formatted {
        let mut formatted = Formatted { is_complete: true, ..Formatted::default() };
        let texts = self.texts(event);
        for part in &self.parts {
            match part {
                Part::Text(text) => formatted.text.push_str(text),
                Part::Value(place, width) => match &texts[*place] {
                    None if !self.goes_on => {
                        formatted.is_complete = false;
                        break;
                    }
                    text => padded(&mut formatted.text, text.as_deref().unwrap_or(MISSING), *width),
                },
            }
        }
        let shown = self.values.iter().zip(texts).filter(|(_, text)| formatted.is_complete || text.is_some());
        formatted.values = shown.map(|(value, text)| (value.key.to_string(), text)).collect();
        formatted
    }

    /// The text for an event, `<NA>` for each missing value, and each field of the template with its text.
    pub(crate) fn message(&self, event: &Event<'_>) -> (String, Vec<(Arc<str>, String)>) {
        let mut message = String::new();
        let texts: Vec<String> =
            self.texts(event).into_iter().map(|text| text.unwrap_or_else(|| MISSING.to_owned())).collect();
        for part in &self.parts {
            match part {
                Part::Text(text) => message.push_str(text),
                Part::Value(place, width) => padded(&mut message, &texts[*place], *width),
            }
        }
        let end = (0..=MESSAGE_BYTES_MAX.min(message.len())).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or(0));
        let fields = self.values.iter().zip(texts).filter(|(value, _)| !value.is_transformer);
        (message, fields.map(|(value, text)| (Arc::clone(&value.key), text)).collect())
    }
}

fn padded(out: &mut String, text: &str, width: Option<usize>) {
    match width {
        Some(width) => out.extend(text.chars().chain(std::iter::repeat(' ')).take(width)),
        None => out.push_str(text),
    }
}

/// A list as `(a,b)`, the ancestors without index joined by blanks, anything else as it is.
fn print(accessor: &Accessor, event: &Event<'_>, buffer: &mut Vec<u8>) -> Option<String> {
    let mut text = String::new();
    if accessor.is_list {
        let mut parts = Vec::new();
        let found = accessor.each(event, &mut |value| {
            let mut part = String::new();
            value.print(&mut part);
            parts.push(part);
        });
        return found.then(|| format!("({})", parts.join(",")));
    }
    if accessor.is_of_any_ancestor() && accessor.ty.is_text() {
        let found = accessor.each(event, &mut |value: Value<'_>| {
            text.push_str(if text.is_empty() { "" } else { " " });
            value.print(&mut text);
        });
        return found.then_some(text);
    }
    accessor.with(event, buffer, |value| value.print(&mut text))?;
    Some(text)
}

type Failure = (String, usize, Option<String>);

/// The field or transformer behind a `%`, and the length of its text. The longest name that is a field's
/// counts, so that `%proc.nameand` is `%proc.name` and `and`.
fn operand(text: &str, scope: Scope<'_>) -> Result<(Operand, usize), Failure> {
    if text
        .split_once('(')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()))
    {
        let end = text.find(|c: char| c.is_whitespace()).unwrap_or(text.len());
        return match parse_operand(text) {
            Ok(found @ (Operand::Call(_), _)) => Ok(found),
            Ok(_) => Err((format!("invalid formatting token {}", &text[..end]), end, None)),
            Err(error) => Err((error.message, error.span.end.max(1), error.hint)),
        };
    }
    let length =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(text.len());
    if length == 0 {
        return Err(("empty formatting token: a field's name must follow '%'".to_owned(), 0, None));
    }
    let written = text[..length].trim_end_matches('.');
    let known = |name: &str| {
        name.strip_prefix("static.").is_some_and(|key| scope.statics.contains_key(key))
            || fields::find_in(name, scope.source).is_some_and(|(field, arg)| match (field.name, arg) {
                ("evt.arg" | "evt.rawarg", Some(arg)) => arg.parse::<usize>().is_ok() || is_argument(arg),
                _ => true,
            })
    };
    let Some(end) = (1..=written.len()).rev().find(|end| known(&text[..*end])) else {
        let hint = nearest(written, fields::all().map(|field| field.name));
        let hint = hint.map(|known| format!("did you mean `{known}`?"));
        return Err((format!("invalid formatting token {written}"), written.len(), hint));
    };
    let (arg, length) = match text[end..].strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((arg, _)) => {
            let bare = arg.strip_prefix(['"', '\'']).and_then(|arg| arg.strip_suffix(['"', '\'']));
            (Some(bare.unwrap_or(arg).to_owned()), end + arg.len() + 2)
        }
        _ => (None, end),
    };
    Ok((Operand::Field(FieldRef { name: text[..end].to_owned(), arg, span: 0..length }), length))
}
