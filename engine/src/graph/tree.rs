//! A condition on its own, evaluated as it is written: nothing is shared, remembered or left out.
//!
//! What the graph answers must be what this answers; tests and the benchmark compare them.

use super::build::unknown_field;
use super::matcher::Failure;
use super::{BuildError, Test};
use crate::Event;
use crate::condition::ast::{Expr, Node};
use crate::fields::Scope;

#[derive(Debug)]
pub(crate) enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Test(Box<Test>),
}

impl Tree {
    /// Of an expression without macros.
    pub(crate) fn new(expr: &Expr, scope: Scope<'_>) -> Result<Self, BuildError> {
        let all = |parts: &[Expr]| -> Result<Vec<Self>, BuildError> {
            parts.iter().map(|part| Self::new(part, scope)).collect()
        };
        Ok(match &expr.node {
            Node::And(parts) => Self::And(all(parts)?),
            Node::Or(parts) => Self::Or(all(parts)?),
            Node::Not(part) => Self::Not(Box::new(Self::new(part, scope)?)),
            Node::Check(check) => {
                let fail = |(message, span): Failure| BuildError {
                    hint: unknown_field(&message, &check.left),
                    message,
                    span,
                };
                Self::Test(Box::new(Test::new(check, scope).map_err(fail)?))
            }
            Node::Macro(name) => {
                let message = format!("Undefined macro '{name}' used in filter.");
                return Err(BuildError { message, span: expr.span.clone(), hint: None });
            }
        })
    }

    pub(crate) fn is_true(&self, event: &Event<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.is_true(event)),
            Self::Or(parts) => parts.iter().any(|part| part.is_true(event)),
            Self::Not(part) => !part.is_true(event),
            Self::Test(test) => test.is_true(event, &mut Vec::new()),
        }
    }
}
