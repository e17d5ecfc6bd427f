//! Condition text to its tree. `or` binds weaker than `and`, `and` than `not`.
//!
//! What stands open while a condition is read is kept in a list, not on the stack: text that nests a
//! thousand parentheses costs memory, never a crash.

use super::ast::{Call, Expr, Node, Operand, Span};
use super::lexer::{Lexer, is_blank};

/// Parentheses within each other in a filter. Falco's bound.
pub const DEPTH_MAX: usize = 100;
/// Parentheses within each other in the condition of a rule. Falco's bound.
pub const RULE_DEPTH_MAX: usize = 1000;
/// Why there is no tree, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the text that are.
    pub span: Span,
    /// What to do about it.
    pub hint: Option<String>,
}

pub(super) type Result<T> = std::result::Result<T, ParseError>;

/// Parses a whole condition, in which at most `depth_max` parentheses may stand within each other.
pub fn parse(text: &str, depth_max: usize) -> Result<Expr> {
    let mut parser = Parser::new(text, depth_max);
    parser.lexer.blanks();
    if parser.lexer.is_end() {
        return Err(ParseError {
            message: "filter input string is empty".to_owned(),
            span: 0..0,
            hint: Some("a condition compares fields, such as `evt.type = execve`".to_owned()),
        });
    }
    parser.lexer.back_to(0);
    parser.condition()
}

/// Parses a field or a transformer that stands alone, as exceptions and outputs have them. Answers how
/// many bytes it has.
pub fn parse_operand(text: &str) -> Result<(Operand, usize)> {
    let mut parser = Parser::new(text, 0);
    let operand = match parser.call_or_name()? {
        Start::Call(call) => Operand::Call(call),
        Start::Name(name, span) if name.contains('.') => parser.field(&name, &span).map(Operand::Field)?,
        Start::Name(..) => return parser.fail("expected a field"),
    };
    Ok((operand, parser.lexer.at()))
}

/// What is open: a parenthesis, or the whole condition.
struct Open {
    /// Where its `(` stands.
    paren: usize,
    /// Where what is in it begins.
    start: usize,
    or: Vec<Expr>,
    and: Vec<Expr>,
    /// Where the parts begin that are joined by `and`.
    and_start: usize,
    /// Where the `not`s before the next part begin, if their number is odd.
    not: Option<usize>,
}

impl Open {
    fn new(paren: usize, start: usize) -> Self {
        Self { paren, start, or: Vec::new(), and: Vec::new(), and_start: start, not: None }
    }

    fn add(&mut self, expr: Expr) {
        let expr = match self.not.take() {
            Some(start) => {
                let span = start..expr.span.end;
                Expr { node: Node::Not(Box::new(expr)), span }
            }
            None => expr,
        };
        self.and.push(expr);
    }

    fn end_and(&mut self) {
        let parts = std::mem::take(&mut self.and);
        self.or.push(joined(parts, self.and_start, Node::And));
    }

    fn close(mut self) -> Expr {
        self.end_and();
        joined(self.or, self.start, Node::Or)
    }
}

fn joined(mut parts: Vec<Expr>, start: usize, node: fn(Vec<Expr>) -> Node) -> Expr {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let end = parts.last().map_or(start, |last| last.span.end);
    Expr { node: node(parts), span: start..end }
}

/// What a comparison begins with.
pub(super) enum Start {
    Name(String, Span),
    Call(Call),
}

pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    depth_max: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, depth_max: usize) -> Self {
        Self { lexer: Lexer::new(text), depth_max }
    }

    /// An error at the next word.
    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        let at = self.lexer.at();
        let rest = self.lexer.rest();
        let width = rest.find(|c: char| is_blank(c) || "(),".contains(c)).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        ParseError { message: message.into(), span: at..at + width.max(first), hint: None }
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(self.error(message))
    }

    fn condition(&mut self) -> Result<Expr> {
        let mut open = vec![Open::new(0, 0)];
        loop {
            self.part(&mut open)?;
            // A whole part is read: what follows joins another to it, or closes what is open.
            loop {
                let depth = open.len();
                let Some(last) = open.last_mut() else { return self.fail("expected a condition") };
                let before = self.lexer.at();
                self.lexer.blanks();
                if self.joint("and")? {
                    break;
                }
                if self.joint("or")? {
                    last.end_and();
                    last.and_start = self.lexer.at();
                    break;
                }
                if depth > 1 && self.lexer.symbol(")") {
                    let inner = open.pop().map(Open::close);
                    if let (Some(outer), Some(inner)) = (open.last_mut(), inner) {
                        outer.add(inner);
                    }
                    continue;
                }
                return self.end(open, before);
            }
        }
    }

    /// The end of the condition, or what is wrong with it.
    fn end(&mut self, mut open: Vec<Open>, before: usize) -> Result<Expr> {
        let done = open.len() == 1;
        let Some(last) = open.pop() else { return self.fail("expected a condition") };
        if !done && self.lexer.is_end() {
            return Err(ParseError {
                message: "expected a ')' token: this one is not closed".to_owned(),
                span: last.paren..last.paren + 1,
                hint: None,
            });
        }
        if done && self.lexer.is_end() {
            return Ok(last.close());
        }
        let word = self.lexer.last_word(before);
        let expected = if done { "'or', 'and'" } else { "'or', 'and', ')'" };
        self.fail(format!("unexpected token after '{word}', expecting {expected}"))
    }

    /// `and` or `or`, and then a blank or `(`.
    fn joint(&mut self, word: &str) -> Result<bool> {
        let at = self.lexer.at();
        if !self.lexer.symbol(word) {
            return Ok(false);
        }
        if self.lexer.rest().starts_with('(') || self.lexer.rest().starts_with(is_blank) {
            return Ok(true);
        }
        self.lexer.back_to(at);
        self.fail(format!("expected a blank or '(' after '{word}'"))
    }

    /// `not`s and opening parentheses, and the comparison or macro behind them.
    fn part(&mut self, open: &mut Vec<Open>) -> Result<()> {
        loop {
            self.lexer.blanks();
            let at = self.lexer.at();
            let depth = open.len();
            let Some(last) = open.last_mut() else { return self.fail("expected a condition") };
            if self.lexer.word("not") || self.lexer.rest().starts_with("not(") && self.lexer.symbol("not") {
                // Only the parity of several counts.
                last.not = if last.not.is_some() { None } else { Some(at) };
            } else if self.lexer.symbol("(") {
                if depth > self.depth_max {
                    self.lexer.back_to(at);
                    return self.fail(format!("exceeded max depth limit of {}", self.depth_max));
                }
                open.push(Open::new(at, self.lexer.at()));
            } else {
                let expr = self.check_or_macro()?;
                last.add(expr);
                return Ok(());
            }
        }
    }

    fn check_or_macro(&mut self) -> Result<Expr> {
        let start = self.lexer.at();
        let left = match self.call_or_name()? {
            Start::Call(call) => Operand::Call(call),
            Start::Name(name, span) if name.contains('.') => Operand::Field(self.field(&name, &span)?),
            Start::Name(name, span) => return Ok(Expr { node: Node::Macro(name), span }),
        };
        let check = self.check(left)?;
        Ok(Expr { node: Node::Check(check), span: self.lexer.span_from(start) })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
