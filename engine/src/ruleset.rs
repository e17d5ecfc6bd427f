//! A loaded set of rules, immutable and shared.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::condition::ast::{Expr, Op, Span};
use crate::events::EVENTS;
use crate::events::EventSet;
use crate::fields::{self, Scope};
use crate::graph::{Bucket, BuildError, Builder, Fields, Folder, Graph, NodeId, Scratch, Truth};
use crate::load;
use crate::output::Template;
use crate::problem::Problem;
use crate::{Alert, ContainerState, Event, EventType, Need, Priority, RuleMatching, Settings};

/// The text of a rule file and the name to show for it.
#[derive(Clone, Copy, Debug)]
pub struct RuleFile<'a> {
    /// Its name or path.
    pub name: &'a str,
    /// Its YAML text.
    pub text: &'a str,
}

/// What came of evaluating an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its alerts, if there are any.
    Final,
    /// A condition or an output needs what is still being looked up: evaluate it again.
    Pending,
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
    /// Its condition, macros and lists put in.
    pub condition: Expr,
    /// The macros that its condition names.
    pub macros: Vec<String>,
    /// Its output, with what the configuration adds.
    pub output: String,
    /// How many milliseconds to capture; `None` to capture nothing, 0 for the configured time.
    pub capture: Option<u32>,
    /// Whether it is enabled and urgent enough.
    pub is_evaluated: bool,
    pub(crate) types: EventSet,
    pub(crate) node: NodeId,
    pub(crate) template: Template,
    pub(crate) extra_fields: Vec<(Arc<str>, Template)>,
}

/// Rules, ready to evaluate.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    graph: Graph,
    pub(crate) matching: RuleMatching,
    /// For each source and each type of event the rules that can be true for it.
    buckets: Vec<(Arc<str>, Vec<Bucket>)>,
    statics: BTreeMap<String, String>,
}

impl Ruleset {
    /// Loads rule files in order: later ones may add to earlier ones or replace what they say.
    pub fn load(files: &[RuleFile<'_>], settings: &Settings) -> Report {
        load::load(files, settings)
    }

    /// Evaluates one event. The first rule that is true raises an alert, or each that is: see
    /// [`RuleMatching`]. Alerts are added to `alerts`; none while the outcome is pending.
    pub fn evaluate(&self, event: &Event<'_>, scratch: &mut Scratch, alerts: &mut Vec<Alert>) -> Outcome {
        if let ContainerState::Pending(asked) = event.container {
            return self.try_evaluate(event, asked, scratch, alerts);
        }
        self.matches(event, scratch, &mut |rule| alerts.push(rule.alert(event)));
        Outcome::Final
    }

    /// The same while the container is being looked up: everything that comes out all the same is final.
    fn try_evaluate(
        &self,
        event: &Event<'_>,
        asked: &Cell<bool>,
        scratch: &mut Scratch,
        alerts: &mut Vec<Alert>,
    ) -> Outcome {
        let Some(bucket) = self.bucket(event) else { return Outcome::Final };
        self.graph.begin(scratch);
        bucket.find(&self.graph, event, scratch);
        let found = std::mem::take(&mut scratch.found);
        let (before, mut outcome) = (alerts.len(), Outcome::Final);
        for at in &found {
            let (rule, node) = bucket.rule(*at);
            match self.graph.truth(node, event, asked, scratch) {
                Truth::False => continue,
                Truth::True => alerts.push(self.rules[rule as usize].alert(event)),
                Truth::Pending => asked.set(true),
            }
            if asked.replace(false) {
                alerts.truncate(before);
                outcome = Outcome::Pending;
                break;
            }
            if self.matching == RuleMatching::First {
                break;
            }
        }
        scratch.found = found;
        outcome
    }

    /// Hands over the rules that an event raises an alert for. What is still being looked up is missing.
    pub fn matches<'a>(&'a self, event: &Event<'_>, scratch: &mut Scratch, see: &mut dyn FnMut(&'a Rule)) {
        let Some(bucket) = self.bucket(event) else { return };
        self.graph.begin(scratch);
        bucket.find(&self.graph, event, scratch);
        let found = std::mem::take(&mut scratch.found);
        for at in &found {
            let (rule, node) = bucket.rule(*at);
            if self.graph.is_true(node, event, scratch) {
                see(&self.rules[rule as usize]);
                if self.matching == RuleMatching::First {
                    break;
                }
            }
        }
        scratch.found = found;
    }

    fn bucket(&self, event: &Event<'_>) -> Option<&Bucket> {
        let (_, buckets) = self.buckets.iter().find(|(source, _)| **source == *event.source)?;
        buckets.get(event.kind.index()).filter(|bucket| !bucket.is_empty())
    }

    /// What a source has to give: it need not give other kinds, nor events without any of the values that
    /// are needed.
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for kind in EventType::all() {
            let buckets = self.buckets.iter().map(|(_, buckets)| &buckets[kind.index()]);
            let buckets: Vec<&Bucket> = buckets.filter(|bucket| !bucket.is_empty()).collect();
            if !buckets.is_empty() {
                let fields: Option<Vec<Vec<_>>> =
                    buckets.iter().map(|bucket| bucket.needs(&self.graph)).collect();
                needs.push(Need { kind, fields: fields.map(|fields| fields.concat()) });
            }
        }
        needs
    }

    /// Every rule, in the order of definition, those too that are not evaluated.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The names of hosts with which conditions compare the names of addresses: whoever gives
    /// [`Event::hosts`] has to find out what addresses they have.
    pub fn host_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for rule in self.rules.iter().filter(|rule| rule.is_evaluated) {
            rule.condition.checks(&mut |check| {
                if check.left.field_name().is_some_and(fields::is_host_name) && compares_whole(check.op) {
                    names.extend(check.values.iter().map(|value| value.text().into_owned()));
                }
            });
        }
        names
    }

    /// How many different sub-expressions all conditions have together.
    pub fn expressions(&self) -> usize {
        self.graph.len()
    }

    pub(crate) fn scope<'a>(&'a self, rule: &'a Rule) -> Scope<'a> {
        Scope { source: Some(&rule.source), statics: &self.statics }
    }
}

