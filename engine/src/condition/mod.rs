//! Condition text to a tree with spans: lexer, parser, tree. Knows no field and no rule file.

mod lexer;
mod parser;
mod operand;
mod check;
mod print;
pub mod ast;

pub use lexer::unquote;
pub use parser::{DEPTH_MAX, ParseError, RULE_DEPTH_MAX, parse, parse_operand};
pub use print::quoted;
