//! What a template works with, and how Go prints it.

use std::borrow::Cow;
use std::collections::HashMap;

use cadge_proto::json::{FieldKind, FieldKinds, MISSING};
use cadge_proto::{Alert, priority_name};

use crate::format;
use crate::text::go_time;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// A field that the alert does not have, or `null`.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Also a number out of a field: falcosidekick reads them as text.
    Text(Cow<'a, str>),
    /// A number with a name.
    Priority(i32),
    /// The time of this alert.
    Time(&'a Alert),
    Tags(&'a [String]),
    Fields(Fields<'a>),
    Alert(&'a Alert, FieldKinds),
}

/// The fields of an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    map: &'a HashMap<String, String>,
    kinds: FieldKinds,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: &'a HashMap<String, String>, kinds: FieldKinds) -> Self {
        Self { map, kinds }
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn get(&self, name: &str) -> Value<'a> {
        match self.map.get(name).map(String::as_str) {
            None | Some(MISSING) => Value::Nil,
            Some(text) if (self.kinds)(name) == FieldKind::Bool => {
                text.parse().map_or(Value::Text(text.into()), Value::Bool)
            }
            Some(text) => Value::Text(text.into()),
        }
    }

    /// As Go goes through a map.
    pub(super) fn sorted(&self) -> Vec<(&'a str, Value<'a>)> {
        let mut names: Vec<&str> = self.map.keys().map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter().map(|name| (name, self.get(name))).collect()
    }
}

impl<'a> Value<'a> {
    /// Go's truth: what is not the zero of its type.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(truth) => *truth,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Tags(tags) => !tags.is_empty(),
            Value::Fields(fields) => fields.len() != 0,
            Value::Priority(_) | Value::Time(_) | Value::Alert(..) => true,
        }
    }

    /// What `.name` of it is.
    pub(super) fn part(&self, name: &str) -> Result<Value<'a>, String> {
        Ok(match (self, name) {
            (Value::Nil, _) => Value::Nil,
            (Value::Fields(fields), _) => fields.get(name),
            (Value::Alert(alert, kinds), _) => return part(alert, *kinds, name),
            (Value::Priority(_) | Value::Time(_), "String") => Value::Text(self.to_string().into()),
            (Value::Time(_), "UTC") => self.clone(),
            (Value::Time(alert), "Unix") => Value::Int(alert.time.unwrap_or_default().seconds),
            _ => return Err(format!("{} has no part `.{name}`", self.kind())),
        })
    }

    /// Go's name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Priority(_) => "types.PriorityType",
            Value::Time(_) => "time.Time",
            Value::Tags(_) => "[]string",
            Value::Fields(_) => "map[string]interface {}",
            Value::Alert(..) => "types.FalcoPayload",
        }
    }
}

/// falcosidekick counts from 1 for `Debug` to 8 for `Emergency`.
pub(super) fn priority_rank(priority: i32) -> i64 {
    8 - i64::from(priority.clamp(0, 7))
}

fn part<'a>(alert: &'a Alert, kinds: FieldKinds, name: &str) -> Result<Value<'a>, String> {
    Ok(match name {
        "UUID" => Value::Text(format::uuid(alert).into()),
        "Rule" => Value::Text(alert.rule.as_str().into()),
        "Priority" => Value::Priority(alert.priority),
        "Output" => Value::Text(alert.output.as_str().into()),
        "Time" => Value::Time(alert),
        "Source" => Value::Text(alert.source.as_str().into()),
        "Hostname" => Value::Text(alert.hostname.as_str().into()),
        "Tags" => Value::Tags(&alert.tags),
        "OutputFields" => Value::Fields(Fields::new(&alert.output_fields, kinds)),
        _ => {
            return Err(format!(
                "an alert has no part `.{name}`; there are: UUID, Rule, Priority, Output, Time, Source, Hostname, \
                 Tags, OutputFields"
            ));
        }
    })
}

/// Go's `%v`.
impl std::fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Nil => out.write_str("<nil>"),
            Value::Bool(truth) => write!(out, "{truth}"),
            Value::Int(number) => write!(out, "{number}"),
            Value::Float(number) => out.write_str(&float(*number)),
            Value::Text(text) => out.write_str(text),
            Value::Priority(priority) => out.write_str(priority_name(*priority)),
            Value::Time(alert) => out.write_str(&go_time(alert)),
            Value::Tags(tags) => write!(out, "[{}]", tags.join(" ")),
            Value::Fields(fields) => {
                let pairs = fields.sorted().into_iter().map(|(name, value)| format!("{name}:{value}"));
                write!(out, "map[{}]", pairs.collect::<Vec<_>>().join(" "))
            }
            Value::Alert(alert, kinds) => out.write_str(format::canonical(alert, *kinds).trim_end()),
        }
    }
}

/// Go's `%v` of a float: the shortest digits, with an exponent if it is large or small.
fn float(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return number.to_string();
    }
    exponent(&format!("{number:e}"))
}

/// Rust writes `1e21`, Go `1e+21`: with a sign and at least two digits.
pub(super) fn exponent(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |number| ('-', number));
    format!("{digits}e{sign}{exponent:0>2}")
}
