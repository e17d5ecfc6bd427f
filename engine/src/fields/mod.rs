//! The table of fields: one row each, one file for each namespace. Conditions, outputs and the manual
//! all read it.

mod container;
mod evt;
mod fd;
mod proc;
mod user;
mod value;

pub(crate) use value::Value;

use crate::{Event, Process};

/// How JSON shows a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
}

/// How conditions compare a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Number,
    Bool,
    Ip,
    /// An address that is compared with networks.
    Net,
}

/// Gets one value.
type One = for<'a> fn(&Event<'a>) -> Option<Value<'a>>;
/// Gets one value by the field's argument.
type ByArg = for<'a> fn(&Event<'a>, &str) -> Option<Value<'a>>;
/// Gets up to two values, either of which may match.
type Either = for<'a> fn(&Event<'a>) -> [Option<Value<'a>>; 2];
/// Gets a value of an ancestor.
type Ancestor = for<'a> fn(&'a Process) -> Option<Value<'a>>;

#[derive(Clone, Copy)]
pub(crate) enum Get {
    One(One),
    /// The argument is required.
    ByArg(ByArg),
    Either(Either),
    /// The argument says which ancestor: 0 is the process itself. Without one it is any ancestor.
    Ancestor(Ancestor),
}

/// A row of the table.
pub struct Field {
    /// Its name, such as `proc.name`.
    pub name: &'static str,
    /// How JSON shows it.
    pub kind: Kind,
    /// What it means, in a few words.
    pub doc: &'static str,
    pub(crate) ty: Type,
    pub(crate) get: Get,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

const fn row(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    let kind = match ty {
        Type::Text | Type::Ip | Type::Net => Kind::Text,
        Type::Number => Kind::Number,
        Type::Bool => Kind::Bool,
    };
    Field { name, kind, doc, ty, get }
}

const fn text(name: &'static str, doc: &'static str, get: One) -> Field {
    row(name, Type::Text, doc, Get::One(get))
}

const fn number(name: &'static str, doc: &'static str, get: One) -> Field {
    row(name, Type::Number, doc, Get::One(get))
}

const fn truth(name: &'static str, doc: &'static str, get: One) -> Field {
    row(name, Type::Bool, doc, Get::One(get))
}

const TABLES: &[&[Field]] = &[container::FIELDS, evt::FIELDS, fd::FIELDS, proc::FIELDS, user::FIELDS];

/// Ancestors that are looked at: a chain that is longer is a loop.
pub(crate) const ANCESTORS_MAX: usize = 64;

/// Every field, by namespace.
pub fn all() -> impl Iterator<Item = &'static Field> {
    TABLES.iter().copied().flatten()
}

/// How JSON shows the field of an output, which may have an argument: `proc.aname[2]`. Text if the
/// field is not known.
pub fn kind(name: &str) -> Kind {
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    find(name).map_or(Kind::Text, |(field, _)| field.kind)
}

/// The field of a name, and the argument if it is written with a dot: `evt.arg.flags`.
pub(crate) fn find(name: &str) -> Option<(&'static Field, Option<&str>)> {
    let exact = |name: &str| all().find(|field| field.name == name);
    if let Some(field) = exact(name) {
        return Some((field, None));
    }
    let arg = name.strip_prefix("evt.arg.").filter(|arg| !arg.is_empty())?;
    exact("evt.arg").map(|field| (field, Some(arg)))
}

/// A field and its argument: what a condition or an output reads.
#[derive(Clone, Debug)]
pub(crate) struct Accessor {
    pub(crate) field: &'static Field,
    pub(crate) arg: Option<Box<str>>,
    /// The argument as a number, where the field is an ancestor's.
    ancestor: Option<usize>,
}

impl Accessor {
    /// Checks the argument. The error says what is wrong with it.
    pub(crate) fn new(field: &'static Field, arg: Option<&str>) -> Result<Self, String> {
        let mut ancestor = None;
        match (field.get, arg) {
            (Get::One(_) | Get::Either(_), Some(_)) => {
                return Err(format!("`{}` takes no argument", field.name));
            }
            (Get::ByArg(_), None) => {
                return Err(format!("`{0}` needs an argument, such as `{0}.flags`", field.name));
            }
            (Get::Ancestor(_), Some(arg)) => {
                let index = arg.parse().ok().filter(|index| *index < ANCESTORS_MAX);
                let Some(index) = index else {
                    return Err(format!(
                        "the argument of `{}` is a number below {ANCESTORS_MAX}, such as `{}[2]`",
                        field.name, field.name
                    ));
                };
                ancestor = Some(index);
            }
            _ => {}
        }
        Ok(Self { field, arg: arg.map(Into::into), ancestor })
    }

    /// Whether it has exactly one value, so that an output can print it.
    pub(crate) fn is_single(&self) -> bool {
        match self.field.get {
            Get::One(_) | Get::ByArg(_) => true,
            Get::Either(_) => false,
            Get::Ancestor(_) => self.ancestor.is_some(),
        }
    }

    /// The value of a field that has one.
    pub(crate) fn value<'a>(&self, event: &Event<'a>) -> Option<Value<'a>> {
        match self.field.get {
            Get::One(get) => get(event),
            Get::ByArg(get) => get(event, self.arg.as_deref().unwrap_or_default()),
            Get::Either(get) => get(event).into_iter().flatten().next(),
            Get::Ancestor(get) => ancestors(event).nth(self.ancestor.unwrap_or(1)).and_then(get),
        }
    }

    /// Whether a value fits. Of two values, or of all ancestors, one is enough; `none` turns that
    /// around, for `!=` on two values: then neither may be equal.
    pub(crate) fn matches(&self, event: &Event<'_>, none: bool, test: impl Fn(&Value<'_>) -> bool) -> bool {
        match self.field.get {
            Get::Either(get) => {
                let mut values = get(event).into_iter().flatten().peekable();
                values.peek().is_some()
                    && if none { values.all(|v| test(&v)) } else { values.any(|v| test(&v)) }
            }
            Get::Ancestor(get) if self.ancestor.is_none() => {
                ancestors(event).skip(1).filter_map(get).any(|value| test(&value))
            }
            _ => self.value(event).is_some_and(|value| test(&value)),
        }
    }
}

/// The process and its parents, as far as they are known.
fn ancestors<'a>(event: &Event<'a>) -> impl Iterator<Item = &'a Process> {
    let processes = event.processes;
    std::iter::successors(event.process, move |process| {
        if process.ppid == process.pid { None } else { processes.process(process.ppid) }
    })
    .take(ANCESTORS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sorted() {
        for table in TABLES {
            assert!(table.windows(2).all(|pair| pair[0].name < pair[1].name), "{:?}", table[0]);
        }
    }

    #[test]
    fn kinds_are_found_with_and_without_arguments() {
        assert_eq!(kind("proc.aname[2]"), Kind::Text);
        assert_eq!(kind("proc.apid[2]"), Kind::Number);
        assert_eq!(kind("evt.arg.flags"), Kind::Text);
        assert_eq!(kind("evt.is_open_read"), Kind::Bool);
        assert_eq!(kind("who.knows"), Kind::Text);
    }
}
