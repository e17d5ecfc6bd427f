//! The right side of a comparison, prepared once so that comparing costs little.

use std::net::IpAddr;

use super::literal::{address, hex, network, number, truth};
use super::text::TextMatcher;
use crate::condition::ast::{Check, Literal, Modifier, Op, Span};
use crate::fields::{Accessor, Type, Value};

/// Bytes of one value that a condition compares with. Falco's limit.
const LITERAL_BYTES_MAX: usize = 256;

/// What a value has to be.
#[derive(Debug)]
pub(crate) enum Matcher {
    Text(TextMatcher),
    Number(NumberMatcher),
    Bool {
        values: Vec<bool>,
        negative: bool,
    },
    Ip {
        values: Vec<IpAddr>,
        negative: bool,
    },
    Net {
        values: Vec<Net>,
        negative: bool,
    },
    /// How many of these have to fit.
    Several {
        modifier: Modifier,
        parts: Vec<Matcher>,
    },
}

#[derive(Debug)]
pub(crate) enum NumberMatcher {
    Differs(i128),
    Less(i128),
    Greater(i128),
    /// Sorted.
    In(Vec<i128>),
}

/// A network: an address and how many of its first bits count.
#[derive(Debug)]
pub(crate) struct Net {
    pub(super) ip: IpAddr,
    pub(super) bits: u8,
}

pub(super) type Failure = (String, Span);

impl Matcher {
    /// What the values of `check` ask of a value of `left`.
    pub(super) fn new(left: &Accessor, check: &Check) -> Result<Self, Failure> {
        let Some(modifier) = check.modifier else {
            let literals: Vec<&Literal> = check.values.iter().collect();
            return Self::plain(left, check, &literals);
        };
        // The operator has to fit even if there is nothing to compare with.
        if !takes(left.ty, check.op) {
            return Err(unsupported(left, check));
        }
        let parts = check.values.iter().map(|literal| Self::plain(left, check, &[literal]));
        Ok(Self::Several { modifier, parts: parts.collect::<Result<_, _>>()? })
    }

    fn plain(left: &Accessor, check: &Check, literals: &[&Literal]) -> Result<Self, Failure> {
        if !takes(left.ty, check.op) {
            return Err(unsupported(left, check));
        }
        for literal in literals {
            let fail = |message: &str| Err((message.to_owned(), literal.span.clone()));
            let is_text = left.ty.is_text() || left.ty == Type::Bytebuf;
            if is_text && literal.bytes.len() > LITERAL_BYTES_MAX {
                return fail("filter parameter too long");
            }
            if left.ty != Type::Bytebuf && literal.bytes.contains(&0) {
                return fail("a value can't have a NUL byte");
            }
        }
        let negative = check.op == Op::Ne;
        match left.ty {
            ty if ty.is_text() => TextMatcher::new(check, literals).map(Self::Text),
            Type::Bytebuf if matches!(check.op, Op::Bcontains | Op::BstartsWith) => {
                Ok(Self::Text(TextMatcher::bytes(check.op, &each(literals, hex)?.concat())))
            }
            Type::Bytebuf => TextMatcher::new(check, literals).map(Self::Text),
            Type::Bool => Ok(Self::Bool { values: each(literals, truth)?, negative }),
            Type::Ipaddr => Ok(Self::Ip { values: each(literals, address)?, negative }),
            Type::Ipnet => {
                let mut values = each(literals, network)?;
                if left.row().is_some_and(|field| field.name == "fd.net") {
                    // As in Falco, a list of networks counts with its first only here.
                    values.truncate(1);
                }
                Ok(Self::Net { values, negative })
            }
            ty => {
                let numbers = each(literals, |literal| number(ty, literal))?;
                Ok(Self::Number(NumberMatcher::new(check.op, numbers)))
            }
        }
    }

    /// `!=`: of two values, neither may be equal.
    fn is_negative(&self) -> bool {
        match self {
            Self::Bool { negative, .. } | Self::Ip { negative, .. } | Self::Net { negative, .. } => *negative,
            Self::Number(NumberMatcher::Differs(_)) | Self::Text(TextMatcher::Differs(_)) => true,
            _ => false,
        }
    }

