//! What a condition or an output reads: a field with its argument, a fixed text or a transformer.

use std::collections::BTreeMap;

use super::call::{Call, Data};
use super::{Argument, Field, FieldArg, Get, Owned, Type, Value};
use crate::condition::ast::{FieldRef, Operand};
use crate::events::is_argument;
use crate::{Event, Process};

/// Ancestors that are looked at: a chain that is longer is a loop.
const ANCESTORS_MAX: usize = 64;

/// The fields `static.*`, which the configuration sets.
pub(crate) type Statics = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub(crate) struct Accessor {
    source: Source,
    pub(crate) ty: Type,
    pub(crate) is_list: bool,
}

#[derive(Clone, Debug)]
enum Source {
    /// The row and, so that nothing else of it is looked at, its getter.
    Field {
        field: &'static Field,
        get: Get,
        arg: FieldArg,
    },
    Static(Box<[u8]>),
    Call(Box<Call>),
}

/// Where names are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The source of the rule; `None` knows the fields of all.
    pub(crate) source: Option<&'a str>,
    pub(crate) statics: &'a Statics,
}

impl Accessor {
    /// Looks a field or transformer up. The error says what is wrong with it.
    pub(crate) fn new(operand: &Operand, scope: Scope<'_>) -> Result<Self, String> {
        match operand {
            Operand::Field(field) => Self::field(field, scope),
            Operand::Call(call) => {
                let call = Call::new(call, scope)?;
                Ok(Self { ty: call.ty(), is_list: call.is_list(), source: Source::Call(Box::new(call)) })
            }
        }
    }

    pub(crate) fn field(reference: &FieldRef, scope: Scope<'_>) -> Result<Self, String> {
        let name = reference.name.as_str();
        if let Some(key) = name.strip_prefix("static.") {
            let Some(value) = scope.statics.get(key) else {
                return Err(format!("filter_check called with nonexistent field {name}"));
            };
            let source = Source::Static(value.as_bytes().into());
            return Ok(Self { source, ty: Type::Charbuf, is_list: false });
        }
        let Some((field, dotted)) = super::find_in(name, scope.source) else {
            return Err(format!("filter_check called with nonexistent field {name}"));
        };
        if dotted.is_some() && reference.arg.is_some() {
            return Err(format!("filter_check called with nonexistent field {name}"));
        }
        let arg = dotted.or(reference.arg.as_deref());
        match (field.argument, arg) {
            (Argument::None, Some(_)) => return Err(format!("field '{name}' takes no argument")),
            (Argument::Required, None) => {
                return Err(format!("field '{name}' requires an argument, but none was given"));
            }
            _ => {}
        }
        let index = arg.and_then(|arg| arg.parse().ok());
        if let (Get::Ancestor(_), Some(arg)) = (field.get, arg)
            && index.is_none_or(|index| index >= ANCESTORS_MAX)
        {
            return Err(format!(
                "the argument of '{name}' must be a number below {ANCESTORS_MAX}, not '{arg}'"
            ));
        }
        if ["evt.arg", "evt.rawarg"].contains(&field.name)
            && let Some(arg) = arg
            && index.is_none()
            && !is_argument(arg)
        {
            return Err(format!("unknown event argument {arg}"));
        }
        let ty = match (field.name, arg) {
            ("evt.rawarg", Some(arg)) => super::evt_arg::raw_type(arg),
            _ => field.ty,
        };
        let is_list = field.is_list;
        let arg = FieldArg { text: arg.unwrap_or_default().into(), index };
        Ok(Self { source: Source::Field { field, get: field.get, arg }, ty, is_list })
    }

