//! A loaded set of rules, immutable and shared.

use std::sync::Arc;

use crate::condition::ast::Expr;
use crate::events::EVENTS;
use crate::events::EventSet;
use crate::graph::{BuildError, Builder, Graph, NodeId, Scratch};
use crate::load;
use crate::output::Template;
use crate::problem::Problem;
use crate::types;
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
    /// Leave out rules that are less urgent than this. Default: leave out none.
    pub priority: Priority,
}

impl Default for Settings {
    fn default() -> Self {
        Self { priority: Priority::Debug }
    }
}

/// What came of loading.
#[derive(Debug)]
pub struct Report {
    /// The rules; `None` if there are errors.
    pub ruleset: Option<Ruleset>,
    /// What is wrong. Each file's first error; loading ends with the first file that has one.
    pub errors: Vec<Problem>,
    /// What is odd.
    pub warnings: Vec<Problem>,
}

/// A rule as it was loaded.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for.
    pub desc: String,
    /// How urgent its alerts are.
    pub priority: Priority,
    /// Its tags, sorted.
    pub tags: Arc<[Arc<str>]>,
    /// The source whose events it is for.
    pub source: Arc<str>,
    /// Whether it is evaluated at all.
    pub enabled: bool,
    /// Its condition in canonical form, macros and lists put in.
    pub condition: String,
    types: EventSet,
    node: NodeId,
    output: Template,
}

/// Rules, ready to evaluate.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    graph: Graph,
    /// For each type of event the rules that can be true for it, in the order of their definition.
    by_type: Vec<Vec<u32>>,
}

impl Ruleset {
    /// Loads rule files in order: later ones may add to earlier ones or replace what they say.
    pub fn load(files: &[RuleFile<'_>], settings: &Settings) -> Report {
        load::load(files, settings)
    }

    /// Evaluates one event. The first rule that is true raises an alert, which is added to `alerts`.
    pub fn evaluate(&self, event: &Event<'_>, scratch: &mut Scratch, alerts: &mut Vec<Alert>) {
        let candidates = &self.by_type[event.kind.index()];
        if candidates.is_empty() {
            return;
        }
        self.graph.begin(scratch);
        for index in candidates {
            let rule = &self.rules[*index as usize];
            if self.graph.is_true(rule.node, event, scratch) {
                alerts.push(rule.alert(event));
                return;
            }
        }
    }

    /// The kinds of event that some rule can match.
    pub fn event_types(&self) -> Vec<EventType> {
        EventType::all().filter(|kind| !self.by_type[kind.index()].is_empty()).collect()
    }

    /// Every rule, in the order of definition, those too that are not evaluated.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How many different sub-expressions all conditions have together.
    pub fn expressions(&self) -> usize {
        self.graph.len()
    }
}

impl Rule {
    fn alert(&self, event: &Event<'_>) -> Alert {
        let (message, output_fields) = self.output.format(event);
        Alert {
            time_ns: event.time_ns,
            priority: self.priority,
            rule: Arc::clone(&self.name),
            message,
            output_fields,
            tags: Arc::clone(&self.tags),
            source: Arc::clone(&self.source),
        }
    }

    /// The kinds of event that it can match.
    pub fn event_types(&self) -> impl Iterator<Item = EventType> {
        self.types.iter()
    }
}

/// What a rule is made of, once its text is understood.
pub(crate) struct RuleParts {
    pub(crate) name: Arc<str>,
    pub(crate) desc: String,
    pub(crate) priority: Priority,
    pub(crate) tags: Arc<[Arc<str>]>,
    pub(crate) source: Arc<str>,
    pub(crate) enabled: bool,
    pub(crate) output: Template,
}

/// A ruleset that grows.
#[derive(Default)]
pub(crate) struct RulesetBuilder {
    rules: Vec<Rule>,
    graph: Builder,
}

impl RulesetBuilder {
    /// Adds a rule with its condition, which has no macros left. Answers how many types it fits.
    pub(crate) fn add(&mut self, parts: RuleParts, condition: &Expr) -> Result<usize, BuildError> {
        let node = self.graph.add(condition)?;
        let types = types::infer(condition);
        let fits = types.len();
        let RuleParts { name, desc, priority, tags, source, enabled, output } = parts;
        let condition = condition.to_string();
        self.rules.push(Rule { name, desc, priority, tags, source, enabled, condition, types, node, output });
        Ok(fits)
    }

    pub(crate) fn finish(self, settings: &Settings) -> Ruleset {
        let mut by_type = vec![Vec::new(); EVENTS.len()];
        for (index, rule) in self.rules.iter().enumerate() {
            if !rule.enabled || rule.priority > settings.priority {
                continue;
            }
            let index = u32::try_from(index).expect("rule files are bounded far below 2^32 rules");
            for kind in rule.types.iter() {
                by_type[kind.index()].push(index);
            }
        }
        Ruleset { rules: self.rules, graph: self.graph.finish(), by_type }
    }
}
