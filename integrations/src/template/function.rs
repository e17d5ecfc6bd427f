//! The functions that Go's templates have from the start, but `call`: one list.

use std::cmp::Ordering;

use super::format;
use super::value::{Value, priority_rank};

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    pub(super) call: Call,
}

/// What it does with its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// Stops at the first argument that is false.
    And,
    /// Stops at the first argument that is true.
    Or,
    With(for<'a> fn(&[Value<'a>]) -> Result<Value<'a>, String>),
}

const ANY: usize = usize::MAX;

const FUNCTIONS: &[Function] = &[
    Function { name: "and", least: 1, most: ANY, call: Call::And },
    function("eq", 2, ANY, |values| equal(values).map(Value::Bool)),
    function("ge", 2, 2, |values| order(values).map(|order| Value::Bool(order.is_some_and(Ordering::is_ge)))),
    function("gt", 2, 2, |values| order(values).map(|order| Value::Bool(order.is_some_and(Ordering::is_gt)))),
    function("html", 0, ANY, |values| Ok(text(format::html(&shown(values))))),
    function("index", 1, ANY, index),
    function("js", 0, ANY, |values| Ok(text(format::js(&shown(values))))),
    function("le", 2, 2, |values| order(values).map(|order| Value::Bool(order.is_some_and(Ordering::is_le)))),
    function("len", 1, 1, length),
    function("lt", 2, 2, |values| order(values).map(|order| Value::Bool(order.is_some_and(Ordering::is_lt)))),
    function("ne", 2, 2, |values| equal(values).map(|truth| Value::Bool(!truth))),
    function("not", 1, 1, |values| Ok(Value::Bool(!values[0].is_true()))),
    Function { name: "or", least: 1, most: ANY, call: Call::Or },
    function("print", 0, ANY, |values| Ok(text(format::print(values)))),
    function("printf", 1, ANY, |values| format::printf(values).map(text)),
    function("println", 0, ANY, |values| Ok(text(format::println(values)))),
    function("slice", 1, 3, slice),
    function("urlquery", 0, ANY, |values| Ok(text(format::urlquery(&shown(values))))),
];

const fn function(
    name: &'static str,
    least: usize,
    most: usize,
    call: for<'a> fn(&[Value<'a>]) -> Result<Value<'a>, String>,
) -> Function {
    Function { name, least, most, call: Call::With(call) }
}

/// The function of a name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// All names, for an error.
pub(super) fn names() -> String {
    FUNCTIONS.iter().map(|function| function.name).collect::<Vec<_>>().join(", ")
}

impl Function {
    /// Whether it takes so many arguments.
    pub(super) fn check(&self, count: usize) -> Result<(), String> {
        let Self { name, least, most, .. } = self;
        let expected = match (*least..=*most).contains(&count) {
            true => return Ok(()),
            false if least == most => format!("{least}"),
            false if *most == ANY => format!("{least} or more"),
            false => format!("{least} to {most}"),
        };
        Err(format!("`{name}` takes {expected} arguments and got {count}"))
    }
}

fn text<'a>(text: String) -> Value<'a> {
    Value::Text(text.into())
}

/// The arguments of `html`, `js` and `urlquery`, which know a missing value as printing does.
fn shown(values: &[Value<'_>]) -> String {
    let shown = values.iter().map(|value| match value {
        Value::Nil => Value::Text("<no value>".into()),
        other => other.clone(),
    });
    format::print(&shown.collect::<Vec<_>>())
}

/// What two values of one kind have in common.
#[derive(PartialEq, PartialOrd)]
enum Basic<'v> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'v str),
}

fn basic<'v>(value: &'v Value<'_>) -> Option<Basic<'v>> {
    match value {
        Value::Bool(truth) => Some(Basic::Bool(*truth)),
        Value::Int(number) => Some(Basic::Int(*number)),
        Value::Priority(priority) => Some(Basic::Int(priority_rank(*priority))),
        Value::Float(number) => Some(Basic::Float(*number)),
        Value::Text(text) => Some(Basic::Text(text)),
        _ => None,
    }
}

