//! Fields and transformers.

use super::ast::{Call, CallArg, FieldRef, Literal, Operand, Span, Transformer};
use super::parser::{ParseError, Parser, Result, Start};

/// Transformers within each other.
const CALL_DEPTH_MAX: usize = 100;

impl Parser<'_> {
    /// A name, or a transformer if its `(` follows at once.
    pub(super) fn call_or_name(&mut self) -> Result<Start> {
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

    pub(super) fn field(&mut self, name: &str, span: &Span) -> Result<FieldRef> {
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
    pub(super) fn call(&mut self, transformer: Transformer, start: usize, depth: usize) -> Result<Call> {
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

    pub(super) fn quoted(&mut self) -> Result<Option<Vec<u8>>> {
        let outcome = self.lexer.quoted().transpose();
        outcome.map_err(|(message, span)| ParseError { message, span, hint: None })
    }
}

pub(super) fn transformer(name: &str) -> Option<Transformer> {
    Transformer::ALL.iter().copied().find(|transformer| transformer.name() == name)
}
