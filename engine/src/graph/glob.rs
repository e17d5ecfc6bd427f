//! Patterns of `*`, `?` and `[…]`, as `fnmatch` has them without flags: all of them match `/` too.

/// A pattern.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Byte(u8),
    /// Any byte.
    One,
    /// Any bytes.
    Many,
    /// A byte in (or, negated, outside of) these ranges.
    Set {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
}

impl Glob {
    pub(crate) fn new(pattern: &[u8], ignore_case: bool) -> Self {
        let lower = pattern.to_ascii_lowercase();
        let bytes = if ignore_case { &lower } else { pattern };
        let mut parts = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (part, length) = match bytes[at] {
                b'*' => (Part::Many, 1),
                b'?' => (Part::One, 1),
                b'\\' if at + 1 < bytes.len() => (Part::Byte(bytes[at + 1]), 2),
                b'[' => set(&bytes[at..]).unwrap_or((Part::Byte(b'['), 1)),
                byte => (Part::Byte(byte), 1),
            };
            if !(matches!(part, Part::Many) && matches!(parts.last(), Some(Part::Many))) {
                parts.push(part);
            }
            at += length;
        }
        Self { parts, ignore_case }
    }

    /// What everything that fits begins with; `None` if that is nothing in particular.
    pub(super) fn beginning(&self) -> Option<Vec<u8>> {
        let byte = |part: &Part| match part {
            Part::Byte(byte) => Some(*byte),
            _ => None,
        };
        let bytes: Vec<u8> = self.parts.iter().map_while(byte).collect();
        (!bytes.is_empty() && !self.ignore_case).then_some(bytes)
    }

    /// Has none of the special characters.
    pub(super) fn is_plain(text: &[u8]) -> bool {
        !text.iter().any(|byte| b"*?[\\".contains(byte))
    }

    /// Takes time in proportion to text × pattern at most: after a mismatch only the last `*` is
    /// tried again.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        let (mut at, mut part) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            let byte = if self.ignore_case { text[at].to_ascii_lowercase() } else { text[at] };
            match self.parts.get(part) {
                Some(Part::Many) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                Some(wanted) if wanted.fits(byte) => {
                    at += 1;
                    part += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = retry else { return false };
            retry = Some((after, from + 1));
            part = after;
            at = from + 1;
        }
        self.parts[part..].iter().all(|part| matches!(part, Part::Many))
    }
}

impl Part {
    fn fits(&self, byte: u8) -> bool {
        match self {
            Self::Byte(wanted) => *wanted == byte,
            Self::One => true,
            Self::Many => false,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte)) != *negated
            }
        }
    }
}

/// `[…]` and its length; `None` if it is not closed.
fn set(bytes: &[u8]) -> Option<(Part, usize)> {
    let negated = matches!(bytes.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    let mut ranges = Vec::new();
    loop {
        let byte = *bytes.get(at)?;
        // A bracket that stands first is one of the set.
        if byte == b']' && at > first {
            return Some((Part::Set { negated, ranges }, at + 1));
        }
        match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'-'), Some(to)) if *to != b']' => {
                ranges.push((byte, *to));
                at += 3;
            }
            _ => {
                ranges.push((byte, byte));
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(
            Glob::new(pattern.as_bytes(), false).is_match(text.as_bytes()),
            expected,
            "{pattern} on {text}"
        );
    }

    #[test]
    fn patterns() {
        check("", "", true);
        check("*", "", true);
        check("/etc/*", "/etc/a/b", true);
        check("*.pem", "/x/a.pem.bak", false);
        check("a*b*c", "axxbyybzzc", true);
        check("a?c", "a/c", true);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[]x]", "]", true);
        check("[x", "[x", true);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        assert!(Glob::new(b"*SHADOW", true).is_match(b"/etc/Shadow"));
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_on_any_text(pattern in "[a-b*?\\[\\]!\\\\-]{0,12}", text in "[ab]{0,16}") {
            let _ = Glob::new(pattern.as_bytes(), false).is_match(text.as_bytes());
        }
    }
}
