//! Conditions as one graph of unique sub-expressions, which all rules share.
//!
//! A sub-expression that several rules have (macros make most of them common) is one node: it is
//! evaluated at most once for each event, and only when somebody asks. For each kind of event the graph
//! has its own roots, from which is left out what the kind alone decides; an index finds the rules whose
//! fixed values the event has.

mod build;
mod demand;
mod fold;
mod glob;
mod index;
mod literal;
mod matcher;
mod pmatch;
mod test;
mod text;
mod tree;

use crate::Event;
pub(crate) use build::{BuildError, Builder};
pub(crate) use fold::Folder;
pub(crate) use index::{Bucket, Fields};
pub(crate) use test::Test;
pub(crate) use tree::Tree;

/// A node's place in the graph. Children stand before their parents.
pub(crate) type NodeId = u32;

#[derive(Debug)]
pub(crate) enum Node {
    Constant(bool),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    Not(NodeId),
    Test(Box<Test>),
}

/// All conditions of a ruleset.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
}

/// What is known of each node about the event at hand: memory that evaluation uses again and again.
/// One for each thread that evaluates.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Twice the event's number, plus 1 if the node is true. Nothing needs clearing between events.
    memo: Vec<u64>,
    round: u64,
    /// Where fields write values that the event does not have as they are.
    buffer: Vec<u8>,
    /// The rules that the index found.
    pub(crate) found: Vec<u32>,
}

impl Graph {
    /// Forgets the event before. To be called once for each event.
    pub(crate) fn begin(&self, scratch: &mut Scratch) {
        scratch.round += 1;
        if scratch.memo.len() < self.nodes.len() {
            scratch.memo.resize(self.nodes.len(), 0);
        }
    }

    /// Whether a condition is true.
    pub(crate) fn is_true(&self, id: NodeId, event: &Event<'_>, scratch: &mut Scratch) -> bool {
        let index = id as usize;
        let known = scratch.memo[index];
        if known >> 1 == scratch.round {
            return known & 1 == 1;
        }
        let truth = match &self.nodes[index] {
            Node::Constant(truth) => *truth,
            Node::And(parts) => parts.iter().all(|part| self.is_true(*part, event, scratch)),
            Node::Or(parts) => parts.iter().any(|part| self.is_true(*part, event, scratch)),
            Node::Not(part) => !self.is_true(*part, event, scratch),
            Node::Test(test) => test.is_true(event, &mut scratch.buffer),
        };
        scratch.memo[index] = scratch.round << 1 | u64::from(truth);
        truth
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }
}
