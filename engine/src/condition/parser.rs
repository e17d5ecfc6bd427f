//! Condition text to its tree, by recursive descent. `or` binds weaker than `and`, `and` than `not`.

use super::ast::{Check, Expr, FieldRef, Literal, Node, Op, Shape, Span, Values};
use super::lexer::{Lexer, is_blank};
use crate::problem::nearest;

/// Parentheses and `not`s within each other. Deeper conditions are refused: nobody writes them, and
/// each level costs stack.
const DEPTH_MAX: usize = 200;

/// Falco's transformers and the reference to another field. They parse as themselves and are refused
/// by name.
const FUNCTIONS: &[&str] =
    &["tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt", "val"];

/// Why there is no tree, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    pub(crate) message: String,
    pub(crate) span: Span,
    pub(crate) hint: Option<String>,
}

type Result<T> = std::result::Result<T, ParseError>;

/// Parses a whole condition.
pub(crate) fn parse(text: &str) -> Result<Expr> {
    let mut parser = Parser { lexer: Lexer::new(text), depth: 0 };
    parser.lexer.blanks();
    if parser.lexer.is_end() {
        return Err(ParseError { message: "the condition is empty".to_owned(), span: 0..0, hint: None });
    }
    let expr = parser.or()?;
    parser.lexer.blanks();
    if parser.lexer.is_end() {
        Ok(expr)
    } else {
        parser.fail("expected `and`, `or` or the end of the condition")
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

impl Parser<'_> {
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

    fn or(&mut self) -> Result<Expr> {
        self.chain("or", Self::and, Node::Or)
    }

    fn and(&mut self) -> Result<Expr> {
        self.chain("and", Self::not, Node::And)
    }

    /// `part { word part }`, as one node.
    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expr>,
        node: fn(Vec<Expr>) -> Node,
    ) -> Result<Expr> {
        let first = part(self)?;
        let start = first.span.start;
        let mut parts = vec![first];
        loop {
            let before = self.lexer.at();
            self.lexer.blanks();
            let at = self.lexer.at();
            if !self.lexer.symbol(word) {
                self.lexer.back_to(before);
                break;
            }
            if !(self.lexer.rest().starts_with('(') || self.lexer.rest().starts_with(is_blank)) {
                self.lexer.back_to(at);
                return self.fail(format!("expected a blank or `(` after `{word}`"));
            }
            parts.push(part(self)?);
        }
        if parts.len() == 1 {
            return Ok(parts.swap_remove(0));
        }
        let span = start..parts.last().map_or(start, |last| last.span.end);
        Ok(Expr { node: node(parts), span })
    }

    /// Any number of `not`s, of which only the parity counts, and what they stand before.
    fn not(&mut self) -> Result<Expr> {
        self.lexer.blanks();
        let start = self.lexer.at();
        let mut negated = false;
        loop {
            if self.lexer.word("not") {
                self.lexer.blanks();
            } else if self.lexer.rest().starts_with("not(") {
                self.lexer.symbol("not");
            } else {
                break;
            }
            negated = !negated;
        }
        let inner = self.primary()?;
        if !negated {
            return Ok(inner);
        }
        let span = start..inner.span.end;
        Ok(Expr { node: Node::Not(Box::new(inner)), span })
    }

    fn primary(&mut self) -> Result<Expr> {
        let start = self.lexer.at();
        if self.lexer.symbol("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return self.fail(format!("parentheses are nested deeper than {DEPTH_MAX}"));
            }
            let mut inner = self.or()?;
            self.lexer.blanks();
            if !self.lexer.symbol(")") {
                return Err(ParseError {
                    message: "this `(` is not closed".to_owned(),
                    span: start..start + 1,
                    hint: None,
                });
            }
            self.depth -= 1;
            inner.span = self.lexer.span_from(start);
            return Ok(inner);
        }
        let Some(name) = self.lexer.name() else { return self.fail("expected a field, a macro or `(`") };
        let span = self.lexer.span_from(start);
        if FUNCTIONS.contains(&name) && self.lexer.rest().starts_with('(') {
            let message = format!("`{name}(…)` is not supported yet");
            return Err(ParseError { message, span, hint: None });
        }
        if !name.contains('.') {
            return Ok(Expr { node: Node::Macro(name.to_owned()), span });
        }
        let name = name.to_owned();
        let arg = self.arg()?;
        let field = FieldRef { name, arg, span: self.lexer.span_from(start) };
        let check = self.check(field)?;
        Ok(Expr { node: Node::Check(check), span: self.lexer.span_from(start) })
    }

    /// `[…]` right behind a field's name.
    fn arg(&mut self) -> Result<Option<String>> {
        let start = self.lexer.at();
        if !self.lexer.symbol("[") {
            return Ok(None);
        }
        let arg = match self.quoted()? {
            Some(text) => text,
            None => match self.lexer.bare_arg() {
                Some(text) => text.to_owned(),
                None => return self.fail("expected the field's argument"),
            },
        };
        if self.lexer.symbol("]") {
            return Ok(Some(arg));
        }
        Err(ParseError { message: "this `[` is not closed".to_owned(), span: start..start + 1, hint: None })
    }

    fn quoted(&mut self) -> Result<Option<String>> {
        let outcome = self.lexer.quoted().transpose();
        outcome.map_err(|(message, span)| ParseError { message, span, hint: None })
    }

    fn check(&mut self, field: FieldRef) -> Result<Check> {
        self.lexer.blanks();
        let start = self.lexer.at();
        let Some(op) = self.op() else { return self.unknown_op(&field) };
        let op_span = self.lexer.span_from(start);
        self.lexer.blanks();
        let values = match op.shape() {
            Shape::Nothing => Values::None,
            Shape::Number => Values::One(self.number(op)?),
            Shape::Text => Values::One(self.value(op)?),
            Shape::List => self.list(op)?,
        };
        Ok(Check { field, op, op_span, values })
    }

    /// The next operator. One that is a word and takes a value needs a blank behind it.
    fn op(&mut self) -> Option<Op> {
        Op::ALL.iter().copied().find(|op| {
            let is_word = op.name().starts_with(|c: char| c.is_ascii_alphabetic());
            if is_word && op.shape() == Shape::Text {
                self.lexer.word(op.name())
            } else {
                self.lexer.symbol(op.name())
            }
        })
    }

    fn unknown_op<T>(&self, field: &FieldRef) -> Result<T> {
        let mut error = self.error(format!("expected an operator after `{field}`"));
        let word =
            self.lexer.rest().split(|c: char| is_blank(c) || "(),".contains(c)).next().unwrap_or_default();
        error.hint =
            nearest(word, Op::ALL.iter().map(|op| op.name())).map(|known| format!("did you mean `{known}`?"));
        Err(error)
    }

    fn number(&mut self, op: Op) -> Result<Literal> {
        let start = self.lexer.at();
        match self.lexer.number() {
            Some(text) => Ok(Literal { text: text.to_owned(), span: self.lexer.span_from(start) }),
            None => self.fail(format!("expected a number after `{}`", op.name())),
        }
    }

    fn value(&mut self, op: Op) -> Result<Literal> {
        let start = self.lexer.at();
        let text = match self.quoted()? {
            Some(text) => text,
            None => match self.lexer.bare() {
                Some(text) => text.to_owned(),
                None => return self.fail(format!("expected a value after `{}`", op.name())),
            },
        };
        Ok(Literal { text, span: self.lexer.span_from(start) })
    }

    fn list(&mut self, op: Op) -> Result<Values> {
        let start = self.lexer.at();
        if !self.lexer.symbol("(") {
            return self.bare_list(op);
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
                    let message = "this `(` is not closed".to_owned();
                    return Err(ParseError { message, span: start..start + 1, hint: None });
                }
                return self.fail("expected `,` or `)`");
            }
        }
    }

    /// A name without parentheses is a list of that one name.
    fn bare_list(&mut self, op: Op) -> Result<Values> {
        let start = self.lexer.at();
        match self.lexer.name() {
            Some(name) if !name.contains('.') => {
                let literal = Literal { text: name.to_owned(), span: self.lexer.span_from(start) };
                Ok(Values::List(vec![literal]))
            }
            _ => {
                self.lexer.back_to(start);
                self.fail(format!("expected a list in parentheses after `{}`", op.name()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn parses(text: &str, expected: &str) {
        assert_eq!(parse(text).map(|expr| expr.to_string()).as_deref(), Ok(expected), "{text}");
    }

    #[track_caller]
    fn fails(text: &str, at: usize, words: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.message.contains(words), "{error:?}");
        assert_eq!(error.span.start, at, "{error:?}");
    }

    #[test]
    fn precedence() {
        parses("a.b=1 and c.d=2 or e.f=3", "((a.b = 1 and c.d = 2) or e.f = 3)");
        parses("not a.b=1 and c.d=2", "(not a.b = 1 and c.d = 2)");
        parses("not not a.b=1", "a.b = 1");
        parses("not(a.b=1 or m)", "not (a.b = 1 or m)");
        parses("(a)and(b)or(c)", "((a and b) or c)");
        parses("a and (b and c)", "(a and (b and c))");
    }

    #[test]
    fn values() {
        parses("a.b in (x, 'y z', \"q\\\"\")", "a.b in (x, \"y z\", \"q\\\"\")");
        parses("a.b in ()", "a.b in ()");
        parses("a.b in name", "a.b in (name)");
        parses("a.b existsand m", "(a.b exists and m)");
        parses("a.b = 1.2.3.4/8", "a.b = 1.2.3.4/8");
        parses("a.b = not", "a.b = not");
        parses("a.b[x/y] == z", "a.b[x/y] == z");
        parses("a.b>=0x1F", "a.b >= 0x1F");
        parses("a.b = \"\"", "a.b = \"\"");
        parses("a.b startswith \"/a\\x20b\"", "a.b startswith \"/a b\"");
    }

    #[test]
    fn errors_point_at_the_spot() {
        fails("", 0, "empty");
        fails("a.b = ", 6, "expected a value");
        fails("a.b containz x", 4, "expected an operator");
        fails("a.b > x", 6, "expected a number");
        fails("(a.b = x", 0, "not closed");
        fails("a.b in (x y)", 10, "expected `,`");
        fails("a.b = x y", 8, "expected `and`");
        fails("a.b = 'x", 6, "not closed");
        fails("a.b = \"\\q\"", 7, "escape");
        fails("a.b=1 andx", 6, "after `and`");
        fails("tolower(a.b) = c", 0, "not supported");
        assert_eq!(parse("a.b containz x").unwrap_err().hint.as_deref(), Some("did you mean `contains`?"));
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(parse(&format!("{}m{}", "(".repeat(100), ")".repeat(100))).is_ok());
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&format!("{}m", "not ".repeat(100_001))).is_ok());
    }

    fn expr() -> impl Strategy<Value = String> {
        let value = prop_oneof!["[a-z/.*]{1,8}", "\"[a-z (),=]{0,8}\""];
        let op = prop_oneof![Just("="), Just("!="), Just("=="), Just("contains"), Just("glob")];
        let leaf = prop_oneof![
            "m[a-z]{1,4}".prop_filter("not a word of the language", |name| !name.starts_with("not")),
            ("[a-z]{2,4}\\.[a-z]{2,4}", op, value.clone()).prop_map(|(f, o, v)| format!("{f} {o} {v}")),
            ("[a-z]{2,4}\\.[a-z]{2,4}", prop::collection::vec(value, 0..4))
                .prop_map(|(f, v)| format!("{f} in ({})", v.join(","))),
            "[a-z]{2,4}\\.[a-z]{2,4}".prop_map(|f| format!("{f} exists")),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" and "))),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|p| format!("({})", p.join(" or "))),
                inner.prop_map(|part| format!("not {part}")),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(?s).{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_pieces_are_parsed_or_refused(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["(", ")", "and", "or", "not", " ", "a.b", "=", "in", "\"", "\\", "é", ",", "[", "exists", "1"]),
                0..30,
            ),
        ) {
            let text = pieces.concat();
            if let Err(error) = parse(&text) {
                prop_assert!(error.span.end <= text.len(), "{error:?}");
            }
        }

        #[test]
        fn what_is_printed_parses_to_the_same(text in expr()) {
            let printed = parse(&text).unwrap().to_string();
            prop_assert_eq!(parse(&printed).unwrap().to_string(), printed);
        }
    }
}
