//! `cadge rules fmt`: one style for the conditions of a rule file. Everything else stays as it is written,
//! comments with it.

use super::yaml::{self, Content, Node};
use super::{Finding, Place};
use crate::condition::ast::{self, Expr};
use crate::condition::{RULE_DEPTH_MAX, parse};
use crate::problem::{Code, Problem};
use crate::ruleset::RuleFile;

/// Columns of a line.
const WIDTH: usize = 100;

/// The text of a rule file with its conditions in one style, no blanks at the ends of lines and a line end
/// at the end. A condition that does not parse by itself stays as it is.
pub fn format_rules(file: RuleFile<'_>) -> Result<String, Problem> {
    let source = file.text;
    let documents = yaml::read(source).map_err(|error| {
        let place = Place { file: 0, range: error.offset..error.offset + 1 };
        Finding::new(Code::YamlParse, error.message, place).located(&[file])
    })?;
    let mut edits = Vec::new();
    for document in &documents {
        if let Content::Sequence(items) = &document.content {
            edits.extend(items.iter().filter_map(|item| edit(item, source)));
        }
    }
    let mut text = source.to_owned();
    for (range, replacement) in edits.into_iter().rev() {
        text.replace_range(range, &replacement);
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok(format!("{}\n", lines.join("\n").trim_end()))
}

/// What stands behind the `condition:` of an item, and what is to stand there.
fn edit(item: &Node, source: &str) -> Option<(std::ops::Range<usize>, String)> {
    let (key, value) = item.get("condition")?;
    let text = value.scalar()?;
    let expr = parse(text, RULE_DEPTH_MAX).ok()?;
    let start = key.range.end + source[key.range.end..].find(':')? + 1;
    let end = start + source.get(start..value.range.end)?.trim_end().len();
    // A comment between the two, and what other items refer to, stay.
    if start > end
        || source[start..value.range.start.max(start)].contains(['#', '&', '!'])
        || source[start..].trim_start().starts_with('*')
    {
        return None;
    }
    let line = source[..key.range.start].rfind('\n').map_or(0, |at| at + 1);
    let column = source[line..key.range.start].chars().count();
    Some((start..end, format!(" {}", written(&expr, column))))
}

fn written(expr: &Expr, column: usize) -> String {
    let one = outer(expr);
    let is_plain = !one.contains(": ")
        && !one.contains(" #")
        && one.starts_with(|c: char| c.is_ascii_alphabetic() || c == '(');
    if is_plain && column + "condition: ".len() + one.chars().count() <= WIDTH {
        return one;
    }
    let indent = " ".repeat(column + 2);
    let (parts, word) = match &expr.node {
        ast::Node::And(parts) => (parts.iter().map(|part| format!("{part:#}")).collect(), "and"),
        ast::Node::Or(parts) => (parts.iter().map(|part| format!("{part:#}")).collect(), "or"),
        _ => (vec![one], ""),
    };
    let mut text = String::from(">");
    for (at, part) in parts.iter().enumerate() {
        let before = if at == 0 { String::new() } else { format!("{word} ") };
        text.push_str(&wrapped(&format!("{before}{part}"), &indent));
    }
    text
}

/// Without the parentheses around the whole.
fn outer(expr: &Expr) -> String {
    let text = format!("{expr:#}");
    match &expr.node {
        ast::Node::And(_) | ast::Node::Or(_) => text[1..text.len() - 1].to_owned(),
        _ => text,
    }
}

/// Lines of at most so many columns, broken behind commas and blanks outside of quotes.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    let mut quoted = false;
    let mut word = String::new();
    let mut flush = |word: &mut String| {
        let last = lines.len() - 1;
        if !lines[last].is_empty()
            && indent.len() + lines[last].chars().count() + word.trim_end().chars().count() > WIDTH
        {
            lines.push("  ".to_owned());
        }
        let last = lines.len() - 1;
        lines[last].push_str(word);
        word.clear();
    };
    let mut before = ' ';
    for character in text.chars() {
        quoted ^= character == '"' && before != '\\';
        before = character;
        word.push(character);
        if character == ' ' && !quoted {
            flush(&mut word);
        }
    }
    flush(&mut word);
    lines.iter().map(|line| format!("\n{indent}{}", line.trim_end())).collect()
}