    /// Whether of several values each has to fit: `in` means that all are in the list, `!=` on either end
    /// of a connection that neither is equal.
    pub(super) fn is_for_every(&self, left: &Accessor, op: Op) -> bool {
        if left.is_list { op == Op::In } else { self.is_negative() && left.has_to_differ_in_each() }
    }

    pub(crate) fn is_match(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(matcher), Value::Text(text)) => matcher.is_match(text),
            (Self::Number(matcher), Value::Number(number)) => matcher.is_match(number),
            (Self::Bool { values, negative }, Value::Bool(truth)) => values.contains(&truth) != *negative,
            (Self::Ip { values, negative }, Value::Ip(ip)) => values.contains(&ip) != *negative,
            (Self::Net { values, negative }, Value::Ip(ip)) => {
                values.iter().any(|net| net.contains(ip)) != *negative
            }
            (Self::Several { modifier, parts }, value) => {
                let count = parts.iter().filter(|part| part.is_match(value)).count();
                match modifier {
                    Modifier::OneOf => count == 1,
                    Modifier::AnyOf => count > 0,
                    Modifier::AllOf => count > 0 && count == parts.len(),
                }
            }
            _ => false,
        }
    }
}

impl NumberMatcher {
    fn new(op: Op, mut numbers: Vec<i128>) -> Self {
        let one = numbers.first().copied().unwrap_or_default();
        match op {
            Op::Ne => Self::Differs(one),
            Op::Lt => Self::Less(one),
            Op::Le => Self::Less(one + 1),
            Op::Gt => Self::Greater(one),
            Op::Ge => Self::Greater(one - 1),
            _ => {
                numbers.sort_unstable();
                Self::In(numbers)
            }
        }
    }

    fn is_match(&self, number: i128) -> bool {
        match self {
            Self::Differs(other) => number != *other,
            Self::Less(bound) => number < *bound,
            Self::Greater(bound) => number > *bound,
            Self::In(numbers) => match numbers[..] {
                [one] => one == number,
                _ => numbers.binary_search(&number).is_ok(),
            },
        }
    }
}

impl Net {
    fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.bits);
                u64::from(net.to_bits()) >> shift == u64::from(ip.to_bits()) >> shift
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.bits);
                shift == 128 || net.to_bits() >> shift == ip.to_bits() >> shift
            }
            _ => false,
        }
    }
}

/// Whether values of a type can be compared so. The table of Falco's `flt_is_comparable`.
pub(super) fn takes(ty: Type, op: Op) -> bool {
    use Op::{
        Bcontains, BstartsWith, Contains, EndsWith, Eq, EqEq, Exists, Ge, Gt, In, Intersects, Le, Lt, Ne,
        StartsWith,
    };
    match op {
        Exists | Eq | EqEq | Ne | In | Intersects => true,
        Bcontains | BstartsWith => ty == Type::Bytebuf,
        Contains | StartsWith | EndsWith => ty == Type::Bytebuf || ty.is_text(),
        Lt | Le | Gt | Ge => ty.is_number() || ty.is_text(),
        _ => ty.is_text(),
    }
}

pub(super) fn unsupported(left: &Accessor, check: &Check) -> Failure {
    let kind = match left.ty {
        Type::Bool => "boolean",
        Type::Bytebuf => "byte buffer",
        Type::Ipaddr => "IP address",
        Type::Ipnet => "IP network",
        ty if ty.is_text() => "string",
        _ => "numeric",
    };
    let message = format!("filter error: '{}' operator not supported for {kind} filters", check.op.name());
    (message, check.op_span.clone())
}

fn each<T>(literals: &[&Literal], parse: impl Fn(&Literal) -> Result<T, String>) -> Result<Vec<T>, Failure> {
    let one = |literal: &&Literal| parse(literal).map_err(|message| (message, literal.span.clone()));
    literals.iter().map(one).collect()
}
