//! A loaded set of rules, immutable and shared.

use crate::{Alert, Event, EventType, Priority};

/// The text of a rule file and the name to show for it.
#[derive(Clone, Copy, Debug)]
pub struct RuleFile<'a> {
    /// Its name or path.
    pub name: &'a str,
    /// Its YAML text.
    pub text: &'a str,
}

/// How to load.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Leave out rules that are less urgent than this.
    pub priority: Priority,
}

/// Rules, ready to evaluate.
#[derive(Debug, Default)]
pub struct Ruleset {}

/// Memory that evaluation uses again and again: one for each thread that evaluates.
#[derive(Debug, Default)]
pub struct Scratch {}

impl Ruleset {
    /// Evaluates one event and adds the alerts that it raises.
    pub fn evaluate(&self, _event: &Event<'_>, _scratch: &mut Scratch, _alerts: &mut Vec<Alert>) {}

    /// The kinds of event that some rule can match.
    pub fn event_types(&self) -> Vec<EventType> {
        Vec::new()
    }
}
