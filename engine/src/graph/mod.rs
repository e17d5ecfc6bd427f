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

use std::cell::Cell;

use crate::Event;
pub(crate) use build::{BuildError, Builder};
pub(crate) use fold::Folder;
pub(crate) use glob::Glob;
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

/// What a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False = 0,
    True = 1,
    /// It depends on what is still being looked up.
    Pending = 2,
}

impl Truth {
    /// By its number, which is the last two bits.
    fn of(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::False,
            1 => Self::True,
            _ => Self::Pending,
        }
    }
}

/// What is known of each node about the event at hand: memory that evaluation uses again and again.
/// One for each thread that evaluates.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Four times the event's number, plus a [`Truth`]. Nothing needs clearing between events.
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
        if known >> 2 == scratch.round {
            return known & 3 == Truth::True as u64;
        }
        let truth = match &self.nodes[index] {
            Node::Constant(truth) => *truth,
            Node::And(parts) => parts.iter().all(|part| self.is_true(*part, event, scratch)),
            Node::Or(parts) => parts.iter().any(|part| self.is_true(*part, event, scratch)),
            Node::Not(part) => !self.is_true(*part, event, scratch),
            Node::Test(test) => test.is_true(event, &mut scratch.buffer),
        };
        scratch.memo[index] = scratch.round << 2 | u64::from(truth);
        truth
    }

    /// What a condition is for an event whose container is still being looked up; a field of the container
    /// that is read sets `asked`. To be used for all nodes of an event or none.
    pub(crate) fn truth(
        &self,
        id: NodeId,
        event: &Event<'_>,
        asked: &Cell<bool>,
        scratch: &mut Scratch,
    ) -> Truth {
        let index = id as usize;
        let known = scratch.memo[index];
        if known >> 2 == scratch.round {
            return Truth::of(known);
        }
        let truth = match &self.nodes[index] {
            Node::Constant(truth) => Truth::of(u64::from(*truth)),
            Node::And(parts) => self.joined(parts, Truth::False, event, asked, scratch),
            Node::Or(parts) => self.joined(parts, Truth::True, event, asked, scratch),
            Node::Not(part) => match self.truth(*part, event, asked, scratch) {
                Truth::False => Truth::True,
                Truth::True => Truth::False,
                Truth::Pending => Truth::Pending,
            },
            Node::Test(test) => {
                asked.set(false);
                let truth = test.is_true(event, &mut scratch.buffer);
                if asked.replace(false) { Truth::Pending } else { Truth::of(u64::from(truth)) }
            }
        };
        scratch.memo[index] = scratch.round << 2 | truth as u64;
        truth
    }

    /// Of several parts one that is `decides` decides; else one that is pending leaves all of it open.
    fn joined(
        &self,
        parts: &[NodeId],
        decides: Truth,
        event: &Event<'_>,
        asked: &Cell<bool>,
        scratch: &mut Scratch,
    ) -> Truth {
        let mut is_pending = false;
        for part in parts {
            match self.truth(*part, event, asked, scratch) {
                Truth::Pending => is_pending = true,
                truth if truth == decides => return decides,
                _ => {}
            }
        }
        match decides {
            _ if is_pending => Truth::Pending,
            Truth::False => Truth::True,
            _ => Truth::False,
        }
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }
}
