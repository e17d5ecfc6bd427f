//! Exceptions: values for which a rule does not fire, and the text that they add to its condition.

use super::entry::{Entry, Result};
use super::text::Text;
use super::yaml::{Content, Node};
use super::{Finding, Place};
use crate::condition::ast::{Modifier, Op, Shape};
use crate::condition::parse_operand;
use crate::fields::{Accessor, Scope};
use crate::problem::Code;

/// An exception as the files have it.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) name: String,
    /// Nothing, while only values are appended.
    fields: Option<OneOrMany>,
    comps: Option<OneOrMany>,
    values: Vec<Value>,
    place: Place,
}

/// A text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A value of an exception.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    List(Vec<Value>),
}

/// How an item uses its exceptions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Define,
    Append,
}

const KEYS: &[&str] = &["name", "fields", "comps", "values"];

/// Reads the exceptions of a rule.
pub(super) fn read(
    rule: &Entry<'_>,
    usage: Use,
    warnings: &mut Vec<Finding>,
) -> Result<Option<Vec<Exception>>> {
    let Some(node) = rule.get("exceptions") else { return Ok(None) };
    if node.is_null() {
        return Ok(Some(Vec::new()));
    }
    let Content::Sequence(parts) = &node.content else {
        return rule.fail(node, "Rule exceptions must be a sequence");
    };
    let mut exceptions: Vec<Exception> = Vec::new();
    for part in parts {
        let mut entry = rule.within(part, "exception");
        let name = entry.text("name")?.as_str().to_owned();
        entry.item_name.clone_from(&name);
        entry.check_keys(KEYS, warnings);
        if exceptions.iter().any(|known| known.name == name) && usage == Use::Define {
            let message = format!("Multiple definitions of exception '{name}' in the same rule");
            warnings.push(entry.finding(Code::ExceptionNameNotUnique, part, message));
        }
        if usage == Use::Define {
            entry.needed("fields")?;
        }
        let values = match entry.get("values") {
            Some(values) => read_values(&entry, values)?,
            None => Vec::new(),
        };
        if values.is_empty() && usage == Use::Append {
            warnings.push(entry.finding(
                Code::AppendNoValues,
                part,
                "Overriding/appending exception with no values",
            ));
        }
        exceptions.push(Exception {
            name,
            fields: one_or_many(&entry, "fields")?,
            comps: one_or_many(&entry, "comps")?,
            values,
            place: entry.place(part),
        });
    }
    Ok(Some(exceptions))
}

fn one_or_many(entry: &Entry<'_>, key: &str) -> Result<Option<OneOrMany>> {
    match entry.get(key) {
        None => Ok(None),
        Some(node) if node.is_null() => Ok(None),
        Some(node) => match node.scalar() {
            Some(text) => Ok(Some(OneOrMany::One(text.to_owned()))),
            None => Ok(entry.texts(key)?.map(OneOrMany::Many)),
        },
    }
}

fn read_values(entry: &Entry<'_>, node: &Node) -> Result<Vec<Value>> {
    match &node.content {
        Content::Sequence(parts) => parts.iter().map(|part| value(entry, part)).collect(),
        Content::Scalar(..) if node.is_null() => Ok(Vec::new()),
        _ => entry.fail(node, "Rule exception values must be a sequence"),
    }
}

fn value(entry: &Entry<'_>, node: &Node) -> Result<Value> {
    match &node.content {
        Content::Scalar(text, _) => Ok(Value::Text(text.clone())),
        Content::Sequence(parts) => {
            Ok(Value::List(parts.iter().map(|part| value(entry, part)).collect::<Result<_>>()?))
        }
        Content::Mapping(_) => entry.fail(node, "Expected values array to contain a list of strings"),
    }
}

