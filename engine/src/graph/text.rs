//! What a text has to be.

use memchr::memmem::Finder;

use super::glob::Glob;
use super::matcher::Failure;
use super::pmatch::Prefixes;
use crate::condition::ast::{Check, Literal, Op};

#[derive(Debug)]
pub(crate) enum TextMatcher {
    Equal(Box<[u8]>),
    Differs(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    /// In lower case.
    Icontains(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Box<Glob>),
    Regex(Box<regex::bytes::Regex>),
    In(TextSet),
    Pmatch(Box<Prefixes>),
    /// In the order of bytes.
    Ordered(Op, Box<[u8]>),
}

impl TextMatcher {
    pub(super) fn new(check: &Check, literals: &[&Literal]) -> Result<Self, Failure> {
        match check.op {
            Op::In | Op::Intersects => {
                Ok(Self::In(TextSet::new(literals.iter().map(|literal| &*literal.bytes).collect())))
            }
            Op::Pmatch => {
                Ok(Self::Pmatch(Box::new(Prefixes::new(literals.iter().map(|literal| &*literal.bytes)))))
            }
            Op::Regex => {
                let literal = literals.first().copied();
                let text = literal.map(Literal::text).unwrap_or_default();
                let span = literal.map_or(0..0, |literal| literal.span.clone());
                regex(&text).map(|regex| Self::Regex(Box::new(regex))).map_err(|message| (message, span))
            }
            op => Ok(Self::bytes(op, literals.first().map_or(&[], |literal| &*literal.bytes))),
        }
    }

    /// Of an operator that takes one value.
    pub(super) fn bytes(op: Op, bytes: &[u8]) -> Self {
        match op {
            Op::Ne => Self::Differs(bytes.into()),
            Op::Contains | Op::Bcontains => Self::Contains(Box::new(Finder::new(bytes).into_owned())),
            Op::Icontains => Self::Icontains(bytes.to_ascii_lowercase().into()),
            Op::StartsWith | Op::BstartsWith => Self::StartsWith(bytes.into()),
            Op::EndsWith => Self::EndsWith(bytes.into()),
            Op::Glob => Self::Glob(Box::new(Glob::new(bytes, false))),
            Op::Iglob => Self::Glob(Box::new(Glob::new(bytes, true))),
            Op::Lt | Op::Le | Op::Gt | Op::Ge => Self::Ordered(op, bytes.into()),
            _ => Self::Equal(bytes.into()),
        }
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        match self {
            Self::Equal(other) => text == &**other,
            Self::Differs(other) => text != &**other,
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Icontains(needle) => contains_ignoring_case(text, needle),
            Self::StartsWith(start) => text.starts_with(start),
            Self::EndsWith(end) => text.ends_with(end),
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => match std::str::from_utf8(text) {
                Ok(_) => regex.is_match(text),
                Err(_) => regex.is_match(String::from_utf8_lossy(text).as_bytes()),
            },
            Self::In(texts) => texts.contains(text),
            Self::Pmatch(prefixes) => prefixes.is_match(text),
            Self::Ordered(Op::Lt, other) => text < &**other,
            Self::Ordered(Op::Le, other) => text <= &**other,
            Self::Ordered(Op::Gt, other) => text > &**other,
            Self::Ordered(_, other) => text >= &**other,
        }
    }
}

/// A set of texts, by length: most lookups end with the length.
#[derive(Debug)]
pub(crate) struct TextSet {
    /// Sorted by length, then bytes.
    texts: Vec<Box<[u8]>>,
    /// Where the texts of each length begin.
    starts: Vec<u32>,
}

impl TextSet {
    fn new(mut texts: Vec<&[u8]>) -> Self {
        texts.sort_unstable_by_key(|text| (text.len(), *text));
        texts.dedup();
        let longest = texts.last().map_or(0, |text| text.len());
        let start =
            |length| u32::try_from(texts.partition_point(|text| text.len() < length)).unwrap_or(u32::MAX);
        let starts = (0..=longest + 1).map(start).collect();
        Self { texts: texts.into_iter().map(Into::into).collect(), starts }
    }

    pub(super) fn contains(&self, text: &[u8]) -> bool {
        let Some([start, end]) = self.starts.get(text.len()..text.len() + 2) else { return false };
        let same = &self.texts[*start as usize..*end as usize];
        if same.len() < 8 {
            same.iter().any(|other| **other == *text)
        } else {
            same.binary_search_by(|other| (**other).cmp(text)).is_ok()
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().map(|text| &**text)
    }
}

/// `needle` is in lower case.
fn contains_ignoring_case(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let Some(last) = text.len().checked_sub(needle.len()) else { return false };
    let fits = |at: usize| at <= last && text[at..at + needle.len()].eq_ignore_ascii_case(needle);
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text).any(fits)
}

/// Anchored at both ends, as in Falco.
fn regex(text: &str) -> Result<regex::bytes::Regex, String> {
    regex::bytes::RegexBuilder::new(&format!("^(?:{})$", braces(text)))
        .dot_matches_new_line(true)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("invalid regular expression '{text}'"))
}

/// RE2 takes a brace that begins no repetition for itself.
fn braces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        let is_repetition = || {
            let inner = text[at + 1..].split_once('}').map_or("", |(inner, _)| inner);
            inner.starts_with(|c: char| c.is_ascii_digit())
                && inner.chars().all(|c| c.is_ascii_digit() || c == ',')
        };
        let is_class = out.ends_with("\\p") || out.ends_with("\\P") || out.ends_with("\\x");
        if character == '{' && !escaped && !is_class && !is_repetition() {
            out.push('\\');
        }
        escaped = character == '\\' && !escaped;
        out.push(character);
    }
    out
}

/// Whether a simpler operator would do: nothing in it but what can stand at the ends.
pub(crate) fn is_plain_regex(text: &str) -> bool {
    let mut rest = text.strip_prefix('^').unwrap_or(text);
    rest = rest.strip_suffix('$').unwrap_or(rest);
    for wild in [".*", ".+", ".?"] {
        rest = rest.strip_prefix(wild).unwrap_or(rest);
    }
    for wild in [".*", ".+", ".?"] {
        rest = rest.strip_suffix(wild).unwrap_or(rest);
    }
    !rest.contains(|c: char| "\\^$.|?*+()[]{}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_find_what_is_in_them() {
        let set = TextSet::new(vec![b"a", b"bb", b"cc", b"", b"a"]);
        for (text, expected) in
            [("", true), ("a", true), ("cc", true), ("ccc", false), ("b", false), ("dd", false)]
        {
            assert_eq!(set.contains(text.as_bytes()), expected, "{text}");
        }
        assert!(!TextSet::new(Vec::new()).contains(b""));
    }

    #[test]
    fn case_is_ignored() {
        assert!(contains_ignoring_case(b"/etc/ShAdow", b"shadow"));
        assert!(!contains_ignoring_case(b"/etc/ShAdo", b"shadow"));
        assert!(contains_ignoring_case(b"", b""));
    }
}
