//! Finds the rules that an event can match by the fixed values that their conditions ask for.
//!
//! Most rules ask that some field is one of a few values, or begins or ends with one. Of such a rule the
//! index looks only at that: however many rules ask for other values, they cost nothing.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::demand::{Demand, Wanted, demand};
use super::{Graph, Node, NodeId, Scratch, Test};
use crate::fields::Value;
use crate::{ContainerState, Event, NeedField};

/// Rules by their places in a bucket.
type Places = Box<[u32]>;

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
    exact: Vec<(Box<[u8]>, Places)>,
    /// The lengths of those, one bit each; the last bit is for all that are longer.
    lengths: u64,
    numbers: Vec<(i128, Places)>,
    /// What asks for `false`, and for `true`.
    truths: [Places; 2],
    starts: Prefixes,
    /// Of texts that are turned around.
    ends: Prefixes,
}

/// Texts that begin others, sorted. Each knows the longest other one that it begins with.
#[derive(Debug, Default)]
struct Prefixes {
    texts: Vec<Box<[u8]>>,
    parents: Vec<Option<u32>>,
    /// The second bytes of all texts, so that most others are turned away at once; every byte, if some
    /// text has no second one.
    seconds: [u64; 4],
    rules: Vec<Places>,
}

impl Bucket {
    /// Adds a rule behind all others.
    pub(crate) fn push(&mut self, rule: u32, root: NodeId) {
        self.rules.push((rule, root));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The values without which no rule matches; `None` if a rule asks for none.
    pub(crate) fn needs(&self, graph: &Graph) -> Option<Vec<NeedField>> {
        let field = |index: &FieldIndex| {
            let Node::Test(test) = graph.node(index.sample) else { return None };
            Some(index.need(test.left.single_field()?))
        };
        if self.always.is_empty() { self.indexes.iter().map(field).collect() } else { None }
    }

    /// The rule at a place of the bucket and its condition.
    pub(crate) fn rule(&self, at: u32) -> (u32, NodeId) {
        self.rules[at as usize]
    }

    /// Builds the index, once all rules are there.
    pub(crate) fn finish(&mut self, graph: &Graph, fields: &mut Fields) {
        let mut wanted: BTreeMap<NodeId, BTreeMap<Wanted, Vec<u32>>> = BTreeMap::new();
        for (at, (_, root)) in (0_u32..).zip(&self.rules) {
            match demand(graph, *root, fields) {
                None => self.always.push(at),
                Some(Demand { values, .. }) => {
                    for (field, value) in values {
                        let list = wanted.entry(field).or_default().entry(value).or_default();
                        if list.last() != Some(&at) {
                            list.push(at);
                        }
                    }
                }
            }
        }
        self.indexes = wanted.into_iter().map(|(field, values)| FieldIndex::new(field, values)).collect();
    }

    /// Puts the places of the rules that the event may match into `scratch.found`, in order.
    pub(crate) fn find(&self, graph: &Graph, event: &Event<'_>, scratch: &mut Scratch) {
        let mut found = std::mem::take(&mut scratch.found);
        found.clear();
        found.extend_from_slice(&self.always);
        for index in &self.indexes {
            if let Node::Test(test) = graph.node(index.sample) {
                test.left.with(event, &mut scratch.buffer, |value| index.find(value, &mut found));
                // A value that is still being looked up may be any.
                if let ContainerState::Pending(asked) = event.container
                    && asked.replace(false)
                {
                    found.extend(index.places().flatten());
                }
            }
        }
        if found.len() > self.always.len() {
            found.sort_unstable();
            found.dedup();
        }
        scratch.found = found;
    }
}

impl FieldIndex {
    fn new(sample: NodeId, values: BTreeMap<Wanted, Vec<u32>>) -> Self {
        let mut index = Self {
            sample,
            exact: Vec::new(),
            lengths: 0,
            numbers: Vec::new(),
            truths: [Box::default(), Box::default()],
            starts: Prefixes::default(),
            ends: Prefixes::default(),
        };
        for (value, rules) in values {
            let rules = rules.into_boxed_slice();
            match value {
                Wanted::Text(text) => {
                    index.lengths |= 1 << text.len().min(63);
                    index.exact.push((text, rules));
                }
                Wanted::Number(number) => index.numbers.push((number, rules)),
                Wanted::Truth(truth) => index.truths[usize::from(truth)] = rules,
                Wanted::Start(text) => index.starts.push(text, rules),
                Wanted::End(text) => index.ends.push(text, rules),
            }
        }
        index.exact.sort_unstable_by(|a, b| by_length(&a.0, &b.0));
        index
    }

