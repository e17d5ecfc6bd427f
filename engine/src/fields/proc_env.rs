//! `proc.env` and `proc.aenv`: the environments of a process and of its ancestors.

use super::accessor::ancestors;
use super::{FieldArg, Value};
use crate::{Event, Process};

/// Ancestors in which a variable is looked for.
const ANCESTORS_MAX: usize = 20;

/// The environment joined by blanks, or the value of one variable: empty if it is not set.
pub(super) fn own<'a>(event: &Event<'a>, which: &FieldArg, out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    let process = event.process?;
    if which.text.is_empty() {
        return Some(joined(process, out));
    }
    Some(Value::text(variable(process, &which.text).unwrap_or_default()))
}

/// The environment of the ancestor of this number, the parent's without one; or the first value that an
/// ancestor has for a variable.
pub(super) fn ancestor<'a>(event: &Event<'a>, which: &FieldArg, out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    if let Some(value) = inherited(event, which) {
        return Some(Value::text(value));
    }
    let index = if which.text.is_empty() { 1 } else { which.index? };
    Some(joined(ancestors(event).nth(index)?, out))
}

/// The environment of each ancestor: in a condition a number counts for nothing, as in Falco.
pub(super) fn any_ancestor(event: &Event<'_>, which: &FieldArg, see: &mut dyn FnMut(Value<'_>)) -> bool {
    if which.index.is_none() && !which.text.is_empty() {
        let Some(value) = inherited(event, which) else { return false };
        see(Value::text(value));
        return true;
    }
    let (mut found, mut out) = (false, Vec::new());
    for process in ancestors(event).skip(1) {
        found = true;
        out.clear();
        see(joined(process, &mut out));
    }
    found
}

/// What the nearest ancestor that has it has for a variable; nothing if the argument names none.
fn inherited<'a>(event: &Event<'a>, which: &FieldArg) -> Option<&'a [u8]> {
    if which.index.is_some() || which.text.is_empty() {
        return None;
    }
    let values = ancestors(event).skip(1).take(ANCESTORS_MAX);
    values.filter_map(|process| variable(process, &which.text)).find(|value| !value.is_empty())
}

fn variable<'a>(process: &'a Process, name: &str) -> Option<&'a [u8]> {
    let value = |variable: &'a [u8]| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
    process.environment().find_map(value).map(<[u8]>::trim_ascii)
}

fn joined<'a>(process: &Process, out: &'a mut Vec<u8>) -> Value<'a> {
    for variable in process.environment() {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(variable);
    }
    Value::Text(out)
}
