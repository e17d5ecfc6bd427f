//! Which rules are evaluated: those that are enabled, unless the configuration says otherwise.

use super::rule::RuleItem;
use crate::{Selection, Selector};

/// Whether a rule is on, after all selections in their order.
pub(super) fn is_on(rule: &RuleItem, selections: &[Selection]) -> bool {
    selections.iter().fold(rule.enabled, |on, selection| {
        let fits = match &selection.by {
            Selector::Rule(pattern) => wildcard(pattern, &rule.name),
            Selector::Tag(tag) => rule.tags.contains(tag),
        };
        if fits { selection.enable } else { on }
    })
}

/// Whether a pattern, in which `*` stands for any text, fits a name as a whole. As in Falco each part is
/// taken where it first occurs: `a*b` does not fit `abcb`.
pub fn wildcard(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut is_open = false;
    for part in parts {
        is_open = part.is_empty();
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || is_open
}
