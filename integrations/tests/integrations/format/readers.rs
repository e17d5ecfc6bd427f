//! Small readers of CEF, syslog and headers, written from their specifications.

use std::collections::BTreeMap;

/// The seven fields of CEF's header, and its extension.
pub(super) fn cef(line: &str) -> Option<(Vec<String>, BTreeMap<String, String>)> {
    let (mut header, mut field, mut characters) = (Vec::new(), String::new(), line.chars());
    while header.len() < 7 {
        match characters.next()? {
            '\\' => match characters.next()? {
                escaped @ ('\\' | '|') => field.push(escaped),
                _ => return None,
            },
            '|' => header.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    Some((header, extension(characters.as_str())?))
}

/// `key=value` with spaces between. A key is the word before a `=` that no backslash stands in front of.
fn extension(text: &str) -> Option<BTreeMap<String, String>> {
    let mut starts = Vec::new();
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'=' && !escaped {
            let key = text[..at].rfind(' ').map_or(0, |space| space + 1);
            starts.push((key, at));
        }
        escaped = byte == b'\\' && !escaped;
    }
    let mut pairs = BTreeMap::new();
    for (index, (key, equals)) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(text.len(), |next| next.0 - 1);
        let repeated = pairs.insert(text[*key..*equals].to_owned(), unescaped(&text[equals + 1..end])?);
        if repeated.is_some() {
            return None;
        }
    }
    Some(pairs)
}

fn unescaped(text: &str) -> Option<String> {
    let (mut out, mut characters) = (String::new(), text.chars());
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                escaped @ ('\\' | '=') => escaped,
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

/// The parts of a syslog line: the number in front, five words, the structured data's parameters, the text.
pub(super) struct Line<'a> {
    pub(super) priority: u8,
    pub(super) words: Vec<&'a str>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) text: &'a str,
}

pub(super) fn syslog(line: &str) -> Option<Line<'_>> {
    let (priority, rest) = line.strip_prefix('<')?.split_once(">1 ")?;
    let mut parts = rest.splitn(6, ' ');
    let words: Vec<&str> = parts.by_ref().take(5).collect();
    if words.iter().any(|word| word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic())) {
        return None;
    }
    let rest = parts.next()?;
    let (parameters, text) = match rest.strip_prefix("- ") {
        Some(text) => (BTreeMap::new(), text),
        None => structured(rest.strip_prefix('[')?)?,
    };
    Some(Line { priority: priority.parse().ok()?, words, parameters, text })
}

fn structured(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let (_, mut rest) = text.split_once(' ')?;
    let mut parameters = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"")?;
        let (mut text, mut characters) = (String::new(), value.chars());
        loop {
            match characters.next()? {
                '"' => break,
                ']' => return None,
                '\\' => text.push(characters.next()?),
                other => text.push(other),
            }
        }
        parameters.insert(name.to_owned(), text);
        rest = characters.as_str();
        match rest.strip_prefix("] ") {
            Some(text) => return Some((parameters, text)),
            None => rest = rest.strip_prefix(' ')?,
        }
    }
}

/// Percent-encoding undone.
pub(super) fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}
