//! What compiles and yet is likely a mistake: Falco's warnings about conditions.

use crate::condition::ast::{Check, Expr, Op, Span};
use crate::fields;
use crate::problem::Code;

/// Comparisons of audit fields with the text for missing values, and deprecated fields.
pub fn condition_warnings(expr: &Expr) -> Vec<(Code, String, Span)> {
    let mut found: Vec<(Code, String, Span)> = Vec::new();
    expr.checks(&mut |check| {
        let Some(name) = check.left.field_name() else { return };
        let span = check.left.span().clone();
        if is_unsafe(check, name) {
            let text = "comparing a field with '<NA>' is not what tells that it is missing: use 'exists'";
            found.push((Code::UnsafeNaCheck, format!("{name}: {text}"), span.clone()));
        }
        if fields::find(name).is_some_and(|(field, _)| field.is_deprecated) {
            found.push((
                Code::Deprecated,
                format!("The field '{name}' is deprecated. {}", instead(name)),
                span,
            ));
        }
    });
    found.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    found
}

fn instead(name: &str) -> &'static str {
    match name {
        "evt.dir" => "Only ends of calls are evaluated: leave it out.",
        name if name.contains("latency") => "Only ends of calls are evaluated: it says nothing.",
        _ => "It never has a value.",
    }
}

fn is_unsafe(check: &Check, name: &str) -> bool {
    let compares = matches!(check.op, Op::Eq | Op::EqEq | Op::Ne | Op::In | Op::Intersects | Op::Pmatch);
    let of_audit = name.starts_with("ka.") || name.starts_with("jevt.");
    compares && of_audit && check.values.iter().any(|literal| literal.bytes == b"<NA>")
}
