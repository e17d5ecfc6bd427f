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
pub fn format_rules(file: RuleFile<'_>) -> Result<String, Box<Problem>> {
    let source = file.text;
    let documents = yaml::read(source).map_err(|error| {
        let place = Place { file: 0, range: error.offset..error.offset + 1 };
        Box::new(Finding::new(Code::YamlParse, error.message, place).located(&[file]))
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
    // What is appended to a condition is appended as text: parentheses around an `or` have to stay.
    let enclosed = expr.span.start > text.len() - text.trim_start().len();
    let keeps = enclosed && matches!(expr.node, ast::Node::Or(_));
    Some((start..end, format!(" {}", written(&expr, column, keeps))))
}

fn written(expr: &Expr, column: usize, keeps_parentheses: bool) -> String {
    let one = if keeps_parentheses { format!("{expr:#}") } else { outer(expr) };
    let is_plain = !one.contains(": ")
        && !one.contains(" #")
        && one.starts_with(|c: char| c.is_ascii_alphabetic() || c == '(');
    if is_plain && column + "condition: ".len() + one.chars().count() <= WIDTH {
        return one;
    }
    let indent = " ".repeat(column + 2);
    let (parts, word) = match &expr.node {
        _ if keeps_parentheses => (vec![one], ""),
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

/// Lines of at most so many columns, broken behind commas and before `and` and `or`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for unit in units(text) {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && indent.len() + last + unit.trim_end().chars().count() > WIDTH {
            lines.push("  ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&unit);
        }
    }
    let mut text = String::new();
    for line in lines {
        text.push('\n');
        text.push_str(indent);
        text.push_str(line.trim_end());
    }
    text
}

/// What is not to be broken.
fn units(text: &str) -> Vec<String> {
    let mut units: Vec<String> = vec![String::new()];
    let mut quoted = false;
    for word in text.split_inclusive(' ') {
        let last = units.last().map_or("", String::as_str);
        if !quoted && (last.ends_with(", ") || ["and ", "or "].contains(&word)) {
            units.push(String::new());
        }
        let unescaped = word.replace("\\\\", "").replace("\\\"", "");
        quoted ^= unescaped.matches('"').count() % 2 == 1;
        if let Some(unit) = units.last_mut() {
            unit.push_str(word);
        }
    }
    units
}