    fn need(&self, name: String) -> NeedField {
        let turned = |text: &[u8]| text.iter().rev().copied().collect();
        NeedField {
            name,
            texts: self.exact.iter().map(|(text, _)| text.clone()).collect(),
            starts: self.starts.texts.clone(),
            ends: self.ends.texts.iter().map(|text| turned(text)).collect(),
            numbers: self.numbers.iter().map(|(number, _)| *number).collect(),
            truths: [false, true]
                .into_iter()
                .filter(|truth| !self.truths[usize::from(*truth)].is_empty())
                .collect(),
        }
    }

    /// All rules that ask for any value.
    fn places(&self) -> impl Iterator<Item = &Places> {
        let exact = self.exact.iter().map(|(_, places)| places);
        let numbers = self.numbers.iter().map(|(_, places)| places);
        exact.chain(numbers).chain(&self.truths).chain(&self.starts.rules).chain(&self.ends.rules)
    }

    fn find(&self, value: Value<'_>, found: &mut Vec<u32>) {
        match value {
            Value::Text(text) => {
                if self.lengths >> text.len().min(63) & 1 == 1
                    && let Ok(at) = self.exact.binary_search_by(|(key, _)| by_length(key, text))
                {
                    found.extend_from_slice(&self.exact[at].1);
                }
                self.starts.find(found, text.get(1), |key| key.cmp(text), |key| text.starts_with(key));
                if !self.ends.texts.is_empty() {
                    let turned = |key: &[u8]| key.iter().cmp(text.iter().rev());
                    let second = text.len().checked_sub(2).and_then(|at| text.get(at));
                    self.ends
                        .find(found, second, turned, |key| key.iter().eq(text.iter().rev().take(key.len())));
                }
            }
            Value::Number(number) => {
                if let Ok(at) = self.numbers.binary_search_by_key(&number, |(key, _)| *key) {
                    found.extend_from_slice(&self.numbers[at].1);
                }
            }
            Value::Bool(truth) => found.extend_from_slice(&self.truths[usize::from(truth)]),
            Value::Ip(_) => {}
        }
    }
}

/// Most texts differ in their length already.
fn by_length(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Prefixes {
    /// Adds a text behind those that are sorted before it.
    fn push(&mut self, text: Box<[u8]>, rules: Places) {
        let mut parent = self.texts.len().checked_sub(1).and_then(|last| u32::try_from(last).ok());
        while let Some(at) = parent
            && !text.starts_with(&self.texts[at as usize])
        {
            parent = self.parents[at as usize];
        }
        match text.get(1) {
            Some(second) => self.seconds[usize::from(second >> 6)] |= 1 << (second & 63),
            None => self.seconds = [u64::MAX; 4],
        }
        self.texts.push(text);
        self.parents.push(parent);
        self.rules.push(rules);
    }

    /// The rules of each text that another begins with. They are all among the last one that is not sorted
    /// behind the other and its parents. `compare` sorts a text against the other.
    fn find(
        &self,
        found: &mut Vec<u32>,
        second: Option<&u8>,
        compare: impl Fn(&[u8]) -> Ordering,
        begins: impl Fn(&[u8]) -> bool,
    ) {
        let second = second.map_or(0, |byte| *byte);
        if self.seconds[usize::from(second >> 6)] >> (second & 63) & 1 == 0 {
            return;
        }
        let behind = self.texts.partition_point(|text| compare(text).is_le());
        let mut next = behind.checked_sub(1);
        while let Some(at) = next {
            if begins(&self.texts[at]) {
                found.extend_from_slice(&self.rules[at]);
            }
            next = self.parents[at].map(|parent| parent as usize);
        }
    }
}

/// One node for each field with its argument.
#[derive(Default)]
pub(crate) struct Fields {
    known: HashMap<String, NodeId>,
}

impl Fields {
    pub(super) fn of(&mut self, id: NodeId, test: &Test) -> Option<NodeId> {
        let name = test.left.single_field()?;
        Some(*self.known.entry(name).or_insert(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prefixes_are_found(texts in prop::collection::btree_set("[ab]{0,4}", 0..20), text in "[ab]{0,6}") {
            let mut prefixes = Prefixes::default();
            for (at, prefix) in (0_u32..).zip(&texts) {
                prefixes.push(prefix.as_bytes().into(), [at].into());
            }
            let mut found = Vec::new();
            let text = text.as_bytes();
            prefixes.find(&mut found, text.get(1), |key| key.cmp(text), |key| text.starts_with(key));
            found.sort_unstable();
            let expected: Vec<u32> =
                (0_u32..).zip(&texts).filter(|(_, prefix)| text.starts_with(prefix.as_bytes())).map(|(at, _)| at).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
