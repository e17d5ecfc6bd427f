//! What stands between braces: pipes of commands, and what those are given.

use super::Parser;
use crate::template::Fault;
use crate::template::function;
use crate::template::lex::{Kind, Token};
use crate::template::tree::{Base, Command, Head, Operand, Pipe};

impl Parser {
    pub(super) fn pipe(&mut self, loops: bool) -> Result<Pipe, Fault> {
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
