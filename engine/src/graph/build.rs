//! Trees to nodes. Two sub-expressions that mean the same become one node.

use std::collections::HashMap;

use super::matcher::Matcher;
use super::{Graph, Node, NodeId};
use crate::EventType;
use crate::condition::ast::{self, Check, Expr, Op, Span};
use crate::fields::{self, Accessor};
use crate::problem::nearest;

/// Why a condition has no node, and where.
#[derive(Debug)]
pub(crate) struct BuildError {
    pub(crate) message: String,
    pub(crate) span: Span,
    pub(crate) hint: Option<String>,
}

/// What makes a node unique.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    Not(NodeId),
    /// The comparison's canonical text.
    Check(String),
}

/// A graph that grows.
#[derive(Default)]
pub(crate) struct Builder {
    graph: Graph,
    known: HashMap<Key, NodeId>,
}

impl Builder {
    pub(crate) fn finish(self) -> Graph {
        self.graph
    }

    /// The node of an expression without macros.
    pub(crate) fn add(&mut self, expr: &Expr) -> Result<NodeId, BuildError> {
        match &expr.node {
            ast::Node::And(parts) => {
                let ids = self.add_all(parts)?;
                Ok(self.chain(ids, Key::And, Node::And))
            }
            ast::Node::Or(parts) => {
                let ids = self.add_all(parts)?;
                Ok(self.chain(ids, Key::Or, Node::Or))
            }
            ast::Node::Not(part) => {
                let id = self.add(part)?;
                Ok(self.unique(Key::Not(id), || Node::Not(id)))
            }
            ast::Node::Check(check) => self.check(check),
            ast::Node::Macro(name) => Err(BuildError {
                message: format!("undefined macro `{name}`"),
                span: expr.span.clone(),
                hint: None,
            }),
        }
    }

    fn add_all(&mut self, parts: &[Expr]) -> Result<Vec<NodeId>, BuildError> {
        let mut ids = Vec::with_capacity(parts.len());
        for part in parts {
            let id = self.add(part)?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn chain(
        &mut self,
        ids: Vec<NodeId>,
        key: fn(Box<[NodeId]>) -> Key,
        node: fn(Box<[NodeId]>) -> Node,
    ) -> NodeId {
        if let [id] = ids[..] {
            return id;
        }
        let ids: Box<[NodeId]> = ids.into();
        self.unique(key(ids.clone()), || node(ids))
    }

    fn unique(&mut self, key: Key, node: impl FnOnce() -> Node) -> NodeId {
        *self.known.entry(key).or_insert_with(|| {
            let id = NodeId::try_from(self.graph.nodes.len())
                .expect("rule files are bounded far below 2^32 nodes");
            self.graph.nodes.push(node());
            id
        })
    }

    fn check(&mut self, check: &Check) -> Result<NodeId, BuildError> {
        let accessor = accessor(check)?;
        if check.field.name == "evt.type" {
            known_types(check)?;
        }
        let matcher = Matcher::new(accessor.field, check).map_err(|(message, span)| BuildError {
            message,
            span,
            hint: None,
        })?;
        let mut canonical = check.clone();
        if canonical.op == Op::EqEq {
            canonical.op = Op::Eq;
        }
        Ok(self.unique(Key::Check(canonical.to_string()), || Node::Check { accessor, matcher }))
    }
}

fn accessor(check: &Check) -> Result<Accessor, BuildError> {
    let name = check.field.name.as_str();
    let fail = |message, hint| Err(BuildError { message, span: check.field.span.clone(), hint });
    let Some((field, dotted)) = fields::find(name) else {
        let hint = nearest(name, fields::all().map(|field| field.name));
        return fail(format!("unknown field `{name}`"), hint.map(|known| format!("did you mean `{known}`?")));
    };
    if dotted.is_some() && check.field.arg.is_some() {
        return fail(format!("`{name}` takes no argument in brackets"), None);
    }
    Accessor::new(field, dotted.or(check.field.arg.as_deref())).or_else(|message| fail(message, None))
}

/// A misspelled event type would make a rule that never fires.
fn known_types(check: &Check) -> Result<(), BuildError> {
    if !matches!(check.op, Op::Eq | Op::EqEq | Op::Ne | Op::In | Op::Intersects) {
        return Ok(());
    }
    for literal in check.values.iter() {
        if EventType::from_name(&literal.text).is_none() {
            let hint = nearest(&literal.text, EventType::all().map(EventType::name));
            return Err(BuildError {
                message: format!("unknown event type `{}`", literal.text),
                span: literal.span.clone(),
                hint: hint.map(|known| format!("did you mean `{known}`?")),
            });
        }
    }
    Ok(())
}
