//! Tokens as a tree. What can be known to be wrong is refused here.

use super::function::{self, Function};
use super::lex::{Kind, Token};
use super::{DEPTH_MAX, Fault};

/// One part of a template.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipe),
    Block { word: Block, pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    Break,
    Continue,
}

/// What a block does with its pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    If,
    With,
    Range,
}

/// Commands, each given the value of the one before, and the variables that get the last one's.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    pub(super) at: usize,
    pub(super) names: Vec<String>,
    /// `=` and not `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A value, or a function with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) head: Head,
    pub(super) arguments: Vec<Operand>,
}

/// What a command begins with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    /// Its only operand.
    Value,
    Function(&'static Function),
}

/// A value, and the names of what is taken out of it.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) base: Base,
    pub(super) fields: Vec<String>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Variable(String),
    Pipe(Box<Pipe>),
}

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

    fn pipe(&mut self, loops: bool) -> Result<Pipe, Fault> {
        let at = self.peek().at;
        let (names, assigns) = self.declared(loops)?;
        let mut commands = vec![self.command(false)?];
        while self.peek().kind == Kind::Pipe {
            self.take();
            commands.push(self.command(true)?);
        }
        if assigns {
            names.iter().try_for_each(|name| self.known(name, at))?;
        } else {
            self.names.extend(names.iter().cloned());
        }
        Ok(Pipe { at, names, assigns, commands })
    }

    /// `$x :=`, `$x =`, or for a loop also `$i, $x :=`.
    fn declared(&mut self, loops: bool) -> Result<(Vec<String>, bool), Fault> {
        let mut names = Vec::new();
        loop {
            let Kind::Variable(name) = self.ahead(2 * names.len()).kind else {
                return Ok((Vec::new(), false));
            };
            names.push(name);
            let token = self.ahead(2 * names.len() - 1);
            match token.kind {
                Kind::Comma if loops && names.len() == 1 => {}
                Kind::Comma => return Err(Fault::new(token.at, "too many variables")),
                Kind::Declare | Kind::Assign => {
                    self.next += 2 * names.len();
                    return Ok((names, token.kind == Kind::Assign));
                }
                _ => return Ok((Vec::new(), false)),
            }
        }
    }

    fn known(&self, name: &str, at: usize) -> Result<(), Fault> {
        if self.names.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(Fault::new(at, format!("the variable `{name}` is not defined")))
    }

    fn command(&mut self, piped: bool) -> Result<Command, Fault> {
        let Token { kind, at, .. } = self.peek();
        let mut head = Head::Value;
        if let Kind::Word(word) = &kind
            && !matches!(word.as_str(), "true" | "false" | "nil")
        {
            head = Head::Function(function::find(word).ok_or_else(|| unknown(word, at))?);
            self.take();
        }
        let mut arguments = Vec::new();
        while let token = self.peek()
            && !matches!(token.kind, Kind::Close | Kind::Right | Kind::Pipe)
        {
            if !(token.spaced || arguments.is_empty() && matches!(head, Head::Value)) {
                return Err(Fault::new(token.at, "a space is expected here"));
            }
            arguments.push(self.operand()?);
        }
        match head {
            Head::Value if arguments.is_empty() => Err(Fault::new(at, "a value is missing here")),
            Head::Value if piped => Err(Fault::new(at, "only a function takes the value of a pipe")),
            Head::Value if arguments.len() > 1 => {
                Err(Fault::new(arguments[1].at, "only a function takes arguments"))
            }
            Head::Value if matches!(arguments[0].base, Base::Nil) => {
                Err(Fault::new(at, "`nil` is no command"))
            }
            Head::Function(function) => {
                function
                    .check(arguments.len() + usize::from(piped))
                    .map_err(|problem| Fault::new(at, problem))?;
                Ok(Command { at, head, arguments })
            }
            Head::Value => Ok(Command { at, head, arguments }),
        }
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let Token { kind, at, .. } = self.take();
        let mut fields = Vec::new();
        let base = match kind {
            Kind::Dot => Base::Dot,
            Kind::Field(name) => {
                fields.push(name);
                Base::Dot
            }
            Kind::Variable(name) => {
                self.known(&name, at)?;
                Base::Variable(name)
            }
            Kind::String(text) => Base::Text(text),
            Kind::Int(number) => Base::Int(number),
            Kind::Float(number) => Base::Float(number),
            Kind::Left => {
                self.deeper(at)?;
                let pipe = self.pipe(false)?;
                if self.take().kind != Kind::Right {
                    return Err(Fault::new(at, "the parenthesis is not closed"));
                }
                self.depth -= 1;
                Base::Pipe(Box::new(pipe))
            }
            Kind::Word(word) => match word.as_str() {
                "true" | "false" => Base::Bool(word == "true"),
                "nil" => Base::Nil,
                _ if function::find(&word).is_some() => {
                    return Err(Fault::new(
                        at,
                        format!("write `({word} …)`: a function within another's arguments"),
                    ));
                }
                _ => return Err(unknown(&word, at)),
            },
            _ => return Err(Fault::new(at, "a value is expected here")),
        };
        while let Token { kind: Kind::Field(name), spaced: false, at } = self.peek() {
            if !matches!(base, Base::Variable(_) | Base::Pipe(_)) && fields.is_empty() {
                return Err(Fault::new(at, format!("`.{name}` of what has no parts")));
            }
            self.take();
            fields.push(name);
        }
        Ok(Operand { at, base, fields })
    }
}

fn unknown(word: &str, at: usize) -> Fault {
    Fault::new(at, format!("unknown function `{word}`; there are: {}", function::names()))
}
