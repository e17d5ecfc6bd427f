//! Condition text to a tree with spans: lexer, parser, tree. Knows no field and no rule file.

mod lexer;
mod parser;
pub(crate) mod ast;

pub(crate) use parser::{ParseError, parse};