    /// The row of the field, if it is one.
    pub(crate) fn row(&self) -> Option<&'static Field> {
        match &self.source {
            Source::Field { field, .. } => Some(field),
            _ => None,
        }
    }

    /// Its name with its argument, if it is a field that has one value at most.
    pub(crate) fn single_field(&self) -> Option<String> {
        match &self.source {
            Source::Field { field, arg, .. } if !self.is_list && !self.has_alternatives() => {
                Some(if arg.text.is_empty() {
                    field.name.to_owned()
                } else {
                    format!("{}[{}]", field.name, arg.text)
                })
            }
            _ => None,
        }
    }

    /// An ancestor's field without index.
    pub(crate) fn is_of_any_ancestor(&self) -> bool {
        matches!(&self.source, Source::Field { get, arg, .. } if matches!(get, Get::Ancestor(_)) && arg.index.is_none())
    }

    /// Of two values, or several names of one thing, `!=` is about each.
    pub(crate) fn has_to_differ_in_each(&self) -> bool {
        let Source::Field { get, .. } = &self.source else { return false };
        matches!(get, Get::Either(_) | Get::Names(_) | Get::Several { every: true, .. })
    }

    /// Whether any of several values may match, as for `proc.aname` without an index.
    fn has_alternatives(&self) -> bool {
        self.is_of_any_ancestor()
            || matches!(
                &self.source,
                Source::Field { get: Get::Either(_) | Get::Several { .. } | Get::Names(_), .. }
            )
    }

    /// The first of its values, handed to `see`. `None` if it is missing.
    pub(crate) fn with<T>(
        &self,
        event: &Event<'_>,
        buffer: &mut Vec<u8>,
        see: impl FnOnce(Value<'_>) -> T,
    ) -> Option<T> {
        if let Some(given) = event.given
            && let Source::Field { field, arg, .. } = &self.source
        {
            return given.get(field, arg)?.first().map(|value| see(value.as_value()));
        }
        match &self.source {
            Source::Static(text) => Some(see(Value::Text(text))),
            Source::Field { get, arg, .. } => match *get {
                Get::One(get) => get(event).map(see),
                Get::Made(get) | Get::Several { one: get, .. } => {
                    buffer.clear();
                    get(event, arg, buffer).map(see)
                }
                Get::Names(get) => {
                    event.hosts.names(get(event)?).first().map(|name| see(Value::text(&**name)))
                }
                Get::Either(get) => get(event).into_iter().flatten().next().map(see),
                Get::Ancestor(get) => ancestors(event).nth(arg.index.unwrap_or(1)).and_then(get).map(see),
                Get::Many(_) | Get::Json(_) => {
                    let mut first = None;
                    self.each(event, &mut |value| {
                        if first.is_none() {
                            first = Some(Owned::from(value));
                        }
                    });
                    first.map(|value| see(value.as_value()))
                }
                Get::Given | Get::Nobody => None,
            },
            Source::Call(call) => match call.evaluate(event) {
                Some(Data::One(value)) => Some(see(value.as_value())),
                Some(Data::List(values)) => values.first().map(|value| see(value.as_value())),
                None => None,
            },
        }
    }

    /// All its values. `false` if it is missing.
    pub(crate) fn each(&self, event: &Event<'_>, see: &mut dyn FnMut(Value<'_>)) -> bool {
        if let Some(given) = event.given
            && let Source::Field { field, arg, .. } = &self.source
        {
            let values = given.get(field, arg);
            values.into_iter().flatten().for_each(|value| see(value.as_value()));
            return values.is_some();
        }
        match &self.source {
            Source::Field { get, arg, .. } => match *get {
                Get::Many(get) | Get::Several { any: get, .. } => get(event, arg, see),
                Get::Names(get) => {
                    let names = get(event).map(|ip| event.hosts.names(ip)).unwrap_or_default();
                    handed(names.iter().map(|name| Value::text(&**name)), see)
                }
                Get::Json(path) => super::ka::at(event, path, arg, see),
                Get::Either(get) => handed(get(event).into_iter().flatten(), see),
                Get::Ancestor(get) if arg.index.is_none() => {
                    handed(ancestors(event).skip(1).filter_map(get), see)
                }
                _ => self.with(event, &mut Vec::new(), see).is_some(),
            },
            Source::Call(call) => match call.evaluate(event) {
                Some(Data::List(values)) => {
                    for value in &values {
                        see(value.as_value());
                    }
                    true
                }
                Some(Data::One(value)) => {
                    see(value.as_value());
                    true
                }
                None => false,
            },
            Source::Static(text) => {
                see(Value::Text(text));
                true
            }
        }
    }

    /// What it is, so that it can be kept.
    pub(crate) fn data(&self, event: &Event<'_>) -> Option<Data> {
        if self.is_list || self.has_alternatives() {
            let mut values = Vec::new();
            let found = self.each(event, &mut |value| values.push(Owned::from(value)));
            return found.then_some(Data::List(values));
        }
        self.with(event, &mut Vec::new(), |value| Data::One(value.into()))
    }

    /// Whether a value fits. Of several alternatives one is enough, or with `every` all have to; so it is
    /// for lists.
    pub(crate) fn matches(
        &self,
        event: &Event<'_>,
        buffer: &mut Vec<u8>,
        every: bool,
        test: impl Fn(Value<'_>) -> bool,
    ) -> bool {
        if !self.is_list && !self.has_alternatives() {
            return self.with(event, buffer, test).unwrap_or(false);
        }
        let (mut any, mut all) = (false, true);
        let found = self.each(event, &mut |value| {
            let fits = test(value);
            any |= fits;
            all &= fits;
        });
        found && if every { all } else { any }
    }
}

/// Hands values over; answers whether there are any.
fn handed<'a>(values: impl Iterator<Item = Value<'a>>, see: &mut dyn FnMut(Value<'_>)) -> bool {
    let mut found = false;
    for value in values {
        found = true;
        see(value);
    }
    found
}

/// The process and its parents, as far as they are known.
pub(super) fn ancestors<'a>(event: &Event<'a>) -> impl Iterator<Item = &'a Process> {
    let processes = event.processes;
    std::iter::successors(event.process, move |process| {
        if process.ppid == process.pid { None } else { processes.process(process.ppid) }
    })
    .take(ANCESTORS_MAX)
}
