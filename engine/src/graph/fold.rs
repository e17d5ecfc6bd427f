//! Conditions for one kind of event: what the kind alone decides is left out.

use std::collections::HashMap;

use super::test::Right;
use super::{Builder, Node, NodeId, Test};
use crate::EventType;
use crate::fields::Value;

/// Folds conditions for one kind of event after another.
#[derive(Default)]
pub(crate) struct Folder {
    /// Whether a node, by its place, looks at the kind; filled as far as it was asked for.
    looks: Vec<bool>,
    /// What the nodes that do have become for the kind at hand.
    folded: HashMap<NodeId, NodeId>,
}

impl Folder {
    /// Begins with another kind.
    pub(crate) fn begin(&mut self) {
        self.folded.clear();
    }

    /// The node that answers the same as `id` for all events of the kind. `None` if that is never true.
    pub(crate) fn root(&mut self, builder: &mut Builder, id: NodeId, kind: EventType) -> Option<NodeId> {
        let id = self.fold(builder, id, kind);
        match builder.graph.node(id) {
            Node::Constant(false) => None,
            _ => Some(id),
        }
    }

    fn looks_at_kind(&mut self, builder: &Builder, id: NodeId) -> bool {
        let nodes = &builder.graph.nodes;
        for node in &nodes[self.looks.len().min(id as usize + 1)..=id as usize] {
            let looks = match node {
                Node::Constant(_) => false,
                Node::And(parts) | Node::Or(parts) => parts.iter().any(|part| self.looks[*part as usize]),
                Node::Not(part) => self.looks[*part as usize],
                Node::Test(test) => decided(test, EventType::EXECVE).is_some(),
            };
            self.looks.push(looks);
        }
        self.looks[id as usize]
    }

    fn fold(&mut self, builder: &mut Builder, id: NodeId, kind: EventType) -> NodeId {
        if !self.looks_at_kind(builder, id) {
            return id;
        }
        if let Some(known) = self.folded.get(&id) {
            return *known;
        }
        let result = match builder.graph.node(id) {
            Node::Constant(_) => id,
            Node::Not(part) => {
                let part = *part;
                let folded = self.fold(builder, part, kind);
                match *builder.graph.node(folded) {
                    Node::Constant(truth) => builder.constant(!truth),
                    _ => builder.not(folded),
                }
            }
            Node::And(parts) => {
                let parts = parts.clone();
                self.chain(builder, &parts, kind, true)
            }
            Node::Or(parts) => {
                let parts = parts.clone();
                self.chain(builder, &parts, kind, false)
            }
            Node::Test(test) => match decided(test, kind) {
                Some(truth) => builder.constant(truth),
                None => id,
            },
        };
        self.folded.insert(id, result);
        result
    }

    /// `and` is false with one false part and needs no true ones; `or` the other way around.
    fn chain(&mut self, builder: &mut Builder, parts: &[NodeId], kind: EventType, is_and: bool) -> NodeId {
        let mut left = Vec::new();
        for part in parts {
            let folded = self.fold(builder, *part, kind);
            match *builder.graph.node(folded) {
                Node::Constant(truth) if truth == is_and => {}
                Node::Constant(truth) => return builder.constant(truth),
                _ => left.push(folded),
            }
        }
        match (&left[..], is_and) {
            ([], truth) => builder.constant(truth),
            ([_, ..], true) => builder.and(left),
            ([_, ..], false) => builder.or(left),
        }
    }
}

/// What a comparison comes to for every event of a kind, if the kind decides it.
fn decided(test: &Test, kind: EventType) -> Option<bool> {
    let value = match test.left.row()?.name {
        "evt.type" => kind.name(),
        "evt.dir" => {
            if kind.is_call() {
                "<"
            } else {
                ">"
            }
        }
        _ => return None,
    };
    match &test.right {
        Right::Nothing => Some(true),
        Right::Matcher { matcher, .. } => Some(matcher.is_match(Value::text(value))),
        Right::Operand { .. } => None,
    }
}