fn incompatible(one: &Value<'_>, other: &Value<'_>) -> String {
    format!("cannot compare {} with {}", one.kind(), other.kind())
}

/// Whether the first is equal to one of the others.
fn equal(values: &[Value<'_>]) -> Result<bool, String> {
    let one = &values[0];
    for other in &values[1..] {
        let same = match (one, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Nil, _) | (_, Value::Nil) => false,
            (Value::Time(one), Value::Time(other)) => one.time == other.time,
            // Go refuses a priority's name here, which leaves the event without its text.
            (Value::Priority(_), Value::Text(name)) | (Value::Text(name), Value::Priority(_)) => {
                let priority = if matches!(one, Value::Priority(_)) { one } else { other };
                priority.to_string() == **name
            }
            _ => match (basic(one), basic(other)) {
                (Some(a), Some(b)) if std::mem::discriminant(&a) == std::mem::discriminant(&b) => a == b,
                _ => return Err(incompatible(one, other)),
            },
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

fn order(values: &[Value<'_>]) -> Result<Option<Ordering>, String> {
    let (one, other) = (&values[0], &values[1]);
    match (basic(one), basic(other)) {
        (Some(Basic::Bool(_)), _) | (_, Some(Basic::Bool(_))) => Err(incompatible(one, other)),
        (Some(a), Some(b)) if std::mem::discriminant(&a) == std::mem::discriminant(&b) => {
            Ok(a.partial_cmp(&b))
        }
        _ => Err(incompatible(one, other)),
    }
}

fn length<'a>(values: &[Value<'a>]) -> Result<Value<'a>, String> {
    let length = match &values[0] {
        Value::Text(text) => text.len(),
        Value::Tags(tags) => tags.len(),
        Value::Fields(fields) => fields.len(),
        other => return Err(format!("{} has no length", other.kind())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// A place in something with so many parts.
fn place(value: &Value<'_>, end: usize) -> Result<usize, String> {
    let Value::Int(number) = value else { return Err(format!("{} is no place", value.kind())) };
    let place = usize::try_from(*number).ok().filter(|place| *place <= end);
    place.ok_or_else(|| format!("there is no place {number}"))
}

fn index<'a>(values: &[Value<'a>]) -> Result<Value<'a>, String> {
    let mut value = values[0].clone();
    if matches!(value, Value::Nil) {
        return Err("of a missing value".to_owned());
    }
    for key in &values[1..] {
        value = match (&value, key) {
            (Value::Fields(fields), Value::Text(name)) => fields.get(name),
            (Value::Fields(_), other) => return Err(format!("a field's name is text, not {}", other.kind())),
            (Value::Tags(tags), key) => {
                let place = place(key, tags.len())?;
                Value::Text(tags.get(place).ok_or_else(|| format!("there is no place {place}"))?.into())
            }
            (Value::Text(text), key) => {
                let place = place(key, text.len())?;
                let byte = text.as_bytes().get(place).ok_or_else(|| format!("there is no place {place}"))?;
                Value::Int((*byte).into())
            }
            (other, _) => return Err(format!("{} has no places", other.kind())),
        };
    }
    Ok(value)
}

/// Bytes of a text, as in Go; a character that was cut in two becomes `U+FFFD`, as Go's JSON writes it.
fn slice<'a>(values: &[Value<'a>]) -> Result<Value<'a>, String> {
    let end = match &values[0] {
        Value::Text(text) => text.len(),
        Value::Tags(tags) => tags.len(),
        other => return Err(format!("{} cannot be sliced", other.kind())),
    };
    let from = values.get(1).map_or(Ok(0), |value| place(value, end))?;
    let to = values.get(2).map_or(Ok(end), |value| place(value, end))?;
    if from > to {
        return Err(format!("{from} is behind {to}"));
    }
    Ok(match &values[0] {
        Value::Tags(tags) => Value::Tags(&tags[from..to]),
        Value::Text(whole) => text(String::from_utf8_lossy(&whole.as_bytes()[from..to]).into_owned()),
        other => other.clone(),
    })
}
