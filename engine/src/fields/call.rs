//! Transformers: values made of values.

use super::accessor::Scope;
use super::{Accessor, Owned, Type};
use crate::Event;
use crate::condition::ast::{self, CallArg, Transformer};

/// What a field or transformer is for an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    One(Owned),
    List(Vec<Owned>),
}

/// A transformer whose arguments are looked up.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    transformer: Transformer,
    args: Vec<Arg>,
    selector: Option<String>,
}

#[derive(Clone, Debug)]
enum Arg {
    Value(Accessor),
    Fixed(Owned),
    List(Vec<Arg>),
}

impl Call {
    pub(super) fn new(call: &ast::Call, scope: Scope<'_>) -> Result<Self, String> {
        let args = call.args.iter().map(|arg| Arg::new(arg, scope)).collect::<Result<Vec<_>, _>>()?;
        let call = Self { transformer: call.transformer, args, selector: call.selector.clone() };
        call.check()?;
        Ok(call)
    }

    /// Whether the arguments are of the number and kind that the transformer takes.
    fn check(&self) -> Result<(), String> {
        let name = self.transformer.name();
        let (takes, fits) = match self.transformer {
            Transformer::ToLower | Transformer::ToUpper | Transformer::Basename => {
                ("one field with text", matches!(&self.args[..], [arg] if arg.is_text(false)))
            }
            Transformer::B64 => {
                ("one field with text or bytes", matches!(&self.args[..], [arg] if arg.is_text(true)))
            }
            Transformer::Len => (
                "one field with text or a list",
                matches!(&self.args[..], [arg] if arg.is_list() || arg.is_text(true)),
            ),
            Transformer::Join => (
                "a separator and a list",
                matches!(&self.args[..], [separator, values] if separator.is_text(false) && !separator.is_list() && values.is_list()),
            ),
            Transformer::Concat => (
                "two or more values that are no lists",
                self.args.len() >= 2 && !self.args.iter().any(Arg::is_list),
            ),
            Transformer::Getopt => (
                "a list of arguments and the options",
                matches!(&self.args[..], [list, options] if list.is_list() && options.is_text(false)),
            ),
        };
        if !fits {
            return Err(format!("the transformer '{name}' takes {takes}"));
        }
        if self.selector.as_deref() == Some("") {
            return Err(format!("the transformer '{name}' takes the letter of an option in brackets"));
        }
        if self.selector.is_some() && self.transformer != Transformer::Getopt {
            return Err(format!("the transformer '{name}' takes no argument in brackets"));
        }
        Ok(())
    }

    pub(super) fn ty(&self) -> Type {
        match (self.transformer, self.args.first()) {
            (Transformer::Len, _) => Type::Uint64,
            (
                Transformer::ToLower | Transformer::ToUpper | Transformer::Basename | Transformer::B64,
                Some(Arg::Value(value)),
            ) => value.ty,
            _ => Type::Charbuf,
        }
    }

    pub(super) fn is_list(&self) -> bool {
        match self.transformer {
            Transformer::Len | Transformer::Join | Transformer::Concat => false,
            Transformer::Getopt => self.selector.is_none(),
            _ => self.args.first().is_some_and(Arg::is_list),
        }
    }

    /// `None` if something that it needs is missing.
    pub(super) fn evaluate(&self, event: &Event<'_>) -> Option<Data> {
        let first = || self.args.first()?.data(event);
        match self.transformer {
            Transformer::ToLower => each_text(first()?, |text| Some(text.to_ascii_lowercase())),
            Transformer::ToUpper => each_text(first()?, |text| Some(text.to_ascii_uppercase())),
            Transformer::Basename => each_text(first()?, |text| {
                Some(text.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec())
            }),
            Transformer::B64 => each_text(first()?, decode),
            Transformer::Len => Some(Data::One(Owned::Number(match first()? {
                Data::One(value) => value.as_value().bytes().len() as i128,
                Data::List(values) => values.len() as i128,
            }))),
            Transformer::Join => {
                let separator = texts(first()?).concat();
                let parts = texts(self.args.get(1)?.data(event)?);
                Some(Data::One(Owned::Text(parts.join(&separator[..]))))
            }
            Transformer::Concat => {
                let mut text = Vec::new();
                for arg in &self.args {
                    text.extend(texts(arg.data(event)?).concat());
                }
                Some(Data::One(Owned::Text(text)))
            }
            Transformer::Getopt => {
                let options = texts(self.args.get(1)?.data(event)?).concat();
                self.getopt(&texts(first()?), &options)
            }
        }
    }

