//! What a condition asks of an event at least: one of a few fixed values.

use super::index::Fields;
use super::matcher::{Matcher, NumberMatcher};
use super::test::Right;
use super::text::TextMatcher;
use super::{Graph, Node, NodeId, Test};

/// A condition that asks for one of more values than this asks for nothing in particular.
const VALUES_MAX: usize = 1024;

/// Fields with so few values that asking for one says little.
const WEAK: &[&str] = &[
    "container.id",
    "container.name",
    "evt.category",
    "evt.dir",
    "evt.rawres",
    "evt.res",
    "evt.source",
    "fd.l4proto",
    "fd.num",
    "fd.sockfamily",
    "fd.type",
    "fd.typechar",
    "group.gid",
    "group.name",
    "k8s.ns.name",
    "proc.tty",
    "proc.vpid",
    "user.loginname",
    "user.loginuid",
    "user.name",
    "user.uid",
];

/// A value that a field must have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    Text(Box<[u8]>),
    Number(i128),
    Truth(bool),
    Start(Box<[u8]>),
    /// Turned around.
    End(Box<[u8]>),
}

/// Fields, by any node that has them, and values. Whenever the condition is true, one field has its value.
pub(super) struct Demand {
    pub(super) values: Vec<(NodeId, Wanted)>,
    /// How likely an event meets it, in no unit.
    weight: u64,
}

/// The demand of a condition that is met by the fewest events, as far as that can be told. `None` if it
/// has none.
pub(super) fn demand(graph: &Graph, id: NodeId, fields: &mut Fields) -> Option<Demand> {
    match graph.node(id) {
        Node::And(parts) => {
            parts.iter().filter_map(|part| demand(graph, *part, fields)).min_by_key(|demand| demand.weight)
        }
        Node::Or(parts) => {
            let mut all = Demand { values: Vec::new(), weight: 0 };
            for part in parts {
                let demand = demand(graph, *part, fields)?;
                all.weight += demand.weight;
                all.values.extend(demand.values);
                if all.values.len() > VALUES_MAX {
                    return None;
                }
            }
            Some(all)
        }
        Node::Test(test) => {
            let values = wanted(test)?;
            let field = fields.of(id, test)?;
            let is_weak = test.left.row().is_some_and(|row| WEAK.contains(&row.name));
            let factor = if is_weak { 1000 } else { 1 };
            let weight = values.iter().map(Wanted::weight).sum::<u64>() * factor;
            (values.len() <= VALUES_MAX)
                .then(|| Demand { values: values.into_iter().map(|value| (field, value)).collect(), weight })
        }
        Node::Not(_) | Node::Constant(_) => None,
    }
}

impl Wanted {
    /// Short beginnings and ends are met by many values.
    fn weight(&self) -> u64 {
        match self {
            Self::Text(_) | Self::Number(_) => 1,
            Self::Truth(_) => 500,
            Self::Start(text) | Self::End(text) => 200 / (text.len() as u64 * text.len() as u64 + 1) + 2,
        }
    }

    fn end(text: &[u8]) -> Self {
        Self::End(text.iter().rev().copied().collect())
    }
}

/// The values that a comparison asks for, if they are fixed.
fn wanted(test: &Test) -> Option<Vec<Wanted>> {
    let Right::Matcher { matcher, .. } = &test.right else { return None };
    match matcher {
        Matcher::Text(matcher) => texts(matcher),
        Matcher::Number(NumberMatcher::In(numbers)) => {
            Some(numbers.iter().map(|number| Wanted::Number(*number)).collect())
        }
        Matcher::Bool { values, negative } => {
            Some(values.iter().map(|truth| Wanted::Truth(*truth != *negative)).collect())
        }
        _ => None,
    }
}

fn texts(matcher: &TextMatcher) -> Option<Vec<Wanted>> {
    match matcher {
        TextMatcher::Equal(value) => Some(vec![Wanted::Text(value.clone())]),
        TextMatcher::StartsWith(start) if !start.is_empty() => Some(vec![Wanted::Start(start.clone())]),
        TextMatcher::EndsWith(end) if !end.is_empty() => Some(vec![Wanted::end(end)]),
        TextMatcher::Glob(glob) => {
            let beginning = glob.beginning()?;
            Some(vec![Wanted::Start(beginning.into())])
        }
        TextMatcher::In(values) => Some(values.iter().map(|value| Wanted::Text(value.into())).collect()),
        _ => None,
    }
}
