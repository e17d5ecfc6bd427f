//! Trees to nodes. Two sub-expressions that mean the same become one node.

use std::collections::HashMap;

use super::text::is_plain_regex;
use super::{Graph, Node, NodeId, Test};
use crate::EventType;
use crate::condition::ast::{self, Check, Expr, Op, Operand, Span, Values};
use crate::condition::parse_operand;
use crate::fields::{self, Scope};
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
    Constant(bool),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    Not(NodeId),
    /// The source of its rule and the comparison's text.
    Test(Option<String>, String),
}

/// A graph that grows.
#[derive(Default)]
pub(crate) struct Builder {
    pub(super) graph: Graph,
    known: HashMap<Key, NodeId>,
}

impl Builder {
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn finish(self) -> Graph {
        self.graph
    }

    /// The node of an expression without macros. What is odd about it goes to `warn`.
    pub(crate) fn add(
        &mut self,
        expr: &Expr,
        scope: Scope<'_>,
        warn: &mut impl FnMut(String, &Span),
    ) -> Result<NodeId, BuildError> {
        match &expr.node {
            ast::Node::And(parts) => {
                let ids = parts.iter().map(|part| self.add(part, scope, warn)).collect::<Result<_, _>>()?;
                Ok(self.and(ids))
            }
            ast::Node::Or(parts) => {
                let ids = parts.iter().map(|part| self.add(part, scope, warn)).collect::<Result<_, _>>()?;
                Ok(self.or(ids))
            }
            ast::Node::Not(part) => {
                let id = self.add(part, scope, warn)?;
                Ok(self.not(id))
            }
            ast::Node::Check(check) => self.check(check, scope, warn),
            ast::Node::Macro(name) => Err(BuildError {
                message: format!("Undefined macro '{name}' used in filter."),
                span: expr.span.clone(),
                hint: None,
            }),
        }
    }

    pub(super) fn constant(&mut self, truth: bool) -> NodeId {
        self.unique(Key::Constant(truth), || Node::Constant(truth))
    }

    pub(super) fn and(&mut self, ids: Vec<NodeId>) -> NodeId {
        self.chain(ids, Key::And, Node::And)
    }

    pub(super) fn or(&mut self, ids: Vec<NodeId>) -> NodeId {
        self.chain(ids, Key::Or, Node::Or)
    }

    pub(super) fn not(&mut self, id: NodeId) -> NodeId {
        self.unique(Key::Not(id), || Node::Not(id))
    }

    fn chain(
        &mut self,
        mut ids: Vec<NodeId>,
        key: fn(Box<[NodeId]>) -> Key,
        node: fn(Box<[NodeId]>) -> Node,
    ) -> NodeId {
        let mut seen = std::collections::HashSet::with_capacity(ids.len());
        ids.retain(|id| seen.insert(*id));
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

    fn check(
        &mut self,
        check: &Check,
        scope: Scope<'_>,
        warn: &mut impl FnMut(String, &Span),
    ) -> Result<NodeId, BuildError> {
        if matches!(check.left.field_name(), Some("evt.type" | "syscall.type")) {
            known_types(check)?;
        }
        suspicious(check, warn);
        let mut canonical = check.clone();
        if canonical.op == Op::EqEq {
            canonical.op = Op::Eq;
        }
        let key = Key::Test(scope.source.map(str::to_owned), format!("{canonical:#}"));
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        let test = Test::new(check, scope).map_err(|(message, span)| BuildError {
            hint: unknown_field(&message, &check.left),
            message,
            span,
        })?;
        Ok(self.unique(key, || Node::Test(Box::new(test))))
    }
}

/// What a field that nobody knows was probably meant to be.
pub(super) fn unknown_field(message: &str, left: &Operand) -> Option<String> {
    let name = left.field_name().filter(|name| message.ends_with(&format!("nonexistent field {name}")))?;
    nearest(name, fields::all().map(|field| field.name)).map(|known| format!("did you mean `{known}`?"))
}

/// Values that look as if they were meant to be something else.
fn suspicious(check: &Check, warn: &mut impl FnMut(String, &Span)) {
    for literal in check.values.iter() {
        let text = literal.text();
        if check.op == Op::Regex && is_plain_regex(&text) {
            let message = format!(
                "regex check with '{text}' may be optimized with simpler operators such as '=', 'contains', 'startswith', 'endswith'"
            );
            warn(message, &literal.span);
        }
        let bare = text.trim();
        match parse_operand(bare) {
            Ok((Operand::Field(field), length))
                if length == bare.len() && fields::find(&field.name).is_some() =>
            {
                warn(format!("'{text}' may be a valid field misused as a const string value"), &literal.span);
            }
            Ok((Operand::Call(_), length)) if length == bare.len() => {
                let message =
                    format!("'{text}' may be a valid field transformer misused as a const string value");
                warn(message, &literal.span);
            }
            _ => {}
        }
    }
}

/// A misspelled event type would make a rule that never fires.
fn known_types(check: &Check) -> Result<(), BuildError> {
    if matches!(check.values, Values::Val(_) | Values::Call(_)) {
        let message = "evt.type can't be compared with fields or transformers".to_owned();
        return Err(BuildError { message, span: check.op_span.clone(), hint: None });
    }
    if !matches!(check.op, Op::Eq | Op::EqEq | Op::Ne | Op::In | Op::Intersects) {
        return Ok(());
    }
    for literal in check.values.iter() {
        let text = literal.text();
        if EventType::from_name(&text).is_none() {
            let hint = nearest(&text, EventType::all().map(EventType::name));
            return Err(BuildError {
                message: format!("unknown event type {text}"),
                span: literal.span.clone(),
                hint: hint.map(|known| format!("did you mean `{known}`?")),
            });
        }
    }
    Ok(())
}