    fn getopt(&self, args: &[Vec<u8>], options: &[u8]) -> Option<Data> {
        let found = getopt(args, options);
        let Some(selector) = &self.selector else {
            let flat = found.into_iter().flat_map(|(option, given)| match given {
                Given::Nothing => vec![vec![option]],
                Given::Value(value) => vec![vec![option], value],
                // Falco gives neither the option nor a value here, but an empty text.
                Given::Missing => vec![Vec::new()],
            });
            return Some(Data::List(flat.map(Owned::Text).collect()));
        };
        let last = found.into_iter().rev().find(|(option, _)| selector.as_bytes() == [*option])?;
        Some(Data::One(Owned::Text(match last.1 {
            Given::Value(value) => value,
            Given::Nothing => vec![last.0],
            Given::Missing => Vec::new(),
        })))
    }
}

impl Arg {
    fn new(arg: &CallArg, scope: Scope<'_>) -> Result<Self, String> {
        Ok(match arg {
            CallArg::Operand(operand) => {
                let accessor = Accessor::new(operand, scope)?;
                if let Some(field) = accessor.row().filter(|field| field.no_transformer) {
                    return Err(format!("field '{}' doesn't support transformers", field.name));
                }
                Self::Value(accessor)
            }
            CallArg::Text(literal) | CallArg::Number(literal) => {
                Self::Fixed(Owned::Text(literal.bytes.clone()))
            }
            CallArg::List(list) => {
                Self::List(list.iter().map(|arg| Self::new(arg, scope)).collect::<Result<Vec<_>, _>>()?)
            }
        })
    }

    fn is_list(&self) -> bool {
        match self {
            Self::Value(accessor) => accessor.is_list,
            Self::Fixed(_) => false,
            Self::List(_) => true,
        }
    }

    fn is_text(&self, or_bytes: bool) -> bool {
        match self {
            Self::Value(accessor) => accessor.ty.is_text() || or_bytes && accessor.ty == Type::Bytebuf,
            Self::Fixed(_) => true,
            Self::List(_) => false,
        }
    }

    fn data(&self, event: &Event<'_>) -> Option<Data> {
        match self {
            Self::Value(accessor) => accessor.data(event),
            Self::Fixed(value) => Some(Data::One(value.clone())),
            Self::List(args) => {
                let mut values = Vec::new();
                for arg in args {
                    match arg.data(event)? {
                        Data::One(value) => values.push(value),
                        Data::List(list) => values.extend(list),
                    }
                }
                Some(Data::List(values))
            }
        }
    }
}

fn texts(data: Data) -> Vec<Vec<u8>> {
    let text = |value: Owned| match value {
        Owned::Text(text) => text,
        other => other.as_value().bytes().into_owned(),
    };
    match data {
        Data::One(value) => vec![text(value)],
        Data::List(values) => values.into_iter().map(text).collect(),
    }
}

fn each_text(data: Data, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Data> {
    let one = |value: Owned| Some(Owned::Text(change(&value.as_value().bytes())?));
    match data {
        Data::One(value) => one(value).map(Data::One),
        Data::List(values) => values.into_iter().map(one).collect::<Option<Vec<_>>>().map(Data::List),
    }
}

/// Decodes base64 of the standard alphabet; padding may be left out. `None` for anything else.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    if text.len() - end > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(end * 3 / 4);
    for group in text[..end].chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        let bytes = match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        bits <<= 6 * (4 - group.len());
        out.extend_from_slice(&bits.to_be_bytes()[1..=bytes]);
    }
    Some(out)
}

/// The value of an option.
#[derive(Clone, Debug)]
enum Given {
    /// It takes none.
    Nothing,
    Value(Vec<u8>),
    /// It takes one, and there is none.
    Missing,
}

/// Each option and its value, as POSIX `getopt` finds them: it stops at the first argument that is no
/// option and behind `--`; an option that is not known is `?`.
fn getopt(args: &[Vec<u8>], options: &[u8]) -> Vec<(u8, Given)> {
    let mut found = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(letters) = arg.strip_prefix(b"-").filter(|letters| !letters.is_empty()) else { break };
        if letters == b"-" {
            break;
        }
        if letters.starts_with(b"-") {
            continue;
        }
        for (at, letter) in letters.iter().enumerate() {
            let known = options.iter().position(|option| option == letter && *option != b':');
            let Some(known) = known else {
                found.push((b'?', Given::Nothing));
                continue;
            };
            if options.get(known + 1) != Some(&b':') {
                found.push((*letter, Given::Nothing));
                continue;
            }
            let value = match &letters[at + 1..] {
                [] if options.get(known + 2) == Some(&b':') => Given::Nothing,
                [] => rest.next().cloned().map_or(Given::Missing, Given::Value),
                attached => Given::Value(attached.to_vec()),
            };
            found.push((*letter, value));
            break;
        }
    }
    found
}