impl Exception {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Finding::new(Code::Validate, message, self.place.clone()).item("exception", &self.name))
    }

    /// Whether fields and comparisons fit together and are known.
    pub(super) fn validate(&mut self, scope: Scope<'_>) -> Result<()> {
        match &self.fields {
            Some(OneOrMany::One(_)) => self.validate_one()?,
            Some(OneOrMany::Many(fields)) if !fields.is_empty() => self.validate_many(fields.len())?,
            _ => return self.fail("Rule exception must have fields property with a list of fields"),
        }
        for field in self.fields.iter().flat_map(OneOrMany::texts) {
            let known = parse_operand(field).ok().filter(|(_, length)| *length == field.len());
            if known.is_none_or(|(operand, _)| Accessor::new(&operand, scope).is_err()) {
                return self.fail(format!("'{field}' is not a supported filter field"));
            }
        }
        Ok(())
    }

    fn validate_one(&mut self) -> Result<()> {
        let comp = match &self.comps {
            None => "in".to_owned(),
            Some(OneOrMany::One(comp)) => comparison(comp),
            Some(OneOrMany::Many(_)) => return self.fail("Fields and comps must both be strings"),
        };
        let is_list_op = ["in", "pmatch", "intersects"].contains(&comp.as_str());
        if !is_list_op && !is_comparison(&comp) {
            return self.fail(format!("'{comp}' is not a supported comparison operator"));
        }
        if !is_list_op && !has_modifier(&comp) {
            return self.fail("When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator (e.g. startswith oneof)");
        }
        self.comps = Some(OneOrMany::One(comp));
        Ok(())
    }

    fn validate_many(&mut self, fields: usize) -> Result<()> {
        let comps = match &self.comps {
            None => vec!["=".to_owned(); fields],
            Some(OneOrMany::Many(comps)) => comps.iter().map(|comp| comparison(comp)).collect(),
            Some(OneOrMany::One(_)) => return self.fail("Fields and comps must both be lists"),
        };
        if comps.len() != fields {
            return self.fail("Fields and comps lists must have equal length");
        }
        if let Some(unknown) = comps.iter().find(|comp| !is_comparison(comp)) {
            return self.fail(format!("'{unknown}' is not a supported comparison operator"));
        }
        self.comps = Some(OneOrMany::Many(comps));
        Ok(())
    }

    /// Adds what another of the same name has: only values.
    pub(super) fn append(&mut self, other: Exception) -> Result<()> {
        if other.fields.is_some() {
            return other.fail("Can not append exception fields to existing exception, only values");
        }
        if other.comps.is_some() {
            return other.fail("Can not append exception comps to existing exception, only values");
        }
        self.values.extend(other.values);
        Ok(())
    }

    /// What it adds to the condition; nothing without values.
    fn condition(&self) -> Result<String> {
        let mut text = String::new();
        match (&self.fields, &self.comps) {
            (Some(OneOrMany::One(field)), Some(OneOrMany::One(comp))) => {
                let values: Option<Vec<String>> = self
                    .values
                    .iter()
                    .map(|value| match value {
                        Value::Text(text) => Some(quoted(text)),
                        Value::List(_) => None,
                    })
                    .collect();
                let Some(values) = values else {
                    return self.fail("Expected values array to contain a list of strings");
                };
                if !values.is_empty() {
                    text = format!("({field} {comp} ({}))", values.join(", "));
                }
            }
            (Some(OneOrMany::Many(fields)), Some(OneOrMany::Many(comps))) => {
                for value in &self.values {
                    let Value::List(tuple) = value else {
                        return self.fail("Fields and values lists must have equal length");
                    };
                    if tuple.len() != fields.len() {
                        return self.fail("Fields and values lists must have equal length");
                    }
                    let checks: Vec<String> = fields
                        .iter()
                        .zip(comps)
                        .zip(tuple)
                        .map(|((field, comp), value)| format!("{field} {comp} {}", value.written(comp)))
                        .collect();
                    text.push_str(if text.is_empty() { "(" } else { " or " });
                    text.push_str(&format!("({})", checks.join(" and ")));
                }
                text.push_str(if text.is_empty() { "" } else { ")" });
            }
            _ => {}
        }
        Ok(text)
    }
}

impl OneOrMany {
    fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl Value {
    /// As it stands behind a comparison.
    fn written(&self, comp: &str) -> String {
        match self {
            Self::List(values) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| match value {
                        Self::Text(text) => quoted(text),
                        Self::List(_) => value.written("="),
                    })
                    .collect();
                format!("({})", values.join(", "))
            }
            Self::Text(text) if is_list_comparison(comp) => {
                if text.starts_with('(') {
                    text.clone()
                } else {
                    format!("({text})")
                }
            }
            Self::Text(text) => quoted(text),
        }
    }
}

fn quoted(text: &str) -> String {
    if text.contains(' ') && !text.starts_with(['"', '\'']) { format!("\"{text}\"") } else { text.to_owned() }
}

/// One blank between the words of a comparison, none around them.
fn comparison(comp: &str) -> String {
    comp.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has_modifier(comp: &str) -> bool {
    let Some((op, modifier)) = comp.split_once(' ') else { return false };
    Modifier::ALL.iter().any(|known| known.name() == modifier)
        && Op::ALL.iter().any(|known| known.name() == op && known.shape() == Shape::Text)
}

fn is_comparison(comp: &str) -> bool {
    has_modifier(comp) || Op::ALL.iter().any(|op| op.name() == comp)
}

fn is_list_comparison(comp: &str) -> bool {
    ["in", "intersects", "pmatch"].contains(&comp) || has_modifier(comp)
}

/// A condition with what its exceptions add to it.
pub(super) fn with_exceptions(condition: &Text, exceptions: &[Exception]) -> Result<Text> {
    let mut texts = Vec::new();
    for exception in exceptions {
        let text = exception.condition()?;
        if !text.is_empty() {
            texts.push((text, &exception.place));
        }
    }
    if texts.is_empty() {
        return Ok(condition.clone());
    }
    let mut result = Text::default();
    let all = 0..condition.as_str().len();
    result.insert("(", condition, &all);
    result.push(condition, all.clone());
    result.insert(")", condition, &(all.end.saturating_sub(1)..all.end));
    for (text, place) in texts {
        result.insert_at(&format!(" and not {text}"), place.file, &place.range);
    }
    Ok(result)
}
