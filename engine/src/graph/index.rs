//! Finds the rules that an event can match by the fixed values that their conditions ask for.
//!
//! Most rules ask that some field is one of a few values, or begins or ends with one. Of such a rule the
//! index looks only at that: however many rules ask for other values, they cost nothing.

use std::collections::{BTreeMap, HashMap};

use super::matcher::{Matcher, NumberMatcher};
use super::test::Right;
use super::text::TextMatcher;
use super::{Graph, Node, NodeId, Scratch, Test};
use crate::Event;
use crate::fields::Value;

/// So many rules have to ask for the same field before it is worth an index.
const RULES_MIN: usize = 16;
/// A rule that asks for more values than this is looked at always.
const VALUES_MAX: usize = 256;

/// The rules of one kind of event, in the order of their definition.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    rules: Vec<(u32, NodeId)>,
    /// Those that are looked at always.
    always: Vec<u32>,
    indexes: Vec<FieldIndex>,
}

/// The rules that ask for a field, by what they ask for.
#[derive(Debug)]
struct FieldIndex {
    /// A node that has the field.
    sample: NodeId,
    texts: HashMap<Box<[u8]>, Vec<u32>>,
    numbers: HashMap<i128, Vec<u32>>,
    starts: ByLength,
    ends: ByLength,
}

/// Texts by their length.
type ByLength = BTreeMap<usize, HashMap<Box<[u8]>, Vec<u32>>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Wanted {
    Text(Box<[u8]>),
    Number(i128),
    Start(Box<[u8]>),
    End(Box<[u8]>),
}

/// A field, by any node that has it, and the values that it must have for a condition to be true.
struct Demand {
    field: NodeId,
    values: Vec<Wanted>,
}

impl Bucket {
    /// Adds a rule behind all others.
    pub(crate) fn push(&mut self, rule: u32, root: NodeId) {
        self.rules.push((rule, root));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rule at a place of the bucket and its condition.
    pub(crate) fn rule(&self, at: u32) -> (u32, NodeId) {
        self.rules[at as usize]
    }

    /// Builds the index, once all rules are there.
    pub(crate) fn finish(&mut self, graph: &Graph, fields: &mut Fields) {
        let places = || 0_u32..;
        let demands: Vec<Vec<Demand>> =
            self.rules.iter().map(|(_, root)| demands(graph, *root, fields)).collect();
        let mut popular: HashMap<NodeId, usize> = HashMap::new();
        for demand in demands.iter().flatten() {
            *popular.entry(demand.field).or_default() += 1;
        }
        popular.retain(|_, count| *count >= RULES_MIN);
        let mut indexes: BTreeMap<NodeId, FieldIndex> = BTreeMap::new();
        for (at, demands) in places().zip(demands) {
            let best = demands
                .into_iter()
                .filter(|demand| popular.contains_key(&demand.field))
                .min_by_key(|demand| demand.values.len());
            match best {
                None => self.always.push(at),
                Some(demand) => {
                    let index = indexes.entry(demand.field).or_insert_with(|| FieldIndex::new(demand.field));
                    for value in demand.values {
                        index.add(value, at);
                    }
                }
            }
        }
        self.indexes = indexes.into_values().collect();
    }

    /// Puts the places of the rules that the event may match into `scratch.found`, in order.
    pub(crate) fn find(&self, graph: &Graph, event: &Event<'_>, scratch: &mut Scratch) {
        let mut found = std::mem::take(&mut scratch.found);
        found.clear();
        found.extend_from_slice(&self.always);
        if !self.indexes.is_empty() {
            for index in &self.indexes {
                if let Node::Test(test) = graph.node(index.sample) {
                    test.left.with(event, &mut scratch.buffer, |value| index.find(value, &mut found));
                }
            }
            found.sort_unstable();
            found.dedup();
        }
        scratch.found = found;
    }
}

impl FieldIndex {
    fn new(sample: NodeId) -> Self {
        Self {
            sample,
            texts: HashMap::new(),
            numbers: HashMap::new(),
            starts: ByLength::new(),
            ends: ByLength::new(),
        }
    }

