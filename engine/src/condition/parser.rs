//! Condition text to its tree. `or` binds weaker than `and`, `and` than `not`.
//!
//! What stands open while a condition is read is kept in a list, not on the stack: text that nests a
//! thousand parentheses costs memory, never a crash.

use super::ast::{
    Call, CallArg, Check, Expr, FieldRef, Literal, Modifier, Node, Op, Operand, Shape, Span, Transformer,
    Values,
};
use super::lexer::{Lexer, is_blank};
use crate::problem::nearest;

/// Parentheses within each other in a filter. Falco's bound.
pub const DEPTH_MAX: usize = 100;
/// Parentheses within each other in the condition of a rule. Falco's bound.
pub const RULE_DEPTH_MAX: usize = 1000;
/// Transformers within each other.
const CALL_DEPTH_MAX: usize = 100;

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

type Result<T> = std::result::Result<T, ParseError>;

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
enum Start {
    Name(String, Span),
    Call(Call),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth_max: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, depth_max: usize) -> Self {
        Self { lexer: Lexer::new(text), depth_max }
    }

    /// An error at the next word.
    fn error(&self, message: impl Into<String>) -> ParseError {
        let at = self.lexer.at();
        let rest = self.lexer.rest();
        let width = rest.find(|c: char| is_blank(c) || "(),".contains(c)).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        ParseError { message: message.into(), span: at..at + width.max(first), hint: None }
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
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

    /// A name, or a transformer if its `(` follows at once.
    fn call_or_name(&mut self) -> Result<Start> {
        let start = self.lexer.at();
        let Some(name) = self.lexer.name() else {
            return self.fail("expected a field check, a transformer, an identifier or '('");
        };
        let span = self.lexer.span_from(start);
        match transformer(name).filter(|_| self.lexer.rest().starts_with('(')) {
            Some(transformer) => Ok(Start::Call(self.call(transformer, start, 1)?)),
            None => Ok(Start::Name(name.to_owned(), span)),
        }
    }

    fn field(&mut self, name: &str, span: &Span) -> Result<FieldRef> {
        let arg = self.bracketed()?;
        Ok(FieldRef { name: name.to_owned(), arg, span: self.lexer.span_from(span.start) })
    }

    /// `[…]` right behind a field's name or a transformer.
    fn bracketed(&mut self) -> Result<Option<String>> {
        if !self.lexer.symbol("[") {
            return Ok(None);
        }
        let arg = match self.quoted()? {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => match self.lexer.bare_arg() {
                Some(text) => text.to_owned(),
                None => return self.fail("expected an argument between '[' and ']'"),
            },
        };
        if self.lexer.symbol("]") {
            return Ok(Some(arg));
        }
        self.fail("expected a ']' token")
    }

    /// What stands between the parentheses of a transformer, whose name is read.
    fn call(&mut self, transformer: Transformer, start: usize, depth: usize) -> Result<Call> {
        if depth > CALL_DEPTH_MAX {
            return self.fail(format!("exceeded max depth limit of {CALL_DEPTH_MAX}"));
        }
        let args = self.call_args(depth, true)?;
        let selector = self.bracketed()?;
        if args.is_empty() {
            return self.fail(format!("expected an argument of '{}'", transformer.name()));
        }
        Ok(Call { transformer, args, selector, span: self.lexer.span_from(start) })
    }

    /// `(…, …)`. Only the outer one may have lists in it.
    fn call_args(&mut self, depth: usize, lists: bool) -> Result<Vec<CallArg>> {
        self.lexer.symbol("(");
        let mut args = Vec::new();
        self.lexer.blanks();
        if self.lexer.symbol(")") {
            return Ok(args);
        }
        loop {
            self.lexer.blanks();
            args.push(self.call_arg(depth, lists)?);
            self.lexer.blanks();
            if self.lexer.symbol(")") {
                return Ok(args);
            }
            if !self.lexer.symbol(",") {
                return self.fail("expected a ')' token closing the transformer");
            }
        }
    }

    fn call_arg(&mut self, depth: usize, lists: bool) -> Result<CallArg> {
        let start = self.lexer.at();
        if lists && self.lexer.rest().starts_with('(') {
            return Ok(CallArg::List(self.call_args(depth, false)?));
        }
        if let Some(bytes) = self.quoted()? {
            return Ok(CallArg::Text(Literal { bytes, span: self.lexer.span_from(start) }));
        }
        if let Some(number) = self.lexer.number() {
            let bytes = number.as_bytes().to_vec();
            return Ok(CallArg::Number(Literal { bytes, span: self.lexer.span_from(start) }));
        }
        let Some(name) = self.lexer.name() else {
            return self.fail("expected a field, a transformer, a quoted text or a number");
        };
        let span = self.lexer.span_from(start);
        if let Some(transformer) = transformer(name).filter(|_| self.lexer.rest().starts_with('(')) {
            return Ok(CallArg::Operand(Operand::Call(self.call(transformer, start, depth + 1)?)));
        }
        if name.contains('.') {
            return Ok(CallArg::Operand(Operand::Field(self.field(name, &span)?)));
        }
        self.lexer.back_to(start);
        self.fail("expected a field, a transformer, a quoted text or a number")
    }

    fn quoted(&mut self) -> Result<Option<Vec<u8>>> {
        let outcome = self.lexer.quoted().transpose();
        outcome.map_err(|(message, span)| ParseError { message, span, hint: None })
    }

    fn check(&mut self, left: Operand) -> Result<Check> {
        self.lexer.blanks();
        let start = self.lexer.at();
        let Some(op) = self.op() else { return self.unknown_op(&left) };
        let op_span = self.lexer.span_from(start);
        let blank = self.lexer.blanks();
        if op.shape() == Shape::Text
            && blank
            && let Some((modifier, values)) = self.modified(op)?
        {
            return Ok(Check { left, op, modifier: Some(modifier), op_span, values });
        }
        let values = match op.shape() {
            Shape::Nothing => {
                // The blanks belong to what follows.
                self.lexer.back_to(op_span.end);
                Values::None
            }
            shape => match self.right_operand()? {
                Some(values) => values,
                None if shape == Shape::Number => Values::One(self.number(op)?),
                None if shape == Shape::Text => Values::One(self.value(op)?),
                None => self.list(op)?,
            },
        };
        Ok(Check { left, op, modifier: None, op_span, values })
    }

    /// The next operator. One that is a word and takes a value needs a blank behind it.
    fn op(&mut self) -> Option<Op> {
        Op::ALL.iter().copied().find(|op| {
            if op.is_word() && op.shape() == Shape::Text {
                self.lexer.word(op.name())
            } else {
                self.lexer.symbol(op.name())
            }
        })
    }

    /// `oneof (…)`. Without a list behind it the word is a value like any other.
    fn modified(&mut self, op: Op) -> Result<Option<(Modifier, Values)>> {
        let start = self.lexer.at();
        let found = Modifier::ALL.iter().copied().find(|modifier| self.lexer.word(modifier.name()));
        if let Some(modifier) = found {
            self.lexer.blanks();
            let mut ahead = self.lexer.clone();
            let is_name =
                ahead.name().is_some_and(|name| !name.contains('.') && !["and", "or"].contains(&name));
            if is_name || self.lexer.rest().starts_with('(') {
                return Ok(Some((modifier, self.list(op)?)));
            }
        }
        self.lexer.back_to(start);
        Ok(None)
    }

    /// `val(field)` or a transformer.
    fn right_operand(&mut self) -> Result<Option<Values>> {
        let start = self.lexer.at();
        if self.lexer.symbol("val(") {
            self.lexer.blanks();
            let at = self.lexer.at();
            let Some(name) = self.lexer.name().filter(|name| name.contains('.')) else {
                self.lexer.back_to(at);
                return self.fail("expected a field between the parentheses of 'val'");
            };
            let span = self.lexer.span_from(at);
            let field = self.field(name, &span)?;
            self.lexer.blanks();
            return if self.lexer.symbol(")") {
                Ok(Some(Values::Val(field)))
            } else {
                self.fail("expected a ')' token closing 'val'")
            };
        }
        let found = self.lexer.name().and_then(transformer).filter(|_| self.lexer.rest().starts_with('('));
        if let Some(transformer) = found {
            return Ok(Some(Values::Call(self.call(transformer, start, 1)?)));
        }
        self.lexer.back_to(start);
        Ok(None)
    }

    fn unknown_op<T>(&self, left: &Operand) -> Result<T> {
        let mut error = self.error(format!("expected a valid check operator after '{left}'"));
        let word =
            self.lexer.rest().split(|c: char| is_blank(c) || "(),".contains(c)).next().unwrap_or_default();
        let known = nearest(word, Op::ALL.iter().map(|op| op.name()));
        error.hint = Some(match known {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("one of {}", Op::ALL.iter().map(|op| op.name()).collect::<Vec<_>>().join(" ")),
        });
        Err(error)
    }

    fn number(&mut self, op: Op) -> Result<Literal> {
        let start = self.lexer.at();
        match self.lexer.number() {
            Some(text) => Ok(Literal { bytes: text.as_bytes().to_vec(), span: self.lexer.span_from(start) }),
            None => self.fail(format!("expected a number after '{}'", op.name())),
        }
    }

    fn value(&mut self, op: Op) -> Result<Literal> {
        let start = self.lexer.at();
        let bytes = match self.quoted()? {
            Some(bytes) => bytes,
            None => match self.lexer.bare() {
                Some(text) => text.as_bytes().to_vec(),
                None => return self.fail(format!("expected a value after '{}'", op.name())),
            },
        };
        Ok(Literal { bytes, span: self.lexer.span_from(start) })
    }

    fn list(&mut self, op: Op) -> Result<Values> {
        let start = self.lexer.at();
        if !self.lexer.symbol("(") {
            return self.name_list(op);
        }
        let mut literals = Vec::new();
        self.lexer.blanks();
        if self.lexer.symbol(")") {
            return Ok(Values::List(literals));
        }
        loop {
            self.lexer.blanks();
            literals.push(self.value(op)?);
            self.lexer.blanks();
            if self.lexer.symbol(")") {
                return Ok(Values::List(literals));
            }
            if !self.lexer.symbol(",") {
                if self.lexer.is_end() {
                    let message = "expected a ')' token closing the list".to_owned();
                    return Err(ParseError { message, span: start..start + 1, hint: None });
                }
                return self.fail("expected a ',' or ')' token in the list");
            }
        }
    }

    /// A name without parentheses, which a list's items may have replaced.
    fn name_list(&mut self, op: Op) -> Result<Values> {
        let start = self.lexer.at();
        match self.lexer.name() {
            Some(name) if !name.contains('.') => {
                let bytes = name.as_bytes().to_vec();
                Ok(Values::Name(Literal { bytes, span: self.lexer.span_from(start) }))
            }
            _ => {
                self.lexer.back_to(start);
                self.fail(format!("expected a list in parentheses after '{}'", op.name()))
            }
        }
    }
}

fn transformer(name: &str) -> Option<Transformer> {
    Transformer::ALL.iter().copied().find(|transformer| transformer.name() == name)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
