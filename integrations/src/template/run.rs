//! Goes through a template's parts with an alert.

use std::borrow::Cow;

use super::function::Call;
use super::tree::{Base, Block, Command, Head, Node, Operand, Pipe};
use super::value::Value;
use super::{Fault, OUTPUT_BYTES_MAX, STEPS_MAX};

/// Whether a loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// One alert's way through a template. Its depth is bounded by the tree's.
pub(super) struct Run<'a> {
    out: String,
    variables: Vec<(&'a str, Value<'a>)>,
    steps: usize,
}

impl<'a> Run<'a> {
    /// The text, and what ended it early.
    pub(super) fn start(nodes: &'a [Node], dot: &Value<'a>) -> (String, Option<Fault>) {
        let mut run = Self { out: String::new(), variables: vec![("$", dot.clone())], steps: 0 };
        let fault = run.list(nodes, dot).err();
        (run.out, fault)
    }

    fn step(&mut self, at: usize) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Fault::new(at, format!("one alert takes more than {STEPS_MAX} steps")));
        }
        Ok(())
    }

    /// Writes text, up to the limit.
    fn write(&mut self, text: &str, at: usize) -> Result<(), Fault> {
        let room = OUTPUT_BYTES_MAX - self.out.len();
        self.out.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room {
            return Err(Fault::new(at, format!("one alert makes more than {OUTPUT_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    fn list(&mut self, nodes: &'a [Node], dot: &Value<'a>) -> Result<Flow, Fault> {
        for node in nodes {
            match node {
                Node::Text(text) => self.write(text, 0)?,
                Node::Print(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.names.is_empty() {
                        match value {
                            Value::Nil => self.write("<no value>", pipe.at)?,
                            Value::Text(text) => self.write(&text, pipe.at)?,
                            other => self.write(&other.to_string(), pipe.at)?,
                        }
                    }
                }
                Node::Block { word, pipe, body, otherwise } => {
                    let outside = self.variables.len();
                    let flow = self.block(*word, pipe, [body, otherwise], dot)?;
                    self.variables.truncate(outside);
                    if flow != Flow::On {
                        return Ok(flow);
                    }
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::On)
    }

    fn block(
        &mut self,
        word: Block,
        pipe: &'a Pipe,
        [body, otherwise]: [&'a [Node]; 2],
        dot: &Value<'a>,
    ) -> Result<Flow, Fault> {
        if word == Block::Range {
            return self.range(pipe, [body, otherwise], dot);
        }
        let value = self.pipe(pipe, dot)?;
        match (value.is_true(), word) {
            (false, _) => self.list(otherwise, dot),
            (true, Block::With) => self.list(body, &value),
            (true, _) => self.list(body, dot),
        }
    }

    fn range(
        &mut self,
        pipe: &'a Pipe,
        [body, otherwise]: [&'a [Node]; 2],
        dot: &Value<'a>,
    ) -> Result<Flow, Fault> {
        let turns: Box<dyn Iterator<Item = (Value<'a>, Value<'a>)>> = match self.pipe(pipe, dot)? {
            Value::Nil => Box::new(std::iter::empty()),
            Value::Int(count) => Box::new((0..count).map(|number| (Value::Int(number), Value::Int(number)))),
            Value::Tags(tags) => {
                Box::new((0..).zip(tags).map(|(number, tag)| (Value::Int(number), Value::Text(tag.into()))))
            }
            Value::Fields(fields) => {
                Box::new(fields.sorted().into_iter().map(|(name, value)| (Value::Text(name.into()), value)))
            }
            other => return Err(Fault::new(pipe.at, format!("`range` cannot go through {}", other.kind()))),
        };
        let inside = self.variables.len();
        let mut empty = true;
        for (key, value) in turns {
            empty = false;
            self.step(pipe.at)?;
            let values = if pipe.names.len() == 2 { vec![key, value.clone()] } else { vec![value.clone()] };
            self.bind(pipe, values);
            let flow = self.list(body, &value)?;
            self.variables.truncate(inside);
            if flow == Flow::Break {
                break;
            }
        }
        if empty { self.list(otherwise, dot) } else { Ok(Flow::On) }
    }

    /// Gives the variables of a pipe their values.
    fn bind(&mut self, pipe: &'a Pipe, values: Vec<Value<'a>>) {
        for (name, value) in pipe.names.iter().zip(values) {
            let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
            match known {
                Some((_, old)) if pipe.assigns => *old = value,
                _ => self.variables.push((name, value)),
            }
        }
    }

    fn pipe(&mut self, pipe: &'a Pipe, dot: &Value<'a>) -> Result<Value<'a>, Fault> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, value, dot)?);
        }
        let value = value.unwrap_or(Value::Nil);
        self.bind(pipe, vec![value.clone()]);
        Ok(value)
    }

    fn command(
        &mut self,
        command: &'a Command,
        piped: Option<Value<'a>>,
        dot: &Value<'a>,
    ) -> Result<Value<'a>, Fault> {
        self.step(command.at)?;
        let function = match (command.head, command.arguments.first()) {
            (Head::Function(function), _) => function,
            (Head::Value, Some(operand)) => return self.operand(operand, dot),
            (Head::Value, None) => return Ok(Value::Nil),
        };
        let stops_at = match function.call {
            Call::And => Some(false),
            Call::Or => Some(true),
            Call::With(_) => None,
        };
        let mut values = Vec::with_capacity(command.arguments.len() + 1);
        for operand in &command.arguments {
            let value = self.operand(operand, dot)?;
            if stops_at == Some(value.is_true()) {
                return Ok(value);
            }
            values.push(value);
        }
        values.extend(piped);
        match function.call {
            Call::And | Call::Or => Ok(values.pop().unwrap_or(Value::Nil)),
            Call::With(call) => {
                let value = call(&values)
                    .map_err(|problem| Fault::new(command.at, format!("`{}`: {problem}", function.name)))?;
                match &value {
                    Value::Text(Cow::Owned(text)) if text.len() > OUTPUT_BYTES_MAX => {
                        let problem = format!("a text longer than {OUTPUT_BYTES_MAX} bytes");
                        Err(Fault::new(command.at, problem))
                    }
                    _ => Ok(value),
                }
            }
        }
    }

    fn operand(&mut self, operand: &'a Operand, dot: &Value<'a>) -> Result<Value<'a>, Fault> {
        let mut value = match &operand.base {
            Base::Dot => dot.clone(),
            Base::Nil => Value::Nil,
            Base::Bool(truth) => Value::Bool(*truth),
            Base::Int(number) => Value::Int(*number),
            Base::Float(number) => Value::Float(*number),
            Base::Text(text) => Value::Text(text.as_str().into()),
            Base::Variable(name) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                known.map_or(Value::Nil, |(_, value)| value.clone())
            }
            Base::Pipe(pipe) => self.pipe(pipe, dot)?,
        };
        for name in &operand.fields {
            value = value.part(name).map_err(|problem| Fault::new(operand.at, problem))?;
        }
        Ok(value)
    }
}
