//! Comparisons: operators and what stands behind them.

use super::ast::{Check, Literal, Modifier, Op, Operand, Shape, Values};
use super::lexer::is_blank;
use super::operand::transformer;
use super::parser::{ParseError, Parser, Result};
use crate::problem::nearest;

impl Parser<'_> {
    pub(super) fn check(&mut self, left: Operand) -> Result<Check> {
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
