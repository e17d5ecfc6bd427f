//! Macros: their trees, put in place of their names.

use std::collections::HashMap;

use super::Finding;
use super::items::Macro;
use super::text::Text;
use crate::condition::ast::{Expr, Node, Operand, Values};
use crate::condition::{ParseError, RULE_DEPTH_MAX, parse};
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

    /// Parses a rule's condition and puts macros in, whose names go to `used`.
    pub(super) fn rule(&mut self, text: &Text, used: &mut Vec<String>) -> Result<Expr, Finding> {
        let expr = parse(text.as_str(), RULE_DEPTH_MAX).map_err(|error| finding(error, text))?;
        names(&expr, used);
        let mut rule = User { text, visibility: usize::MAX, stack: Vec::new() };
        let mut nodes = 0;
        self.put_in(expr, &mut rule, &mut nodes)
    }

    /// Looks at every macro, so that errors in unused ones are found too.
    pub(super) fn check_all(&mut self, errors: &mut Vec<Finding>, every_error: bool) {
        for index in 0..self.items.len() {
            if !errors.is_empty() && !every_error {
                return;
            }
            if let Err(error) = self.get(index, &mut Vec::new()) {
                errors.push(error.item_if_none("macro", &self.items[index].name));
            }
        }
    }

    /// The macros that nothing names.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'a Macro> {
        self.items.iter().zip(&self.used).filter(|(_, used)| !**used).map(|(item, _)| item)
    }

    fn get(&mut self, index: usize, stack: &mut Vec<usize>) -> Result<(), Finding> {
        if self.ready[index].is_some() {
            return Ok(());
        }
        let item_name = &self.items[index].name;
        let text = self.texts[index].clone();
        let expr = parse(text.as_str(), RULE_DEPTH_MAX)
            .map_err(|error| finding(error, &text).item("macro", item_name))?;
        stack.push(index);
        let visibility = self.items[index].visibility;
        let mut user = User { text: &text, visibility, stack: std::mem::take(stack) };
        let mut nodes = 0;
        let expr = self.put_in(expr, &mut user, &mut nodes);
        *stack = user.stack;
        let expr = expr.map_err(|error| error.item_if_none("macro", item_name))?;
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
                    return Err(Finding::within(
                        Code::Validate,
                        format!("Undefined macro '{name}' used in filter."),
                        user.text,
                        &span,
                    ));
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
            return Err(fail(format!("Undefined macro '{name}' used in filter.")).hint(hint));
        };
        if user.stack.contains(&index) {
            return Err(fail(format!("reference loop in macro '{name}'")));
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
            check.op_span = span.clone();
            match &mut check.left {
                Operand::Field(field) => field.span = span.clone(),
                Operand::Call(call) => call.span = span.clone(),
            }
            match &mut check.values {
                Values::None => {}
                Values::One(literal) | Values::Name(literal) => literal.span = span.clone(),
                Values::List(literals) => {
                    for literal in literals {
                        literal.span = span.clone();
                    }
                }
                Values::Val(field) => field.span = span.clone(),
                Values::Call(call) => call.span = span.clone(),
            }
        }
        Node::Macro(_) => {}
    }
    expr
}

/// The macros that an expression names, each once.
fn names(expr: &Expr, found: &mut Vec<String>) {
    match &expr.node {
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| names(part, found)),
        Node::Not(part) => names(part, found),
        Node::Macro(name) if !found.contains(name) => found.push(name.clone()),
        Node::Macro(_) | Node::Check(_) => {}
    }
}

fn finding(error: ParseError, text: &Text) -> Finding {
    Finding::within(Code::CompileCondition, error.message, text, &error.span).hint(error.hint)
}