impl Rule {
    /// The alert that it raises for an event.
    pub fn alert(&self, event: &Event<'_>) -> Alert {
        let (message, mut output_fields) = self.template.message(event);
        for (key, template) in &self.extra_fields {
            output_fields.push((Arc::clone(key), template.message(event).0));
        }
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

    /// Whether every kind of event can match.
    pub fn fits_every_type(&self) -> bool {
        self.types.len() == EVENTS.len()
    }

    /// The fields that its condition names, sorted.
    pub fn condition_fields(&self) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        self.condition.checks(&mut |check| {
            check.fields(&mut |field| {
                fields.insert(field.to_string());
            });
        });
        fields
    }

    /// The fields that its output names, sorted.
    pub fn output_fields(&self) -> BTreeSet<String> {
        self.template.fields().map(str::to_owned).collect()
    }
}

/// Whether an operator compares with whole values.
fn compares_whole(op: Op) -> bool {
    matches!(op, Op::Eq | Op::EqEq | Op::Ne | Op::In | Op::Intersects)
}

/// A ruleset that grows.
#[derive(Default)]
pub(crate) struct RulesetBuilder {
    rules: Vec<Rule>,
    graph: Builder,
}

impl RulesetBuilder {
    /// The node of a condition, which has no macros left. What is odd about it goes to `warn`.
    pub(crate) fn node(
        &mut self,
        condition: &Expr,
        scope: Scope<'_>,
        warn: &mut impl FnMut(String, &Span),
    ) -> Result<NodeId, BuildError> {
        self.graph.add(condition, scope, warn)
    }

    /// Adds a rule behind all others.
    pub(crate) fn push(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(crate) fn finish(mut self, settings: &Settings) -> Ruleset {
        let mut sources: Vec<Arc<str>> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.is_evaluated) {
            if !sources.contains(&rule.source) {
                sources.push(Arc::clone(&rule.source));
            }
        }
        let buckets = sources
            .into_iter()
            .map(|source| {
                let buckets = self.buckets(&source);
                (source, buckets)
            })
            .collect();
        let statics = settings.static_fields.clone();
        Ruleset {
            rules: self.rules,
            graph: self.graph.finish(),
            matching: settings.rule_matching,
            buckets,
            statics,
        }
    }

    /// The rules of a source by type of event. What is no system call is of one type only.
    fn buckets(&mut self, source: &Arc<str>) -> Vec<Bucket> {
        let mut folder = Folder::default();
        let mut fields = Fields::default();
        let mut buckets = Vec::new();
        for kind in EventType::all() {
            let mut bucket = Bucket::default();
            folder.begin();
            let is_syscall = &**source == fields::SYSCALL;
            for (index, rule) in
                self.rules.iter().enumerate().filter(|(_, rule)| rule.is_evaluated && rule.source == *source)
            {
                let fits =
                    if is_syscall { rule.types.contains(kind) } else { kind == EventType::PLUGINEVENT };
                if fits && let Some(root) = folder.root(&mut self.graph, rule.node, kind) {
                    bucket.push(
                        u32::try_from(index).expect("rule files are bounded far below 2^32 rules"),
                        root,
                    );
                }
            }
            bucket.finish(self.graph.graph(), &mut fields);
            buckets.push(bucket);
        }
        buckets
    }
}
