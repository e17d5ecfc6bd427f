//! A loaded set of rules, immutable and shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::condition::ast::{Expr, Span};
use crate::events::EVENTS;
use crate::events::EventSet;
use crate::fields::{self, Scope};
use crate::graph::{Bucket, BuildError, Builder, Fields, Folder, Graph, NodeId, Scratch, Tree};
use crate::load;
use crate::output::Template;
use crate::problem::Problem;
use crate::{Alert, Event, EventType, Need, Priority};

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
    /// The sources whose rules are taken. Default: `syscall` and `k8s_audit`.
    pub sources: Vec<String>,
    /// The plugins that the engine answers for. Default: `container`, `k8saudit` and `json`.
    pub plugins: Vec<Plugin>,
    /// Rules to switch on or off, in this order.
    pub rules: Vec<Selection>,
    /// How many rules may match an event.
    pub rule_matching: RuleMatching,
    /// What is added to outputs.
    pub append_output: Vec<AppendOutput>,
    /// Go on after the first rule that has an error, to find those of others. Falco does not. Default: no.
    pub every_error: bool,
    /// The values of `static.*`.
    pub static_fields: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        let plugin = |name: &str| Plugin { name: name.to_owned(), version: PLUGIN_VERSION };
        Self {
            priority: Priority::Debug,
            sources: vec![fields::SYSCALL.to_owned(), fields::K8S_AUDIT.to_owned()],
            plugins: vec![plugin("container"), plugin("k8saudit"), plugin("json")],
            rules: Vec::new(),
            rule_matching: RuleMatching::First,
            append_output: Vec::new(),
            every_error: false,
            static_fields: BTreeMap::new(),
        }
    }
}

/// The version as which the engine answers for plugins: no rule file asks for a newer one.
const PLUGIN_VERSION: (u32, u32, u32) = (0, 99, 0);

/// A plugin that rule files may require.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
}

/// Rules to switch on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// On, or off.
    pub enable: bool,
    /// Which.
    pub by: Selector,
}

/// Which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those whose name fits; `*` stands for any text.
    Rule(String),
    /// Those that have the tag.
    Tag(String),
}

/// How many rules may match an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleMatching {
    /// The first that does raises the only alert.
    #[default]
    First,
    /// Each that does raises an alert.
    All,
}

/// What is added to the outputs of some rules. Every entry that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendOutput {
    /// Only of rules of this source; empty for all.
    pub source: String,
    /// Only of rules with all of these tags.
    pub tags: Vec<String>,
    /// Only of the rule of this name; empty for all.
    pub rule: String,
    /// Text with fields.
    pub extra_output: String,
    /// Further entries of `output_fields`: a key and a template.
    pub extra_fields: Vec<(String, String)>,
    /// Whether to add the fields that every output should have.
    pub suggested_output: bool,
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
    types: EventSet,
    node: NodeId,
    template: Template,
    extra_fields: Vec<(Arc<str>, Template)>,
}

/// Rules, ready to evaluate.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    graph: Graph,
    matching: RuleMatching,
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
    /// [`RuleMatching`]. Alerts are added to `alerts`.
    pub fn evaluate(&self, event: &Event<'_>, scratch: &mut Scratch, alerts: &mut Vec<Alert>) {
        self.matches(event, scratch, &mut |rule| alerts.push(rule.alert(event)));
    }

    /// Hands over the rules that an event raises an alert for.
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

    /// How many rules look at each kind of event of the source `syscall`, where any does.
    pub fn rules_by_type(&self) -> Vec<(EventType, usize)> {
        let syscall = self.buckets.iter().find(|(source, _)| &**source == fields::SYSCALL);
        let buckets = syscall.map_or(&[][..], |(_, buckets)| buckets);
        EventType::all()
            .zip(buckets)
            .map(|(kind, bucket)| (kind, bucket.len()))
            .filter(|(_, len)| *len > 0)
            .collect()
    }

    /// Every rule, in the order of definition, those too that are not evaluated.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How many different sub-expressions all conditions have together.
    pub fn expressions(&self) -> usize {
        self.graph.len()
    }

    pub(crate) fn scope<'a>(&'a self, rule: &'a Rule) -> Scope<'a> {
        Scope { source: Some(&rule.source), statics: &self.statics }
    }

    /// The same rules as trees: slower, and simple enough to be compared with.
    pub fn interpreter(&self) -> Interpreter<'_> {
        let tree = |rule: &'_ Rule| Tree::new(&rule.condition, self.scope(rule)).ok();
        let evaluated =
            |rule: &&Rule| self.buckets.iter().any(|(source, _)| *source == rule.source) && rule.is_evaluated;
        let rules =
            self.rules.iter().filter(evaluated).filter_map(|rule| Some((rule, tree(rule)?))).collect();
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

/// What a rule is made of, once its text is understood.
pub(crate) struct RuleParts {
    pub(crate) name: Arc<str>,
    pub(crate) desc: String,
    pub(crate) priority: Priority,
    pub(crate) tags: Arc<[Arc<str>]>,
    pub(crate) source: Arc<str>,
    pub(crate) enabled: bool,
    pub(crate) macros: Vec<String>,
    pub(crate) output: String,
    pub(crate) template: Template,
    pub(crate) capture: Option<u32>,
    pub(crate) extra_fields: Vec<(Arc<str>, Template)>,
    pub(crate) types: EventSet,
}

/// A ruleset that grows.
#[derive(Default)]
pub(crate) struct RulesetBuilder {
    rules: Vec<Rule>,
    graph: Builder,
}

impl RulesetBuilder {
    /// Adds a rule with its condition, which has no macros left.
    pub(crate) fn add(
        &mut self,
        parts: RuleParts,
        condition: Expr,
        scope: Scope<'_>,
        warn: &mut impl FnMut(String, &Span),
    ) -> Result<(), BuildError> {
        let node = self.graph.add(&condition, scope, warn)?;
        let RuleParts {
            name,
            desc,
            priority,
            tags,
            source,
            enabled,
            macros,
            output,
            template,
            capture,
            extra_fields,
            types,
        } = parts;
        let is_evaluated = false;
        self.rules.push(Rule {
            name,
            desc,
            priority,
            tags,
            source,
            enabled,
            condition,
            macros,
            output,
            capture,
            is_evaluated,
            types,
            node,
            template,
            extra_fields,
        });
        Ok(())
    }

    pub(crate) fn finish(mut self, settings: &Settings) -> Ruleset {
        for rule in &mut self.rules {
            rule.is_evaluated = rule.enabled && rule.priority <= settings.priority;
        }
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
