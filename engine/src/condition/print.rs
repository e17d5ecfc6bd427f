//! Trees to text.

use std::fmt::{Formatter, Result};

use super::ast::{Call, CallArg, Check, Expr, FieldRef, Node, Operand, Values};

pub(super) fn expr(f: &mut Formatter<'_>, expr: &Expr) -> Result {
    match &expr.node {
        Node::And(parts) => join(f, parts, " and "),
        Node::Or(parts) => join(f, parts, " or "),
        Node::Not(part) => {
            f.write_str("not ")?;
            // Two `not`s in a row would take each other away.
            let doubled = f.alternate() && matches!(part.node, Node::Not(_));
            f.write_str(if doubled { "(" } else { "" })?;
            self::expr(f, part)?;
            f.write_str(if doubled { ")" } else { "" })
        }
        Node::Check(check) => self::check(f, check),
        Node::Macro(name) => f.write_str(name),
    }
}

fn join(f: &mut Formatter<'_>, parts: &[Expr], word: &str) -> Result {
    f.write_str("(")?;
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index > 0 { word } else { "" })?;
        expr(f, part)?;
    }
    f.write_str(")")
}

pub(super) fn check(f: &mut Formatter<'_>, check: &Check) -> Result {
    operand(f, &check.left)?;
    write!(f, " {}", check.op.name())?;
    if let Some(modifier) = check.modifier {
        write!(f, " {}", modifier.name())?;
    }
    match &check.values {
        Values::None => Ok(()),
        Values::One(literal) => {
            f.write_str(" ")?;
            text(f, &literal.bytes, "")
        }
        Values::Name(literal) => write!(f, " {}", literal.text()),
        Values::List(literals) => {
            f.write_str(" (")?;
            for (index, literal) in literals.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                text(f, &literal.bytes, "(),")?;
            }
            f.write_str(")")
        }
        Values::Val(field) => {
            f.write_str(" val(")?;
            self::field(f, field)?;
            f.write_str(")")
        }
        Values::Call(call) => {
            f.write_str(" ")?;
            self::call(f, call)
        }
    }
}

pub(super) fn operand(f: &mut Formatter<'_>, operand: &Operand) -> Result {
    match operand {
        Operand::Field(field) => self::field(f, field),
        Operand::Call(call) => self::call(f, call),
    }
}

pub(super) fn field(f: &mut Formatter<'_>, field: &FieldRef) -> Result {
    f.write_str(&field.name)?;
    bracketed(f, field.arg.as_deref())
}

fn bracketed(f: &mut Formatter<'_>, arg: Option<&str>) -> Result {
    match arg {
        Some("") => f.write_str("[\"\"]"),
        Some(arg) => {
            f.write_str("[")?;
            text(f, arg.as_bytes(), "[]")?;
            f.write_str("]")
        }
        None => Ok(()),
    }
}

fn call(f: &mut Formatter<'_>, call: &Call) -> Result {
    f.write_str(call.transformer.name())?;
    args(f, &call.args)?;
    bracketed(f, call.selector.as_deref())
}

fn args(f: &mut Formatter<'_>, args: &[CallArg]) -> Result {
    f.write_str("(")?;
    for (index, arg) in args.iter().enumerate() {
        f.write_str(if index > 0 { "," } else { "" })?;
        match arg {
            CallArg::Operand(operand) => self::operand(f, operand)?,
            CallArg::Text(literal) if f.alternate() => f.write_str(&quoted(&literal.bytes))?,
            CallArg::Text(literal) | CallArg::Number(literal) => text(f, &literal.bytes, "")?,
            CallArg::List(list) => self::args(f, list)?,
        }
    }
    f.write_str(")")
}

/// A value, in quotes where it has to be. `also` are further characters that need them here, if what is
/// printed is to be read back.
fn text(f: &mut Formatter<'_>, bytes: &[u8], also: &str) -> Result {
    let special = |byte: &u8| *byte <= b' ' || *byte >= 0x7f || b"=\"'\\".contains(byte);
    let strict = |byte: &u8| b"(),".contains(byte) || also.as_bytes().contains(byte);
    let is_text = std::str::from_utf8(bytes);
    let needs = match is_text {
        Ok(_) => bytes.iter().any(|byte| byte.is_ascii() && special(byte)),
        Err(_) => true,
    };
    if needs || f.alternate() && (bytes.is_empty() || bytes.iter().any(strict)) {
        f.write_str(&escaped(bytes, f.alternate()))
    } else {
        f.write_str(is_text.unwrap_or_default())
    }
}

/// In double quotes, with escapes that the lexer reads back.
pub fn quoted(bytes: &[u8]) -> String {
    escaped(bytes, true)
}

/// If it is to be read back, a backslash at the end is written as `\x5c`: the lexer takes a quote behind any
/// backslash for an escaped one.
fn escaped(bytes: &[u8], reads_back: bool) -> String {
    let mut result = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => result.push_str("\\\""),
                '\\' => result.push_str("\\\\"),
                '\u{8}' => result.push_str("\\b"),
                '\u{c}' => result.push_str("\\f"),
                '\n' => result.push_str("\\n"),
                '\t' => result.push_str("\\t"),
                '\r' => result.push_str("\\r"),
                c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                    result.push_str(&format!("\\x{:02x}", u32::from(c)));
                }
                c => result.push(c),
            }
        }
        for byte in chunk.invalid() {
            result.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if reads_back && bytes.last() == Some(&b'\\') {
        result.truncate(result.len() - 2);
        result.push_str("\\x5c");
    }
    result.push('"');
    result
}
