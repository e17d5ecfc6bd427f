//! Reads YAML into a tree that knows where everything stands.
//!
//! Bounded: [`BYTES_MAX`], [`DEPTH_MAX`], [`NODES_MAX`]. Knows nothing of rules.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::text::Text;

/// Bytes of one rule file.
pub(crate) const BYTES_MAX: usize = 16 << 20;
/// Nesting of sequences and mappings; a rule file needs 6.
const DEPTH_MAX: usize = 64;
/// Nodes of one file, with what aliases repeat.
const NODES_MAX: usize = 2_000_000;

/// Closing brackets of one file that are put where YAML wants them.
const BRACKETS_MAX: usize = 64;

/// A part of a YAML document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// Where it stands, in bytes of the file.
    pub(crate) range: Range<usize>,
    /// How many nodes it has, itself with them.
    count: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A scalar's text, and whether it is plain: only then can it be null.
    Scalar(String, ScalarStyle),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// Why there is no tree, and where.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) message: String,
    pub(crate) offset: usize,
}

impl Node {
    /// Nothing at all, or YAML's words for it.
    pub(crate) fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar(text, ScalarStyle::Plain) => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// A scalar's text.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The value of a key of a mapping, and the key.
    pub(crate) fn get(&self, key: &str) -> Option<(&Node, &Node)> {
        match &self.content {
            Content::Mapping(pairs) => pairs
                .iter()
                .find(|(name, _)| name.scalar() == Some(key))
                .map(|(name, value)| (&**name, &**value)),
            _ => None,
        }
    }

    /// A scalar's text with the place of each byte in the file.
    pub(crate) fn text(&self, source: &str, file: u32) -> Option<Text> {
        let Content::Scalar(value, style) = &self.content else { return None };
        let offsets = align(value, &source[self.range.clone()], *style);
        let start = u32::try_from(self.range.start).unwrap_or(u32::MAX);
        let offsets: Vec<u32> = match offsets {
            Some(offsets) => offsets.into_iter().map(|offset| start + offset).collect(),
            None => vec![start; value.len()],
        };
        Some(Text::new(value, file, &offsets))
    }
}

/// Reads all documents of a stream.
pub(crate) fn read(source: &str) -> Result<Vec<Rc<Node>>, Error> {
    if source.len() > BYTES_MAX {
        return Err(Error { message: format!("the file is larger than {BYTES_MAX} bytes"), offset: 0 });
    }
    let mut patched = source.to_owned();
    for _ in 0..BRACKETS_MAX {
        match documents(&patched) {
            Err(error) if attach_bracket(&mut patched, error.offset) => {}
            result => return result,
        }
    }
    documents(&patched)
}

/// A closing bracket may stand no deeper than the key before it: YAML forbids that, and every rule file
/// does it. It is moved behind the line before, which changes no byte's place.
fn attach_bracket(text: &mut String, at: usize) -> bool {
    let line = text[..at.min(text.len())].rfind('\n').map_or(0, |end| end + 1);
    let blanks = text[line..].len() - text[line..].trim_start_matches(' ').len();
    if line == 0 || !text[line + blanks..].starts_with([']', '}']) {
        return false;
    }
    let before = text[..line - 1].rfind('\n').map_or(0, |end| end + 1);
    let end = text[before..line - 1].find(" #").map_or(line - 1, |comment| before + comment);
    text.replace_range(end..line, &" ".repeat(line - end));
    true
}

fn documents(source: &str) -> Result<Vec<Rc<Node>>, Error> {
    let mut reader = Reader::new(source);
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            event => documents.push(reader.node(event, span, 0)?),
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    source: &'a str,
    /// Where each character begins; empty if the text is ASCII and they are all one byte.
    characters: Vec<usize>,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Self {
        let characters =
            if source.is_ascii() { Vec::new() } else { source.char_indices().map(|(at, _)| at).collect() };
        let parser = Parser::new_from_str(source);
        Self { source, characters, parser, anchors: HashMap::new(), nodes: 0 }
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Error> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let offset = self.offset(error.marker().index());
                Err(Error { message: error.info().to_owned(), offset })
            }
        }
    }

    fn offset(&self, character: usize) -> usize {
        let all = self.source.len();
        if self.characters.is_empty() {
            character.min(all)
        } else {
            self.characters.get(character).copied().unwrap_or(all)
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Rc<Node>, Error> {
        let start = self.offset(span.start.index());
        let mut range = start..self.offset(span.end.index()).max(start);
        let fail = |message: String| Err(Error { message, offset: start });
        if depth > DEPTH_MAX {
            return fail(format!("nested deeper than {DEPTH_MAX}"));
        }
        let (content, anchor, count) = match event {
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return fail("the alias has no anchor".to_owned());
                };
                self.nodes += node.count;
                if self.nodes > NODES_MAX {
                    return fail(format!("more than {NODES_MAX} parts"));
                }
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, _) => (Content::Scalar(text.into_owned(), style), anchor, 1),
            Event::SequenceStart(anchor, _) => {
                let (parts, end) = self.parts(depth)?;
                range.end = end;
                let count = 1 + parts.iter().map(|node| node.count).sum::<usize>();
                (Content::Sequence(parts), anchor, count)
            }
            Event::MappingStart(anchor, _) => {
                let (parts, end) = self.parts(depth)?;
                range.end = end;
                let count = 1 + parts.iter().map(|node| node.count).sum::<usize>();
                let mut parts = parts.into_iter();
                let mut pairs = Vec::new();
                while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                    pairs.push((key, value));
                }
                (Content::Mapping(pairs), anchor, count)
            }
            _ => return fail("the document ends too early".to_owned()),
        };
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return fail(format!("more than {NODES_MAX} parts"));
        }
        let node = Rc::new(Node { content, range, count });
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    /// What stands up to the end of a sequence or mapping, and where that is.
    fn parts(&mut self, depth: usize) -> Result<(Vec<Rc<Node>>, usize), Error> {
        let mut parts = Vec::new();
        loop {
            match self.next()? {
                Some((Event::SequenceEnd | Event::MappingEnd, span)) => {
                    return Ok((parts, self.offset(span.end.index())));
                }
                Some((event, span)) => parts.push(self.node(event, span, depth + 1)?),
                None => {
                    let offset = self.source.len();
                    return Err(Error { message: "the document ends too early".to_owned(), offset });
                }
            }
        }
    }
}

