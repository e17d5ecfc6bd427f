//! Why a rule is true or false for an event: what each part of its condition comes to.

use crate::Event;
use crate::condition::ast::{Check, Expr, Node};
use crate::fields::{Accessor, Data, Owned, Scope};
use crate::graph::Tree;
use crate::ruleset::{Rule, Ruleset};

/// A part of a condition and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The part, in canonical form.
    pub text: String,
    /// What it comes to.
    pub truth: bool,
    /// The fields of a comparison and their values, `None` for what is missing.
    pub values: Vec<(String, Option<String>)>,
    /// What it is made of; nothing for a comparison.
    pub parts: Vec<Trace>,
}

impl Trace {
    /// Every comparison in it.
    pub fn checks<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        if self.parts.is_empty() {
            see(self);
        }
        for part in &self.parts {
            part.checks(see);
        }
    }

    /// The comparisons that make it what it is: of an `and` that is false, those of its false parts.
    pub fn causes<'a>(&'a self, found: &mut Vec<&'a Self>) {
        match self.parts.len() {
            0 => found.push(self),
            1 => self.parts[0].causes(found),
            _ => {
                self.parts.iter().filter(|part| part.truth == self.truth).for_each(|part| part.causes(found));
            }
        }
    }
}

impl Ruleset {
    /// What each part of a rule's condition comes to for an event. Nothing is left out.
    pub fn trace(&self, rule: &Rule, event: &Event<'_>) -> Trace {
        trace(&rule.condition, self.scope(rule), event)
    }

    /// Whether a condition in the place of a rule's own is true for an event. `None` if it does not
    /// compile.
    pub fn would_match(&self, rule: &Rule, condition: &Expr, event: &Event<'_>) -> Option<bool> {
        Tree::new(condition, self.scope(rule)).ok().map(|tree| tree.is_true(event))
    }
}

fn trace(expr: &Expr, scope: Scope<'_>, event: &Event<'_>) -> Trace {
    let each = |parts: &[Expr]| parts.iter().map(|part| trace(part, scope, event)).collect::<Vec<_>>();
    let parts = match &expr.node {
        Node::And(parts) | Node::Or(parts) => each(parts),
        Node::Not(part) => each(std::slice::from_ref(&**part)),
        Node::Check(_) | Node::Macro(_) => Vec::new(),
    };
    let truth = match &expr.node {
        Node::And(_) => parts.iter().all(|part| part.truth),
        Node::Or(_) => parts.iter().any(|part| part.truth),
        Node::Not(_) => !parts.iter().all(|part| part.truth),
        Node::Check(_) | Node::Macro(_) => Tree::new(expr, scope).is_ok_and(|tree| tree.is_true(event)),
    };
    let values = match &expr.node {
        Node::Check(check) => values(check, scope, event),
        _ => Vec::new(),
    };
    Trace { text: expr.to_string(), truth, values, parts }
}

fn values(check: &Check, scope: Scope<'_>, event: &Event<'_>) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    check.fields(&mut |field| {
        let data = Accessor::field(field, scope).ok().and_then(|accessor| accessor.data(event));
        found.push((field.to_string(), data.map(|data| written(&data))));
    });
    found
}

fn written(data: &Data) -> String {
    let text = |value: &Owned| {
        let mut out = String::new();
        value.as_value().print(&mut out);
        out
    };
    match data {
        Data::One(value) => text(value),
        Data::List(values) => format!("({})", values.iter().map(text).collect::<Vec<_>>().join(", ")),
    }
}
