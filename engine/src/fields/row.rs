//! What a row of the table of fields has.

use std::net::IpAddr;

use super::Value;
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

/// The type of a field's value: it decides which operators it takes. Falco's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// Text.
    Charbuf,
    /// A path.
    Fspath,
    /// Any bytes.
    Bytebuf,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 16 bits.
    Uint16,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// A port; a service's name is one too.
    Port,
    /// Nanoseconds between two moments.
    Reltime,
    /// Nanoseconds since 1970.
    Abstime,
    /// A number with a fraction.
    Double,
    /// `true` or `false`.
    Bool,
    /// An address.
    Ipaddr,
    /// An address that is compared with networks.
    Ipnet,
}

impl Type {
    /// As Falco calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Charbuf => "CHARBUF",
            Self::Fspath => "FSPATH",
            Self::Bytebuf => "BYTEBUF",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Uint16 => "UINT16",
            Self::Uint32 => "UINT32",
            Self::Uint64 => "UINT64",
            Self::Port => "PORT",
            Self::Reltime => "RELTIME",
            Self::Abstime => "ABSTIME",
            Self::Double => "DOUBLE",
            Self::Bool => "BOOL",
            Self::Ipaddr => "IPADDR",
            Self::Ipnet => "IPNET",
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Charbuf | Self::Fspath)
    }

    pub(crate) fn is_number(self) -> bool {
        !self.is_text() && !matches!(self, Self::Bytebuf | Self::Bool | Self::Ipaddr | Self::Ipnet)
    }
}

/// An argument of a field, as it is written in a condition or an output.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldArg {
    pub(crate) text: Box<str>,
    /// The text as a number, where it is one.
    pub(crate) index: Option<usize>,
}

/// Gets one value.
pub(super) type One = for<'a> fn(&Event<'a>) -> Option<Value<'a>>;
/// Gets one value, which may be written into the buffer, by the field's argument, which may be empty.
pub(super) type Made = for<'a> fn(&Event<'a>, &FieldArg, &'a mut Vec<u8>) -> Option<Value<'a>>;
/// Gets up to two values, either of which may match.
pub(super) type Either = for<'a> fn(&Event<'a>) -> [Option<Value<'a>>; 2];
/// Gets a value of an ancestor.
pub(super) type Ancestor = for<'a> fn(&'a Process) -> Option<Value<'a>>;
/// Gets an address.
pub(super) type Address = fn(&Event<'_>) -> Option<IpAddr>;
/// Gets a list of values. Answers `false` if there is no list, not even an empty one.
pub(super) type Many = fn(&Event<'_>, &FieldArg, &mut dyn FnMut(Value<'_>)) -> bool;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Get {
    One(One),
    Made(Made),
    Either(Either),
    /// The argument says which ancestor: 0 is the process itself. Without one it is any ancestor.
    Ancestor(Ancestor),
    Many(Many),
    /// Several values, any of which may match; an output has `one`.
    Several {
        one: Made,
        any: Many,
        /// For `!=` each has to differ.
        every: bool,
    },
    /// The names of an address.
    Names(Address),
    /// What stands at a path of a JSON object; `*` is every item of an array.
    Json(&'static str),
    /// Only what is made of fields has it.
    Given,
    /// No source can fill it yet: it is always missing.
    Nobody,
}

/// Whether a field takes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// It takes none.
    None,
    /// It may have one.
    Allowed,
    /// It must have one.
    Required,
}

/// A row of the table.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is a column of a table")]
pub struct Field {
    /// Its name, such as `proc.name`.
    pub name: &'static str,
    /// The type of its value.
    pub ty: Type,
    /// What it means, in a few words.
    pub doc: &'static str,
    /// Whether it takes an argument.
    pub argument: Argument,
    /// It has a list of values.
    pub is_list: bool,
    /// It can be in a condition, but not in an output.
    pub filter_only: bool,
    /// It can be in an output, but not in a condition.
    pub print_only: bool,
    /// Rule files should no longer use it.
    pub is_deprecated: bool,
    /// Outputs are to have it even if they do not name it.
    pub is_suggested: bool,
    pub(crate) no_rhs: bool,
    pub(crate) no_transformer: bool,
    pub(crate) get: Get,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).field("ty", &self.ty).finish_non_exhaustive()
    }
}

impl Field {
    /// How JSON shows it.
    pub fn kind(&self) -> Kind {
        match self.ty {
            Type::Bool => Kind::Bool,
            _ if self.is_list => Kind::Text,
            ty if ty.is_number() => Kind::Number,
            _ => Kind::Text,
        }
    }

    /// Whether some source gives it a value.
    pub fn is_filled(&self) -> bool {
        !matches!(self.get, Get::Nobody)
    }

    /// May have an argument.
    pub(super) const fn arg(mut self) -> Self {
        self.argument = Argument::Allowed;
        self
    }

    /// Must have an argument.
    pub(super) const fn needs_arg(mut self) -> Self {
        self.argument = Argument::Required;
        self
    }

    pub(super) const fn list(mut self) -> Self {
        self.is_list = true;
        self
    }

    pub(super) const fn deprecated(mut self) -> Self {
        self.is_deprecated = true;
        self
    }

    pub(super) const fn suggested(mut self) -> Self {
        self.is_suggested = true;
        self
    }

    pub(super) const fn filter_only(mut self) -> Self {
        self.filter_only = true;
        self
    }

    pub(super) const fn print_only(mut self) -> Self {
        self.print_only = true;
        self
    }

    /// Not on the right side of a comparison.
    pub(super) const fn left_only(mut self) -> Self {
        self.no_rhs = true;
        self
    }

    /// Neither on the right side of a comparison nor in a transformer.
    pub(super) const fn plain_only(mut self) -> Self {
        self.no_rhs = true;
        self.no_transformer = true;
        self
    }
}

pub(super) const fn row(name: &'static str, ty: Type, doc: &'static str, get: Get) -> Field {
    let argument = Argument::None;
    Field {
        name,
        ty,
        doc,
        argument,
        is_list: false,
        filter_only: false,
        print_only: false,
        is_deprecated: false,
        is_suggested: false,
        no_rhs: false,
        no_transformer: false,
        get,
    }
}

pub(super) const fn text(name: &'static str, doc: &'static str, get: One) -> Field {
    row(name, Type::Charbuf, doc, Get::One(get))
}

pub(super) const fn made(name: &'static str, doc: &'static str, get: Made) -> Field {
    row(name, Type::Charbuf, doc, Get::Made(get))
}

pub(super) const fn number(name: &'static str, ty: Type, doc: &'static str, get: One) -> Field {
    row(name, ty, doc, Get::One(get))
}

pub(super) const fn truth(name: &'static str, doc: &'static str, get: One) -> Field {
    row(name, Type::Bool, doc, Get::One(get))
}

/// An ancestor's value.
pub(super) const fn ancestor(name: &'static str, ty: Type, doc: &'static str, get: Ancestor) -> Field {
    row(name, ty, doc, Get::Ancestor(get)).arg().plain_only()
}

/// The names of an address.
pub(super) const fn names(name: &'static str, doc: &'static str, get: Address) -> Field {
    row(name, Type::Charbuf, doc, Get::Names(get)).plain_only()
}

/// A field that no source can fill yet.
pub(super) const fn nobody(name: &'static str, ty: Type, doc: &'static str) -> Field {
    row(name, ty, doc, Get::Nobody)
}