    fn add(&mut self, value: Wanted, at: u32) {
        let list = match value {
            Wanted::Text(text) => self.texts.entry(text).or_default(),
            Wanted::Number(number) => self.numbers.entry(number).or_default(),
            Wanted::Start(text) => self.starts.entry(text.len()).or_default().entry(text).or_default(),
            Wanted::End(text) => self.ends.entry(text.len()).or_default().entry(text).or_default(),
        };
        list.push(at);
    }

    fn find(&self, value: Value<'_>, found: &mut Vec<u32>) {
        match value {
            Value::Text(text) => {
                found.extend(self.texts.get(text).into_iter().flatten());
                for (length, starts) in self.starts.range(..=text.len()) {
                    found.extend(starts.get(&text[..*length]).into_iter().flatten());
                }
                for (length, ends) in self.ends.range(..=text.len()) {
                    found.extend(ends.get(&text[text.len() - length..]).into_iter().flatten());
                }
            }
            Value::Number(number) => found.extend(self.numbers.get(&number).into_iter().flatten()),
            Value::Bool(_) | Value::Ip(_) => {}
        }
    }
}

/// One node for each field with its argument.
#[derive(Default)]
pub(crate) struct Fields {
    known: HashMap<String, NodeId>,
}

impl Fields {
    fn of(&mut self, id: NodeId, test: &Test) -> Option<NodeId> {
        let name = test.left.single_field()?;
        Some(*self.known.entry(name).or_insert(id))
    }
}

/// What a condition asks of single fields. Each demand holds whenever the condition is true.
fn demands(graph: &Graph, id: NodeId, fields: &mut Fields) -> Vec<Demand> {
    match graph.node(id) {
        Node::And(parts) => parts.iter().flat_map(|part| demands(graph, *part, fields)).collect(),
        Node::Or(parts) => either(parts.iter().map(|part| demands(graph, *part, fields))),
        Node::Test(test) => {
            let Some(values) = wanted(test) else { return Vec::new() };
            fields.of(id, test).map(|field| Demand { field, values }).into_iter().collect()
        }
        Node::Not(_) | Node::Constant(_) => Vec::new(),
    }
}

/// What all alternatives ask of the same field: one of them has to be met.
fn either(alternatives: impl Iterator<Item = Vec<Demand>>) -> Vec<Demand> {
    let mut common: Option<HashMap<NodeId, Vec<Wanted>>> = None;
    for demands in alternatives {
        let mut mine: HashMap<NodeId, Vec<Wanted>> = HashMap::new();
        for demand in demands {
            let values = mine.entry(demand.field).or_default();
            if values.is_empty() || demand.values.len() < values.len() {
                *values = demand.values;
            }
        }
        common = Some(match common {
            None => mine,
            Some(mut common) => {
                common.retain(|field, values| match mine.remove(field) {
                    Some(more) if values.len() + more.len() <= VALUES_MAX => {
                        values.extend(more);
                        true
                    }
                    _ => false,
                });
                common
            }
        });
    }
    common.into_iter().flatten().map(|(field, values)| Demand { field, values }).collect()
}

/// The values that a comparison asks for, if they are few and fixed.
fn wanted(test: &Test) -> Option<Vec<Wanted>> {
    let Right::Matcher { matcher, .. } = &test.right else { return None };
    let values: Vec<Wanted> = match matcher {
        Matcher::Text(TextMatcher::Equal(value)) => vec![Wanted::Text(value.clone())],
        Matcher::Text(TextMatcher::StartsWith(start)) => vec![Wanted::Start(start.clone())],
        Matcher::Text(TextMatcher::EndsWith(end)) => vec![Wanted::End(end.clone())],
        Matcher::Text(TextMatcher::In(texts)) => {
            texts.iter().map(|value| Wanted::Text(value.into())).collect()
        }
        Matcher::Number(NumberMatcher::In(numbers)) => numbers.iter().map(|n| Wanted::Number(*n)).collect(),
        _ => return None,
    };
    (values.len() <= VALUES_MAX).then_some(values)
}
