//! Go's `fmt`, and the ways templates escape text.

use super::OUTPUT_BYTES_MAX;
use super::value::{Value, exponent};

/// The widest that a value is made. Go's limit is a million.
const WIDTH_MAX: usize = 1000;

/// `fmt.Sprint`: a space between two values neither of which is text.
pub(super) fn print(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !after_text && !is_text {
            out.push(' ');
        }
        out.push_str(&value.to_string());
        after_text = is_text;
    }
    out
}

/// `fmt.Sprintln`.
pub(super) fn println(values: &[Value<'_>]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(" ") + "\n"
}

/// What stands between `%` and the verb.
#[derive(Default)]
struct Flags {
    minus: bool,
    /// What stands before a number that is not negative: `+`, a space or nothing.
    sign: &'static str,
    sharp: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// `fmt.Sprintf`, without `%[1]d`.
pub(super) fn printf(values: &[Value<'_>]) -> Result<String, String> {
    let Value::Text(format) = &values[0] else {
        return Err(format!("the format is text, not {}", values[0].kind()));
    };
    let mut arguments = values[1..].iter();
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let flags = flags(&mut rest, &mut arguments);
        match rest.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some('[') => return Err("`%[` is not supported: name the arguments in their order".to_owned()),
            Some(verb) => match arguments.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(value) => out.push_str(&one(value, verb, &flags)),
            },
        }
        if out.len() > OUTPUT_BYTES_MAX {
            return Err(format!("a text longer than {OUTPUT_BYTES_MAX} bytes"));
        }
    }
    let extra: Vec<String> = arguments.map(described).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

fn described(value: &Value<'_>) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        other => format!("{}={other}", other.kind()),
    }
}

fn flags<'v, 'a: 'v>(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    arguments: &mut impl Iterator<Item = &'v Value<'a>>,
) -> Flags {
    let mut flags = Flags::default();
    while let Some(flag) = rest.next_if(|c| matches!(c, '-' | '+' | '#' | '0' | ' ')) {
        match flag {
            '-' => flags.minus = true,
            '+' => flags.sign = "+",
            '#' => flags.sharp = true,
            '0' => flags.zero = true,
            _ if flags.sign.is_empty() => flags.sign = " ",
            _ => {}
        }
    }
    let mut number = || {
        if rest.next_if_eq(&'*').is_some() {
            let Some(Value::Int(number)) = arguments.next() else { return None };
            return usize::try_from(*number).ok().map(|number| number.min(WIDTH_MAX));
        }
        let mut number = None;
        while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
            rest.next();
            number = Some((number.unwrap_or(0) * 10 + digit as usize).min(WIDTH_MAX));
        }
        number
    };
    flags.width = number().unwrap_or(0);
    if rest.next_if_eq(&'.').is_some() {
        let mut number = || {
            let mut number = 0;
            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                rest.next();
                number = (number * 10 + digit as usize).min(WIDTH_MAX);
            }
            number
        };
        flags.precision = Some(number());
    }
    flags
}

/// One value by one verb.
fn one(value: &Value<'_>, verb: char, flags: &Flags) -> String {
    let cut = |text: String| match flags.precision {
        Some(length) => text.chars().take(length).collect(),
        None => text,
    };
    let text = match (verb, value) {
        ('T', _) => value.kind().to_owned(),
        ('v', Value::Int(_) | Value::Float(_)) => return number(value, 'v', flags),
        ('v', Value::Text(text)) if flags.sharp => quoted(text),
        ('v', _) => value.to_string(),
        ('s', Value::Text(_) | Value::Priority(_) | Value::Time(_) | Value::Alert(..) | Value::Tags(_)) => {
            cut(value.to_string())
        }
        ('q', Value::Text(_) | Value::Priority(_) | Value::Time(_) | Value::Alert(..)) => {
            quoted(&cut(value.to_string()))
        }
        ('q', Value::Tags(tags)) => {
            format!("[{}]", tags.iter().map(|tag| quoted(tag)).collect::<Vec<_>>().join(" "))
        }
        ('x', Value::Text(text)) => hex(text),
        ('X', Value::Text(text)) => hex(text).to_uppercase(),
        ('t', Value::Bool(truth)) => truth.to_string(),
        ('d' | 'x' | 'X' | 'o' | 'b' | 'c' | 'U', Value::Int(_))
        | ('e' | 'f' | 'F' | 'g', Value::Float(_)) => {
            return number(value, verb, flags);
        }
        ('d', Value::Priority(priority)) => {
            return number(&Value::Int(super::value::priority_rank(*priority)), 'd', flags);
        }
        _ => format!("%!{verb}({})", described(value)),
    };
    padded(&text, flags)
}

fn number(value: &Value<'_>, verb: char, flags: &Flags) -> String {
    let (negative, digits) = match *value {
        Value::Int(number) => {
            let size = number.unsigned_abs();
            let digits = match verb {
                'x' => format!("{size:x}"),
                'X' => format!("{size:X}"),
                'o' => format!("{size:o}"),
                'b' => format!("{size:b}"),
                'U' => return padded(&format!("U+{size:04X}"), flags),
                'c' => {
                    let character = u32::try_from(number).ok().and_then(char::from_u32);
                    return padded(&character.unwrap_or('\u{fffd}').to_string(), flags);
                }
                _ => size.to_string(),
            };
            (number < 0, digits)
        }
        Value::Float(number) => {
            let size = number.abs();
            let digits = match (verb, flags.precision) {
                ('f' | 'F', precision) => format!("{size:.*}", precision.unwrap_or(6)),
                ('e', precision) => exponent(&format!("{size:.*e}", precision.unwrap_or(6))),
                _ => Value::Float(size).to_string(),
            };
            (number.is_sign_negative(), digits)
        }
        _ => return value.to_string(),
    };
    let sign = if negative { "-" } else { flags.sign };
    if flags.zero && !flags.minus {
        let width = flags.width.saturating_sub(sign.len());
        return format!("{sign}{digits:0>width$}");
    }
    padded(&format!("{sign}{digits}"), flags)
}

fn padded(text: &str, flags: &Flags) -> String {
    let missing = flags.width.saturating_sub(text.chars().count());
    let fill = " ".repeat(missing);
    if flags.minus { format!("{text}{fill}") } else { format!("{fill}{text}") }
}

/// `%x` of text.
fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| out + &format!("{byte:02x}"))
}

/// `%q`.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Text for HTML.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// Text within a string of JavaScript.
pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '\'' | '"' => out.extend(['\\', character]),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(character))),
            c if c.is_control() && c != '\u{7f}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Text within the query of a URL.
pub(super) fn urlquery(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
