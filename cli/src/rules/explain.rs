//! `cadge rules explain`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use cadge_engine::condition::ast::{Expr, Node};
use cadge_engine::{EventType, Rule, Ruleset, Settings};
use serde_json::{Value, json};

use super::load;
use crate::args::Explain;

pub(super) fn run(args: &Explain) -> Result<()> {
    let ruleset = load(&args.files, &Settings::default())?;
    let rules: Vec<&Rule> = match &args.rule {
        Some(name) => {
            let fits = |rule: &&Rule| cadge_engine::wildcard(name, &rule.name);
            let rules: Vec<&Rule> = ruleset.rules().iter().filter(fits).collect();
            if rules.is_empty() {
                bail!("there is no rule '{name}': `cadge rules list` names them");
            }
            rules
        }
        None => ruleset.rules().iter().collect(),
    };
    let users = users(&ruleset);
    if args.json {
        let all: Vec<Value> = rules.iter().map(|rule| describe(rule, &users)).collect();
        say!("{}", serde_json::to_string_pretty(&json!({"rules": all}))?);
    } else {
        for rule in rules {
            print(rule, &users)?;
        }
    }
    Ok(())
}

/// The rules that have each sub-expression.
type Users = BTreeMap<String, BTreeSet<String>>;

fn users(ruleset: &Ruleset) -> Users {
    let mut users = Users::new();
    for rule in ruleset.rules() {
        parts(&rule.condition, &mut |text| {
            users.entry(text).or_default().insert(rule.name.to_string());
        });
    }
    users
}

/// Each sub-expression that is made of others.
fn parts(expr: &Expr, see: &mut impl FnMut(String)) {
    match &expr.node {
        Node::And(all) | Node::Or(all) => {
            see(expr.to_string());
            for part in all {
                parts(part, see);
            }
        }
        Node::Not(part) => parts(part, see),
        Node::Check(_) | Node::Macro(_) => {}
    }
}

fn shared(rule: &Rule, users: &Users) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    parts(&rule.condition, &mut |text| {
        let mut others = users.get(&text).cloned().unwrap_or_default();
        others.remove(&*rule.name);
        if !others.is_empty() {
            found.insert(text, others);
        }
    });
    found
}

fn types(rule: &Rule) -> Value {
    if rule.fits_every_type() {
        return json!("all");
    }
    rule.event_types().map(EventType::name).collect::<Vec<_>>().into()
}

fn describe(rule: &Rule, users: &Users) -> Value {
    json!({
        "name": *rule.name,
        "description": rule.desc,
        "priority": rule.priority.name(),
        "source": *rule.source,
        "enabled": rule.enabled,
        "tags": rule.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(),
        "condition_compiled": rule.condition.to_string(),
        "output": rule.output,
        "event_types": types(rule),
        "condition_fields": rule.condition_fields(),
        "output_fields": rule.output_fields(),
        "macros": rule.macros,
        "shared": shared(rule, users),
    })
}

fn print(rule: &Rule, users: &Users) -> Result<()> {
    say!("{} ({}{})", rule.name, rule.priority, if rule.enabled { "" } else { ", disabled" });
    say!("  {}", rule.desc.trim().replace('\n', "\n  "));
    say!("condition:");
    pretty(&rule.condition, 1)?;
    let kinds: Vec<&str> = rule.event_types().map(EventType::name).collect();
    let kinds = if rule.fits_every_type() { "all".to_owned() } else { kinds.join(", ") };
    say!("event types: {kinds}");
    say!("condition fields: {}", joined(&rule.condition_fields()));
    say!("output fields: {}", joined(&rule.output_fields()));
    say!("macros: {}", rule.macros.join(", "));
    say!("shared with other rules:");
    for (text, others) in shared(rule, users) {
        let short: String = text.chars().take(100).collect();
        say!("  {short}{}: {} rules", if short.len() < text.len() { "…" } else { "" }, others.len());
    }
    say!();
    Ok(())
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// One comparison a line, indented by its depth.
fn pretty(expr: &Expr, depth: usize) -> Result<()> {
    let indent = "  ".repeat(depth);
    match &expr.node {
        Node::And(parts) | Node::Or(parts) => {
            say!("{indent}{}", if matches!(expr.node, Node::And(_)) { "all of" } else { "any of" });
            for part in parts {
                pretty(part, depth + 1)?;
            }
        }
        Node::Not(part) => {
            say!("{indent}not");
            pretty(part, depth + 1)?;
        }
        Node::Check(_) | Node::Macro(_) => say!("{indent}{expr}"),
    }
    Ok(())
}