/// For each byte of a scalar's value, where it stands in the scalar as written.
///
/// Blanks are folded, indented and escaped in many ways, everything else stands as it is or behind a
/// backslash: so blanks are matched loosely and the rest exactly. `None` where that does not work out.
fn align(value: &str, raw: &str, style: ScalarStyle) -> Option<Vec<u32>> {
    let bytes = raw.as_bytes();
    let mut at = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Literal | ScalarStyle::Folded => {
            if matches!(bytes.first(), Some(b'|' | b'>')) {
                raw.find('\n')?
            } else {
                0
            }
        }
    };
    let mut offsets = Vec::with_capacity(value.len());
    for character in value.chars() {
        let blank = matches!(character, ' ' | '\t' | '\n' | '\r');
        if !blank {
            while at < bytes.len() && (bytes[at].is_ascii_whitespace() || is_line_escape(bytes, at, style)) {
                at += 1;
            }
        }
        let here = u32::try_from(at.min(bytes.len())).ok()?;
        offsets.extend(std::iter::repeat_n(here, character.len_utf8()));
        at = match (bytes.get(at).copied(), style) {
            (Some(b'\\'), ScalarStyle::DoubleQuoted) => at + escape_len(bytes, at),
            (Some(b'\''), ScalarStyle::SingleQuoted) if character == '\'' => at + 2,
            (Some(byte), _) if blank => at + usize::from(byte.is_ascii_whitespace()),
            (None, _) if blank => at,
            _ if raw.get(at..)?.starts_with(character) => at + character.len_utf8(),
            _ => return None,
        };
    }
    Some(offsets)
}

/// A backslash at the end of a line of a double-quoted scalar: both vanish.
fn is_line_escape(bytes: &[u8], at: usize, style: ScalarStyle) -> bool {
    style == ScalarStyle::DoubleQuoted
        && bytes[at] == b'\\'
        && matches!(bytes.get(at + 1), Some(b'\n' | b'\r'))
}

/// The length of an escape in a double-quoted scalar.
fn escape_len(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at + 1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte of every scalar that is no blank is found where the file has it.
    fn check(source: &str) {
        let documents = read(source).unwrap();
        let Content::Mapping(pairs) = &documents[0].content else { panic!("no mapping") };
        let text = pairs[0].1.text(source, 0).unwrap();
        for (at, byte) in text.as_str().bytes().enumerate() {
            let (_, range) = text.locate(&(at..at + 1));
            if text.as_str().is_char_boundary(at)
                && !byte.is_ascii_whitespace()
                && !matches!(source.as_bytes()[range.start], b'\\')
            {
                assert_eq!(source.as_bytes()[range.start], byte, "{source:?} at {at}");
            }
        }
    }

    #[test]
    fn places_are_right_in_every_style() {
        check("a: plain text here\n");
        check("a: plain text\n  over two   lines\n");
        check("a: 'it''s single\n  quoted'\n");
        check("a: \"a \\\"double\\\" one\\n and \\\n   more\"\n");
        check("a: |\n  literal\n    block\n\n  text\n");
        check("a: >\n  folded\n  block\n\n  text\n    deeper\n  end\n");
        check("a: >-\n\n  folded (x,\n  y)\n");
        check("é: \"ü\" # not ascii\n");
    }

    #[test]
    fn limits_hold() {
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(read(&deep).unwrap_err().message.contains("nested"));
        let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let alias = format!("*a{}, ", i - 1).repeat(8);
            bomb += &format!("b{i}: &a{i} [{}]\n", alias.trim_end_matches(", "));
        }
        assert!(read(&bomb).unwrap_err().message.contains("more than"));
    }
}
