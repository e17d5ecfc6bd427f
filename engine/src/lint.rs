//! Our own checks of rules that load: each has a name by which it is switched.

use std::collections::{BTreeSet, HashMap};

use crate::condition::ast::{Check, Expr, Node, Op};
use crate::ruleset::{Rule, Ruleset};

/// A check.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// The name by which it is switched.
    pub name: &'static str,
    /// What it finds.
    pub doc: &'static str,
    find: fn(&Rule, &[&Rule]) -> Option<String>,
}

/// Every check.
pub const LINTS: &[Lint] = &[
    Lint { name: "duplicate", doc: "the same condition as an earlier rule", find: duplicate },
    Lint { name: "never-true", doc: "a condition that no event can match", find: never_true },
    Lint {
        name: "no-event-type",
        doc: "a condition that every kind of event has to be compared with",
        find: no_event_type,
    },
    Lint {
        name: "shadowed",
        doc: "an earlier rule matches whatever this one does, and the first rule wins",
        find: shadowed,
    },
    Lint {
        name: "trusts-caller",
        doc: "an exemption by something that the caller chooses, such as proc.name alone",
        find: trusts_caller,
    },
];

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// The check's name.
    pub lint: &'static str,
    /// The rule's name.
    pub rule: String,
    /// What is odd about it.
    pub message: String,
}

impl Ruleset {
    /// What the named checks find in rules that are evaluated.
    pub fn lint(&self, names: &[&str]) -> Vec<LintFinding> {
        let rules: Vec<&Rule> = self.rules().iter().filter(|rule| rule.is_evaluated).collect();
        let mut found = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            for lint in LINTS.iter().filter(|lint| names.contains(&lint.name)) {
                if let Some(message) = (lint.find)(rule, &rules[..at]) {
                    found.push(LintFinding { lint: lint.name, rule: rule.name.to_string(), message });
                }
            }
        }
        found
    }
}

/// The parts of which all have to be true.
fn conjuncts(expr: &Expr) -> BTreeSet<String> {
    match &expr.node {
        Node::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => BTreeSet::from([expr.to_string()]),
    }
}

fn duplicate(rule: &Rule, earlier: &[&Rule]) -> Option<String> {
    let text = rule.condition.to_string();
    let same =
        earlier.iter().find(|other| other.source == rule.source && other.condition.to_string() == text)?;
    Some(format!("has the same condition as '{}'", same.name))
}

fn shadowed(rule: &Rule, earlier: &[&Rule]) -> Option<String> {
    let mine = conjuncts(&rule.condition);
    let wider = |other: &&&Rule| {
        let theirs = conjuncts(&other.condition);
        other.source == rule.source && theirs.len() < mine.len() && theirs.is_subset(&mine)
    };
    let other = earlier.iter().find(wider)?;
    Some(format!("never alerts while the first match wins: '{}' matches all that it does", other.name))
}

fn no_event_type(rule: &Rule, _: &[&Rule]) -> Option<String> {
    let is_syscall = &*rule.source == crate::fields::SYSCALL;
    (is_syscall && rule.fits_every_type())
        .then(|| "compares every event: name the kinds with evt.type".to_owned())
}

fn never_true(rule: &Rule, _: &[&Rule]) -> Option<String> {
    if rule.event_types().next().is_none() {
        return Some("fits no kind of event".to_owned());
    }
    contradiction(&rule.condition)
}

/// Two parts of an `and` that can't both be true.
fn contradiction(expr: &Expr) -> Option<String> {
    let Node::And(parts) = &expr.node else { return None };
    let texts = conjuncts(expr);
    if let Some(text) = texts.iter().find(|text| texts.contains(&format!("not {text}"))) {
        return Some(format!("asks for '{text}' and for its opposite"));
    }
    let mut equal: HashMap<String, String> = HashMap::new();
    for part in parts {
        if let Node::Check(Check { left, op: Op::Eq | Op::EqEq, modifier: None, values, .. }) = &part.node
            && let [value] = values.iter().collect::<Vec<_>>()[..]
            && is_single(&left.to_string())
        {
            let value = value.text().into_owned();
            let known = equal.entry(left.to_string()).or_insert_with(|| value.clone());
            if *known != value {
                return Some(format!("asks for {left} to be both '{known}' and '{value}'"));
            }
        }
    }
    None
}

/// Whether a field has one value only: not any ancestor, not either end of a connection.
fn is_single(name: &str) -> bool {
    !["fd.ip", "fd.net", "fd.port"].contains(&name)
        && (name.contains('[') || !name.starts_with("proc.a") || name.starts_with("proc.args"))
}

/// Fields that whoever starts a process chooses.
const CALLERS: &[&str] = &[
    "proc.name",
    "proc.exe",
    "proc.exeline",
    "proc.cmdline",
    "proc.args",
    "proc.env",
    "proc.pname",
    "proc.pexe",
    "proc.pcmdline",
    "proc.aname",
    "proc.aexe",
    "proc.acmdline",
    "proc.cwd",
];

fn trusts_caller(rule: &Rule, _: &[&Rule]) -> Option<String> {
    let mut found = BTreeSet::new();
    exemptions(&rule.condition, &mut found);
    let fields: Vec<String> = found.into_iter().collect();
    (!fields.is_empty()).then(|| {
        format!(
            "is silent by {} alone, which the caller chooses: ask for proc.exepath too",
            fields.join(", ")
        )
    })
}

fn exemptions(expr: &Expr, found: &mut BTreeSet<String>) {
    match &expr.node {
        Node::And(parts) => parts.iter().for_each(|part| exemptions(part, found)),
        Node::Not(part) => match &part.node {
            Node::Check(check) => note(check, found),
            Node::Or(parts) => {
                for part in parts {
                    if let Node::Check(check) = &part.node {
                        note(check, found);
                    }
                }
            }
            _ => {}
        },
        Node::Check(check) if check.op == Op::Ne => note(check, found),
        _ => {}
    }
}

fn note(check: &Check, found: &mut BTreeSet<String>) {
    if let Some(name) = check.left.field_name().filter(|name| CALLERS.contains(name)) {
        found.insert(name.to_owned());
    }
}
