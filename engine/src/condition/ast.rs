//! The tree of a condition. Each part knows which bytes of the condition it came from.

use std::fmt;
use std::ops::Range;

/// Bytes of the condition's text.
pub(crate) type Span = Range<usize>;

/// An expression and its place.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) node: Node,
    pub(crate) span: Span,
}

/// A kind of expression.
#[derive(Clone, Debug)]
pub(crate) enum Node {
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
pub(crate) struct Check {
    pub(crate) field: FieldRef,
    pub(crate) op: Op,
    pub(crate) op_span: Span,
    pub(crate) values: Values,
}

/// A field as the condition names it.
#[derive(Clone, Debug)]
pub(crate) struct FieldRef {
    pub(crate) name: String,
    /// What stands in brackets behind the name.
    pub(crate) arg: Option<String>,
    pub(crate) span: Span,
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// `exists` has none.
    None,
    /// One value.
    One(Literal),
    /// A list in parentheses.
    List(Vec<Literal>),
}

impl Values {
    /// Each value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Literal> {
        match self {
            Self::None => [].iter(),
            Self::One(literal) => std::slice::from_ref(literal).iter(),
            Self::List(literals) => literals.iter(),
        }
    }
}

/// A value as written, without its quotes and escapes.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    /// `==`: the same, but printed as it was written.
    EqEq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    Icontains,
    StartsWith,
    EndsWith,
    Glob,
    Iglob,
    Regex,
    In,
    Intersects,
    Pmatch,
    Exists,
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
    /// Every operator. A longer spelling stands before each that it begins with.
    pub(crate) const ALL: &[Self] = &[
        Self::EqEq,
        Self::Eq,
        Self::Ne,
        Self::Le,
        Self::Lt,
        Self::Ge,
        Self::Gt,
        Self::Contains,
        Self::Icontains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Glob,
        Self::Iglob,
        Self::Regex,
        Self::Intersects,
        Self::In,
        Self::Pmatch,
        Self::Exists,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::EqEq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Contains => "contains",
            Self::Icontains => "icontains",
            Self::StartsWith => "startswith",
            Self::EndsWith => "endswith",
            Self::Glob => "glob",
            Self::Iglob => "iglob",
            Self::Regex => "regex",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::Pmatch => "pmatch",
            Self::Exists => "exists",
        }
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Exists => Shape::Nothing,
            Self::Lt | Self::Le | Self::Gt | Self::Ge => Shape::Number,
            Self::In | Self::Intersects | Self::Pmatch => Shape::List,
            _ => Shape::Text,
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::And(parts) => join(f, parts, " and "),
            Node::Or(parts) => join(f, parts, " or "),
            Node::Not(part) => write!(f, "not {part}"),
            Node::Check(check) => write!(f, "{check}"),
            Node::Macro(name) => f.write_str(name),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Expr], word: &str) -> fmt::Result {
    f.write_str("(")?;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        write!(f, "{part}")?;
    }
    f.write_str(")")
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.op.name())?;
        match &self.values {
            Values::None => Ok(()),
            Values::One(literal) => write!(f, " {literal}"),
            Values::List(literals) => {
                f.write_str(" (")?;
                for (index, literal) in literals.iter().enumerate() {
                    write!(f, "{}{literal}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.arg {
            Some(arg) if arg.contains(|c: char| c.is_whitespace() || "[]\"'".contains(c)) => {
                write!(f, "[{}]", quoted(arg))
            }
            Some(arg) => write!(f, "[{arg}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let special = |c: char| c.is_whitespace() || c.is_control() || "(),=\"'\\".contains(c);
        if self.text.is_empty() || self.text.contains(special) {
            f.write_str(&quoted(&self.text))
        } else {
            f.write_str(&self.text)
        }
    }
}

/// In double quotes, with escapes that the lexer reads back. A backslash is written as `\x5c`: the
/// lexer takes a quote behind any backslash for an escaped one.
fn quoted(text: &str) -> String {
    let mut result = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\x5c"),
            '\n' => result.push_str("\\n"),
            '\t' => result.push_str("\\t"),
            '\r' => result.push_str("\\r"),
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                result.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => result.push(c),
        }
    }
    result.push('"');
    result
}
