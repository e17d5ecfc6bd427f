//! The tree of a condition. Each part knows which bytes of the condition it came from.
//!
//! `{}` prints Falco's canonical text, `{:#}` a text that parses to the same tree: Falco's own form leaves
//! out quotes around empty values and around `,`, `(` and `)`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::print;

/// Bytes of the condition's text.
pub type Span = Range<usize>;

/// An expression and its place.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub span: Span,
}

/// A kind of expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// All of them; at least two.
    And(Vec<Expr>),
    /// At least one of them; at least two.
    Or(Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// A comparison of a field.
    Check(Check),
    /// The name of a macro, to be replaced by its tree.
    Macro(String),
}

/// A comparison.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is compared.
    pub left: Operand,
    /// How.
    pub op: Op,
    /// How many values of the list have to fit.
    pub modifier: Option<Modifier>,
    /// Where the operator stands.
    pub op_span: Span,
    /// With what.
    pub values: Values,
}

/// What has a value in an event: a field, or what a transformer makes of fields.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A field.
    Field(FieldRef),
    /// A transformer and its arguments.
    Call(Call),
}

/// A field as the condition names it.
#[derive(Clone, Debug)]
pub struct FieldRef {
    /// Its name, with dots.
    pub name: String,
    /// What stands in brackets behind the name.
    pub arg: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// A transformer and its arguments.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which.
    pub transformer: Transformer,
    /// Between the parentheses.
    pub args: Vec<CallArg>,
    /// What stands in brackets behind them.
    pub selector: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// An argument of a transformer.
#[derive(Clone, Debug)]
pub enum CallArg {
    /// A field or another transformer.
    Operand(Operand),
    /// A quoted text.
    Text(Literal),
    /// A number.
    Number(Literal),
    /// Several in parentheses, none of them a list.
    List(Vec<CallArg>),
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub enum Values {
    /// `exists` has none.
    None,
    /// One value.
    One(Literal),
    /// A list in parentheses.
    List(Vec<Literal>),
    /// A name where a list could be: a list of this one value.
    Name(Literal),
    /// `val(field)`: another field.
    Val(FieldRef),
    /// A transformer.
    Call(Call),
}

impl Values {
    /// Each value that is written down.
    pub fn iter(&self) -> impl Iterator<Item = &Literal> {
        match self {
            Self::None | Self::Val(_) | Self::Call(_) => [].iter(),
            Self::One(literal) | Self::Name(literal) => std::slice::from_ref(literal).iter(),
            Self::List(literals) => literals.iter(),
        }
    }
}

/// A value as written, without its quotes and escapes.
#[derive(Clone, Debug)]
pub struct Literal {
    /// Any bytes: `\xff` is one.
    pub bytes: Vec<u8>,
    /// Where it stands.
    pub span: Span,
}

impl Literal {
    /// As text; what is no UTF-8 becomes the replacement character.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// Something with a fixed set of words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item_doc])* $item,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$item,)+];

            /// As it is written.
            pub fn name(self) -> &'static str {
                match self { $(Self::$item => $word,)+ }
            }
        }
    };
}

words! {
    /// An operator. A longer spelling stands before each that it begins with.
    Op {
        /// The same as `=`, but printed as it was written.
        EqEq = "==",
        /// Equal.
        Eq = "=",
        /// Not equal.
        Ne = "!=",
        /// At most.
        Le = "<=",
        /// Less.
        Lt = "<",
        /// At least.
        Ge = ">=",
        /// More.
        Gt = ">",
        /// Has the text in it.
        Contains = "contains",
        /// Has the text in it, in any case.
        Icontains = "icontains",
        /// Has the bytes in it, which are written in hexadecimal.
        Bcontains = "bcontains",
        /// Begins with the text.
        StartsWith = "startswith",
        /// Begins with the bytes, which are written in hexadecimal.
        BstartsWith = "bstartswith",
        /// Ends with the text.
        EndsWith = "endswith",
        /// Fits a pattern of `*`, `?` and `[…]`.
        Glob = "glob",
        /// Fits a pattern in any case.
        Iglob = "iglob",
        /// Fits a regular expression as a whole.
        Regex = "regex",
        /// Shares a value with the list.
        Intersects = "intersects",
        /// Is in the list.
        In = "in",
        /// Is a path of the list or below one.
        Pmatch = "pmatch",
        /// Has a value.
        Exists = "exists",
    }
}

words! {
    /// How many values of a list have to fit.
    Modifier {
        /// Exactly one.
        OneOf = "oneof",
        /// At least one.
        AnyOf = "anyof",
        /// Each.
        AllOf = "allof",
    }
}

words! {
    /// What makes a value of other values.
    Transformer {
        /// In lower case (ASCII).
        ToLower = "tolower",
        /// In upper case (ASCII).
        ToUpper = "toupper",
        /// Decoded from base64.
        B64 = "b64",
        /// Behind the last `/`.
        Basename = "basename",
        /// How many bytes, or how many values.
        Len = "len",
        /// One text of several, with a separator.
        Join = "join",
        /// One text of several.
        Concat = "concat",
        /// The options among arguments, as POSIX `getopt` finds them.
        Getopt = "getopt",
    }
}

/// What may stand on the right of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Nothing,
    Number,
    Text,
    List,
}

impl Op {
    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Exists => Shape::Nothing,
            Self::Lt | Self::Le | Self::Gt | Self::Ge => Shape::Number,
            Self::In | Self::Intersects | Self::Pmatch => Shape::List,
            _ => Shape::Text,
        }
    }

    /// Whether it is a word, which takes a blank before its value.
    pub(crate) fn is_word(self) -> bool {
        self.name().starts_with(|c: char| c.is_ascii_alphabetic())
    }
}

impl Operand {
    /// Where it stands.
    pub fn span(&self) -> &Span {
        match self {
            Self::Field(field) => &field.span,
            Self::Call(call) => &call.span,
        }
    }

    /// The field's name, if it is a field and nothing else.
    pub(crate) fn field_name(&self) -> Option<&str> {
        match self {
            Self::Field(field) => Some(&field.name),
            Self::Call(_) => None,
        }
    }
}

impl Expr {
    /// Every comparison in it.
    pub fn checks<'a>(&'a self, see: &mut impl FnMut(&'a Check)) {
        match &self.node {
            Node::And(parts) | Node::Or(parts) => {
                for part in parts {
                    part.checks(see);
                }
            }
            Node::Not(part) => part.checks(see),
            Node::Check(check) => see(check),
            Node::Macro(_) => {}
        }
    }
}

impl Check {
    /// Every field in it, on either side.
    pub fn fields<'a>(&'a self, see: &mut impl FnMut(&'a FieldRef)) {
        fn of<'a>(operand: &'a Operand, see: &mut dyn FnMut(&'a FieldRef)) {
            match operand {
                Operand::Field(field) => see(field),
                Operand::Call(call) => args(&call.args, see),
            }
        }
        fn args<'a>(list: &'a [CallArg], see: &mut dyn FnMut(&'a FieldRef)) {
            for arg in list {
                match arg {
                    CallArg::Operand(operand) => of(operand, see),
                    CallArg::List(list) => args(list, see),
                    CallArg::Text(_) | CallArg::Number(_) => {}
                }
            }
        }
        of(&self.left, see);
        match &self.values {
            Values::Val(field) => see(field),
            Values::Call(call) => args(&call.args, see),
            _ => {}
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::expr(f, self)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::check(f, self)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::operand(f, self)
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::field(f, self)
    }
}
