//! Rules as trees: what the graph answers must be what these answer.

use crate::graph::Tree;
use crate::{Event, Rule, RuleMatching, Ruleset};

impl Ruleset {
    /// The same rules as trees: slower, and simple enough to be compared with.
    pub fn interpreter(&self) -> Interpreter<'_> {
        let tree = |rule: &'_ Rule| Tree::new(&rule.condition, self.scope(rule)).ok();
        let rules = self
            .rules()
            .iter()
            .filter(|rule| rule.is_evaluated)
            .filter_map(|rule| Some((rule, tree(rule)?)))
            .collect();
        Interpreter { rules, matching: self.matching }
    }
}

/// Evaluates rules one after another, each as it is written.
#[derive(Debug)]
pub struct Interpreter<'a> {
    rules: Vec<(&'a Rule, Tree)>,
    matching: RuleMatching,
}

impl<'a> Interpreter<'a> {
    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The name of a rule, by its place.
    pub fn name(&self, at: usize) -> &'a str {
        &self.rules[at].0.name
    }

    /// Whether a rule, by its place, is true for an event.
    pub fn is_true(&self, at: usize, event: &Event<'_>) -> bool {
        self.rules[at].1.is_true(event)
    }

    /// Hands over the rules that an event raises an alert for.
    pub fn matches(&self, event: &Event<'_>, see: &mut dyn FnMut(&'a Rule)) {
        for (rule, tree) in &self.rules {
            if *rule.source == *event.source && tree.is_true(event) {
                see(rule);
                if self.matching == RuleMatching::First {
                    return;
                }
            }
        }
    }
}
