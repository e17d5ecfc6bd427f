//! Which types of event a condition can be true for, by Falco's inference: only comparisons of
//! `evt.type` say something, everything else fits every type.

use crate::EventType;
use crate::condition::ast::{Check, Expr, Node, Op, Values};
use crate::events::EventSet;

/// The types for which `expr`, which has no macros left, can be true.
pub(crate) fn infer(expr: &Expr) -> EventSet {
    match &expr.node {
        Node::And(parts) => parts.iter().fold(EventSet::all(), |mut set, part| {
            set.intersect(&infer(part));
            set
        }),
        Node::Or(parts) => parts.iter().fold(EventSet::EMPTY, |mut set, part| {
            set.union(&infer(part));
            set
        }),
        // Only what names types can be turned around; `not` of anything else fits every type.
        Node::Not(part) if names_types_only(part) => infer(part).complement(),
        Node::Check(check) => named(check).unwrap_or_else(EventSet::all),
        Node::Not(_) | Node::Macro(_) => EventSet::all(),
    }
}

fn names_types_only(expr: &Expr) -> bool {
    match &expr.node {
        Node::And(parts) | Node::Or(parts) => parts.iter().all(names_types_only),
        Node::Not(part) => names_types_only(part),
        Node::Check(check) => named(check).is_some(),
        Node::Macro(_) => false,
    }
}

/// The types that a comparison names, if it says something about types.
fn named(check: &Check) -> Option<EventSet> {
    if is_never(check) {
        return Some(EventSet::EMPTY);
    }
    if !matches!(check.left.field_name(), Some("evt.type" | "syscall.type")) || check.modifier.is_some() {
        return None;
    }
    let mut set = EventSet::EMPTY;
    for literal in check.values.iter() {
        if let Some(kind) = EventType::from_name(&literal.text()) {
            set.insert(kind);
        }
    }
    match check.op {
        Op::Eq | Op::EqEq | Op::In => Some(set),
        Op::Ne => Some(set.complement()),
        _ => None,
    }
}

/// Rule files say `evt.num = 0` for "never".
fn is_never(check: &Check) -> bool {
    let zero = |text: &str| check.values.iter().all(|literal| literal.bytes == text.as_bytes());
    let is_written = !matches!(check.values, Values::Val(_) | Values::Call(_)) && check.modifier.is_none();
    check.left.field_name() == Some("evt.num")
        && is_written
        && match check.op {
            Op::Eq | Op::EqEq | Op::In | Op::Le => zero("0"),
            Op::Lt => zero("1"),
            _ => false,
        }
}
