//! Tokens as a tree: parts and blocks. What can be known to be wrong is refused here.

mod pipe;

use super::lex::{Kind, Token};
use super::tree::{Block, Node};
use super::{DEPTH_MAX, Fault};

/// Reads the whole of a template.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Vec<Node>, Fault> {
    let mut parser = Parser { tokens, next: 0, names: vec!["$".to_owned()], depth: 0, loops: 0 };
    let (nodes, stop, at) = parser.list()?;
    match stop {
        Stop::Text => Ok(nodes),
        Stop::End => Err(Fault::new(at, "`end` without `if`, `with` or `range`")),
        Stop::Else => Err(Fault::new(at, "`else` without `if`, `with` or `range`")),
    }
}

/// What ended a list of parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Text,
    End,
    Else,
}

struct Parser {
    /// The last one is [`Kind::End`].
    tokens: Vec<Token>,
    next: usize,
    /// The variables that are known here.
    names: Vec<String>,
    depth: usize,
    loops: usize,
}

impl Parser {
    /// The next token without taking it.
    fn peek(&self) -> Token {
        self.ahead(0)
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn ahead(&self, count: usize) -> Token {
        let end = Token { kind: Kind::End, at: 0, spaced: false };
        self.tokens.get(self.next + count).or(self.tokens.last()).cloned().unwrap_or(end)
    }

    fn close(&mut self) -> Result<(), Fault> {
        match self.take() {
            Token { kind: Kind::Close, .. } => Ok(()),
            other => Err(Fault::new(other.at, "`}}` is expected here")),
        }
    }

    fn deeper(&mut self, at: usize) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::new(at, format!("blocks and parentheses are deeper than {DEPTH_MAX}")));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(Vec<Node>, Stop, usize), Fault> {
        let mut nodes = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                Kind::Text(text) => nodes.push(Node::Text(text)),
                Kind::Open => {
                    if let Some((stop, at)) = self.action(&mut nodes)? {
                        return Ok((nodes, stop, at));
                    }
                }
                _ => return Ok((nodes, Stop::Text, token.at)),
            }
        }
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Result<Option<(Stop, usize)>, Fault> {
        let Token { kind, at, .. } = self.peek();
        let Kind::Word(word) = kind else {
            nodes.push(Node::Print(self.pipe(false)?));
            return self.close().map(|()| None);
        };
        let node = match word.as_str() {
            "if" | "with" | "range" => {
                let node = self.block()?;
                nodes.push(node);
                return Ok(None);
            }
            "end" => {
                self.take();
                return self.close().map(|()| Some((Stop::End, at)));
            }
            "else" => {
                self.take();
                return Ok(Some((Stop::Else, at)));
            }
            "break" | "continue" => {
                self.take();
                if self.loops == 0 {
                    return Err(Fault::new(at, format!("`{word}` outside `range`")));
                }
                if word == "break" { Node::Break } else { Node::Continue }
            }
            "define" | "template" | "block" => {
                return Err(Fault::new(
                    at,
                    format!("`{word}` is not supported: write the text in its place"),
                ));
            }
            _ => Node::Print(self.pipe(false)?),
        };
        nodes.push(node);
        self.close().map(|()| None)
    }

    /// From `if`, `with` or `range` to its `end`.
    fn block(&mut self) -> Result<Node, Fault> {
        let Token { kind: Kind::Word(name), at, .. } = self.take() else {
            return Err(Fault::new(0, "a block begins with a word"));
        };
        let word = match name.as_str() {
            "if" => Block::If,
            "with" => Block::With,
            _ => Block::Range,
        };
        self.deeper(at)?;
        let outside = self.names.len();
        let pipe = self.pipe(word == Block::Range)?;
        self.close()?;
        let known = self.names.len();
        self.loops += usize::from(word == Block::Range);
        let (body, stop, _) = self.list()?;
        self.loops -= usize::from(word == Block::Range);
        self.names.truncate(known);
        let otherwise = match stop {
            Stop::End => Vec::new(),
            Stop::Text => return Err(Fault::new(at, format!("`{name}` has no `end`"))),
            Stop::Else => self.otherwise(&name, at)?,
        };
        self.names.truncate(outside);
        self.depth -= 1;
        Ok(Node::Block { word, pipe, body, otherwise })
    }

    fn otherwise(&mut self, name: &str, at: usize) -> Result<Vec<Node>, Fault> {
        if matches!(self.peek().kind, Kind::Word(next) if next == name && name != "range") {
            return Ok(vec![self.block()?]);
        }
        self.close()?;
        match self.list()? {
            (nodes, Stop::End, _) => Ok(nodes),
            (_, Stop::Else, at) => Err(Fault::new(at, "a second `else`")),
            (_, Stop::Text, _) => Err(Fault::new(at, format!("`{name}` has no `end`"))),
        }
    }
}
