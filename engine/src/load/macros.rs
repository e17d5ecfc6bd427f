//! Macros: their trees, put in place of their names.

use std::collections::HashMap;

use super::Finding;
use super::items::Macro;
use super::text::Text;
use crate::condition::ast::{Expr, Node};
use crate::condition::{ParseError, parse};
use crate::problem::{Code, nearest};

/// Nodes of one condition with all its macros put in: a bound on what macros of macros can grow to.
const NODES_MAX: usize = 200_000;

/// A macro, parsed, with the macros that it names put in.
struct Ready {
    expr: Expr,
    nodes: usize,
}

/// Macros by name.
pub(super) struct Macros<'a> {
    items: &'a [Macro],
    names: HashMap<&'a str, usize>,
    texts: Vec<Text>,
    ready: Vec<Option<Ready>>,
    used: Vec<bool>,
}

/// Who names a macro.
struct User<'a> {
    text: &'a Text,
    visibility: usize,
    /// The macros that are being put in: one of these would never end.
    stack: Vec<usize>,
}

impl<'a> Macros<'a> {
    /// `texts` are the macros' conditions with lists put in.
    pub(super) fn new(macros: &'a [Macro], texts: Vec<Text>) -> Self {
        let names = macros.iter().enumerate().map(|(at, item)| (item.name.as_str(), at)).collect();
        let ready = macros.iter().map(|_| None).collect();
        Self { items: macros, names, texts, ready, used: vec![false; macros.len()] }
    }

    /// Parses a rule's condition and puts macros in.
    pub(super) fn rule(&mut self, text: &Text) -> Result<Expr, Finding> {
        let expr = parse(text.as_str()).map_err(|error| finding(error, text))?;
        let mut user = User { text, visibility: usize::MAX, stack: Vec::new() };
        let mut nodes = 0;
        self.put_in(expr, &mut user, &mut nodes)
    }

    /// Looks at every macro, so that errors in unused ones are found too.
    pub(super) fn check_all(&mut self) -> Result<(), Finding> {
        for index in 0..self.items.len() {
            self.get(index, &mut Vec::new()).map_err(|error| error.item("macro", &self.items[index].name))?;
        }
        Ok(())
    }

    /// The macros that nothing names.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'a Macro> {
        self.items.iter().zip(&self.used).filter(|(_, used)| !**used).map(|(item, _)| item)
    }

    fn get(&mut self, index: usize, stack: &mut Vec<usize>) -> Result<(), Finding> {
        if self.ready[index].is_some() {
            return Ok(());
        }
        let text = self.texts[index].clone();
        let expr = parse(text.as_str()).map_err(|error| finding(error, &text))?;
        stack.push(index);
        let visibility = self.items[index].visibility;
        let mut user = User { text: &text, visibility, stack: std::mem::take(stack) };
        let mut nodes = 0;
        let expr = self.put_in(expr, &mut user, &mut nodes)?;
        *stack = user.stack;
        stack.pop();
        self.ready[index] = Some(Ready { expr, nodes });
        Ok(())
    }

    fn put_in(&mut self, expr: Expr, user: &mut User<'_>, nodes: &mut usize) -> Result<Expr, Finding> {
        *nodes += 1;
        if *nodes > NODES_MAX {
            let text = format!("the macros make this condition larger than {NODES_MAX} expressions");
            return Err(Finding::within(Code::CompileCondition, text, user.text, &expr.span));
        }
        let span = expr.span;
        let node = match expr.node {
            Node::And(parts) => Node::And(self.put_in_all(parts, user, nodes)?),
            Node::Or(parts) => Node::Or(self.put_in_all(parts, user, nodes)?),
            Node::Not(part) => Node::Not(Box::new(self.put_in(*part, user, nodes)?)),
            Node::Check(check) => Node::Check(check),
            Node::Macro(name) => {
                let index = self.find(&name, user, &span)?;
                self.used[index] = true;
                self.get(index, &mut user.stack)?;
                let Some(ready) = &self.ready[index] else {
                    return Err(Finding::within(Code::Validate, "undefined macro", user.text, &span));
                };
                *nodes += ready.nodes;
                return Ok(moved(ready.expr.clone(), &span));
            }
        };
        Ok(Expr { node, span })
    }

    fn put_in_all(
        &mut self,
        parts: Vec<Expr>,
        user: &mut User<'_>,
        nodes: &mut usize,
    ) -> Result<Vec<Expr>, Finding> {
        parts.into_iter().map(|part| self.put_in(part, user, nodes)).collect()
    }

    /// The macro of a name, if its user comes after it.
    fn find(&self, name: &str, user: &User<'_>, span: &std::ops::Range<usize>) -> Result<usize, Finding> {
        let fail = |text: String| Finding::within(Code::Validate, text, user.text, span);
        let Some(index) = self.names.get(name).copied().filter(|at| self.items[*at].index < user.visibility)
        else {
            let visible = self.items.iter().filter(|item| item.index < user.visibility);
            let hint = nearest(name, visible.map(|item| item.name.as_str()));
            let later = self.names.contains_key(name).then(|| "it is defined after this".to_owned());
            let hint = later.or(hint.map(|known| format!("did you mean `{known}`?")));
            return Err(fail(format!("undefined macro `{name}`")).hint(hint));
        };
        if user.stack.contains(&index) {
            return Err(fail(format!("the macro `{name}` names itself")));
        }
        Ok(index)
    }
}

/// The same tree, every part of which stands where the macro's name stands.
fn moved(mut expr: Expr, span: &std::ops::Range<usize>) -> Expr {
    expr.span = span.clone();
    match &mut expr.node {
        Node::And(parts) | Node::Or(parts) => {
            for part in parts {
                let taken = std::mem::replace(part, Expr { node: Node::Macro(String::new()), span: 0..0 });
                *part = moved(taken, span);
            }
        }
        Node::Not(part) => {
            let taken = std::mem::replace(&mut **part, Expr { node: Node::Macro(String::new()), span: 0..0 });
            **part = moved(taken, span);
        }
        Node::Check(check) => {
            check.field.span = span.clone();
            check.op_span = span.clone();
            if let crate::condition::ast::Values::One(literal) = &mut check.values {
                literal.span = span.clone();
            } else if let crate::condition::ast::Values::List(literals) = &mut check.values {
                for literal in literals {
                    literal.span = span.clone();
                }
            }
        }
        Node::Macro(_) => {}
    }
    expr
}

fn finding(error: ParseError, text: &Text) -> Finding {
    Finding::within(Code::CompileCondition, error.message, text, &error.span).hint(error.hint)
}
