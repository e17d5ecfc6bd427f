//! The right side of a comparison, prepared once so that comparing costs little.

use std::collections::HashSet;
use std::net::IpAddr;

use memchr::memmem::Finder;

use super::glob::Glob;
use super::pmatch::Prefixes;
use crate::condition::ast::{Check, Literal, Op, Span};
use crate::fields::{Field, Type, Value};

/// Bytes of one value that a condition compares with. Falco's limit.
const LITERAL_BYTES_MAX: usize = 256;

/// What a value has to be.
#[derive(Debug)]
pub(super) enum Matcher {
    Exists,
    Text(TextMatcher),
    Number(NumberMatcher),
    Bool { values: Vec<bool>, negative: bool },
    Ip { values: Vec<IpAddr>, negative: bool },
    Net { values: Vec<Net>, negative: bool },
}

#[derive(Debug)]
pub(super) enum TextMatcher {
    Equal(Box<[u8]>),
    Differs(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    /// In lower case.
    IContains(Box<Finder<'static>>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Box<Glob>),
    Regex(regex::bytes::Regex),
    In(HashSet<Box<[u8]>>),
    Pmatch(Box<Prefixes>),
}

#[derive(Debug)]
pub(super) enum NumberMatcher {
    Differs(i128),
    Less(i128),
    Greater(i128),
    /// Sorted.
    In(Vec<i128>),
}

/// A network: an address and how many of its first bits count.
#[derive(Debug)]
pub(super) struct Net {
    ip: IpAddr,
    bits: u8,
}

type Failure = (String, Span);

impl Matcher {
    pub(super) fn new(field: &Field, check: &Check) -> Result<Self, Failure> {
        if check.op == Op::Exists {
            return Ok(Self::Exists);
        }
        if let Some(long) = check.values.iter().find(|literal| literal.text.len() > LITERAL_BYTES_MAX) {
            let message = format!("the value is longer than {LITERAL_BYTES_MAX} bytes");
            return Err((message, long.span.clone()));
        }
        let negative = check.op == Op::Ne;
        let unordered = matches!(check.op, Op::Eq | Op::EqEq | Op::Ne | Op::In | Op::Intersects);
        match field.ty {
            Type::Text => TextMatcher::new(field, check).map(Self::Text),
            Type::Number => NumberMatcher::new(field, check).map(Self::Number),
            _ if !unordered => Err(unsupported(field, check)),
            Type::Bool => Ok(Self::Bool { values: each(check, truth)?, negative }),
            Type::Ip => Ok(Self::Ip { values: each(check, address)?, negative }),
            Type::Net => Ok(Self::Net { values: each(check, network)?, negative }),
        }
    }

    /// `!=`: of two values, neither may be equal.
    pub(super) fn is_negative(&self) -> bool {
        match self {
            Self::Bool { negative, .. } | Self::Ip { negative, .. } | Self::Net { negative, .. } => *negative,
            Self::Number(NumberMatcher::Differs(_)) | Self::Text(TextMatcher::Differs(_)) => true,
            _ => false,
        }
    }

    pub(super) fn is_match(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::Text(matcher), Value::Text(text)) => matcher.is_match(text),
            (Self::Number(matcher), Value::Number(number)) => matcher.is_match(*number),
            (Self::Bool { values, negative }, Value::Bool(truth)) => values.contains(truth) != *negative,
            (Self::Ip { values, negative }, Value::Ip(ip)) => values.contains(ip) != *negative,
            (Self::Net { values, negative }, Value::Ip(ip)) => {
                values.iter().any(|net| net.contains(*ip)) != *negative
            }
            _ => false,
        }
    }
}

impl TextMatcher {
    fn new(field: &Field, check: &Check) -> Result<Self, Failure> {
        let one = || check.values.iter().next().map(|literal| literal.text.as_bytes()).unwrap_or_default();
        let text = || check.values.iter().next().map(|literal| literal.text.as_str()).unwrap_or_default();
        Ok(match check.op {
            Op::Eq | Op::EqEq => Self::Equal(one().into()),
            Op::Ne => Self::Differs(one().into()),
            Op::Contains => Self::Contains(Box::new(Finder::new(one()).into_owned())),
            Op::Icontains => Self::IContains(Box::new(Finder::new(&one().to_ascii_lowercase()).into_owned())),
            Op::StartsWith => Self::StartsWith(one().into()),
            Op::EndsWith => Self::EndsWith(one().into()),
            Op::Glob => Self::Glob(Box::new(Glob::new(text(), false))),
            Op::Iglob => Self::Glob(Box::new(Glob::new(text(), true))),
            Op::Regex => Self::Regex(regex(check, text())?),
            Op::In | Op::Intersects => {
                Self::In(check.values.iter().map(|literal| literal.text.as_bytes().into()).collect())
            }
            Op::Pmatch => Self::Pmatch(Box::new(Prefixes::new(
                check.values.iter().map(|literal| literal.text.as_str()),
            ))),
            Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Exists => return Err(unsupported(field, check)),
        })
    }

    fn is_match(&self, text: &[u8]) -> bool {
        match self {
            Self::Equal(other) => text == &**other,
            Self::Differs(other) => text != &**other,
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::IContains(finder) => finder.find(&text.to_ascii_lowercase()).is_some(),
            Self::StartsWith(start) => text.starts_with(start),
            Self::EndsWith(end) => text.ends_with(end),
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => regex.is_match(text),
            Self::In(texts) => texts.contains(text),
            Self::Pmatch(prefixes) => prefixes.is_match(text),
        }
    }
}

impl NumberMatcher {
    fn new(field: &Field, check: &Check) -> Result<Self, Failure> {
        let mut numbers = each(check, number)?;
        let one = numbers.first().copied().unwrap_or_default();
        Ok(match check.op {
            Op::Ne => Self::Differs(one),
            Op::Lt => Self::Less(one),
            Op::Le => Self::Less(one + 1),
            Op::Gt => Self::Greater(one),
            Op::Ge => Self::Greater(one - 1),
            Op::Eq | Op::EqEq | Op::In | Op::Intersects => {
                numbers.sort_unstable();
                Self::In(numbers)
            }
            _ => return Err(unsupported(field, check)),
        })
    }

    fn is_match(&self, number: i128) -> bool {
        match self {
            Self::Differs(other) => number != *other,
            Self::Less(bound) => number < *bound,
            Self::Greater(bound) => number > *bound,
            Self::In(numbers) => numbers.binary_search(&number).is_ok(),
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

fn unsupported(field: &Field, check: &Check) -> Failure {
    (format!("`{}` can't be used on `{}`", check.op.name(), field.name), check.op_span.clone())
}

fn each<T>(check: &Check, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, Failure> {
    let one = |literal: &Literal| parse(&literal.text).map_err(|message| (message, literal.span.clone()));
    check.values.iter().map(one).collect()
}

fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{text}` is neither `true` nor `false`"))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no IP address"))
}

fn network(text: &str) -> Result<Net, String> {
    let error = || format!("`{text}` is no network, such as 10.0.0.0/8");
    let (ip, bits) = text.split_once('/').ok_or_else(error)?;
    let ip: IpAddr = ip.parse().map_err(|_| error())?;
    let max = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse().ok().filter(|bits| *bits <= max).ok_or_else(error)?;
    Ok(Net { ip, bits })
}

fn number(text: &str) -> Result<i128, String> {
    let error = || format!("`{text}` is no number");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => i128::from(u64::from_str_radix(digits, 16).map_err(|_| error())?),
        None => i128::from(digits.parse::<u64>().map_err(|_| error())?),
    };
    Ok(if negative { -number } else { number })
}

/// Anchored at both ends, as in Falco.
fn regex(check: &Check, text: &str) -> Result<regex::bytes::Regex, Failure> {
    regex::bytes::RegexBuilder::new(&format!("^(?:{text})$"))
        .unicode(false)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| {
            let span = check.values.iter().next().map_or(0..0, |literal| literal.span.clone());
            (format!("`{text}` is no valid regular expression"), span)
        })
}
