//! A template's text as tokens: text between actions, and what stands in them.

use super::Fault;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// A function or a keyword.
    Word(String),
    /// `.Name`
    Field(String),
    Dot,
    /// `$` or `$name`
    Variable(String),
    String(String),
    Int(i64),
    Float(f64),
    Pipe,
    Left,
    Right,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
    /// Whether a space stands before it.
    pub(super) spaced: bool,
}

/// Splits a text. The last token is always [`Kind::End`].
pub(super) fn lex(text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    let mut trim = false;
    while let Some(length) = lexer.rest().find("{{") {
        let open = lexer.at + length;
        let inside = &text[open + 2..];
        let trims = inside.starts_with('-') && inside[1..].starts_with(is_space);
        lexer.plain(open, trim, trims);
        lexer.at = open + if trims { 4 } else { 2 };
        trim = if lexer.rest().starts_with("/*") { lexer.comment(open)? } else { lexer.action(open)? };
    }
    lexer.plain(text.len(), trim, false);
    lexer.push(Kind::End, text.len(), false);
    Ok(lexer.tokens)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_name(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, at: usize, spaced: bool) {
        self.tokens.push(Token { kind, at, spaced });
    }

    /// The text up to `end`, without the white space that `-` takes away.
    fn plain(&mut self, end: usize, trim_start: bool, trim_end: bool) {
        let mut piece = &self.text[self.at..end];
        if trim_start {
            piece = piece.trim_start_matches(is_space);
        }
        if trim_end {
            piece = piece.trim_end_matches(is_space);
        }
        if !piece.is_empty() {
            self.push(Kind::Text(piece.to_owned()), self.at, false);
        }
        self.at = end;
    }

    /// Tells whether the text after it is trimmed.
    fn comment(&mut self, open: usize) -> Result<bool, Fault> {
        let end = self.rest().find("*/").ok_or_else(|| Fault::new(open, "the comment has no `*/`"))?;
        self.at += end + 2;
        let trims = self.rest().starts_with(is_space);
        let close = if trims { &self.rest()[1..] } else { self.rest() };
        let (mark, length) = if trims { ("-}}", 4) } else { ("}}", 2) };
        if !close.starts_with(mark) {
            return Err(Fault::new(self.at, "`}}` or ` -}}` must follow the end of a comment"));
        }
        self.at += length;
        Ok(trims)
    }

    /// From behind `{{` to behind `}}`. Tells whether the text after it is trimmed.
    fn action(&mut self, open: usize) -> Result<bool, Fault> {
        self.push(Kind::Open, open, false);
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(is_space);
            let spaced = trimmed.len() < rest.len();
            self.at += rest.len() - trimmed.len();
            for (mark, trims) in [("}}", false), ("-}}", true)] {
                if trimmed.starts_with(mark) && (spaced || !trims) {
                    self.push(Kind::Close, self.at, spaced);
                    self.at += mark.len();
                    return Ok(trims);
                }
            }
            let Some(first) = trimmed.chars().next() else {
                return Err(Fault::new(open, "the action has no `}}`"));
            };
            let at = self.at;
            let kind = self.token(first)?;
            self.push(kind, at, spaced);
        }
    }

    fn token(&mut self, first: char) -> Result<Kind, Fault> {
        let rest = self.rest();
        let next = rest[first.len_utf8()..].chars().next().unwrap_or(' ');
        let signed = matches!(first, '+' | '-') && (next.is_ascii_digit() || next == '.');
        if first.is_ascii_digit() || signed || first == '.' && next.is_ascii_digit() {
            return self.number();
        }
        let (kind, length) = match first {
            '|' => (Kind::Pipe, 1),
            '(' => (Kind::Left, 1),
            ')' => (Kind::Right, 1),
            ',' => (Kind::Comma, 1),
            '=' => (Kind::Assign, 1),
            ':' if next == '=' => (Kind::Declare, 2),
            '"' | '\'' => return self.quoted(first),
            '`' => {
                let end = rest[1..].find('`').ok_or_else(|| Fault::new(self.at, "the string has no end"))?;
                (Kind::String(rest[1..=end].to_owned()), end + 2)
            }
            '.' | '$' => {
                let name: String = rest[1..].chars().take_while(|c| is_name(*c)).collect();
                let length = 1 + name.len();
                match (first, name.is_empty()) {
                    ('.', true) => (Kind::Dot, 1),
                    ('.', false) => (Kind::Field(name), length),
                    _ => (Kind::Variable(format!("${name}")), length),
                }
            }
            letter if is_name(letter) => {
                let word: String = rest.chars().take_while(|c| is_name(*c)).collect();
                let length = word.len();
                (Kind::Word(word), length)
            }
            other => return Err(Fault::new(self.at, format!("`{other}` has no meaning here"))),
        };
        self.at += length;
        Ok(kind)
    }

    /// Go's literals: `10`, `0x1f`, `0o17`, `017`, `0b11`, `1_000`, `1.5`, `2e3`.
    fn number(&mut self) -> Result<Kind, Fault> {
        let rest = self.rest();
        let body = rest.trim_start_matches(['+', '-']);
        let sign = rest.len() - body.len();
        let mut last = ' ';
        let is_hex = body.starts_with("0x") || body.starts_with("0X");
        let length = body.find(|c: char| {
            let exponent = matches!(c, '+' | '-') && matches!(last, 'e' | 'E') && !is_hex;
            last = c;
            !(is_name(c) || c == '.' || exponent)
        });
        let text = &rest[..sign + length.unwrap_or(body.len())];
        let fault = || Fault::new(self.at, format!("`{text}` is no number"));
        if sign > 1 {
            return Err(fault());
        }
        let digits = text[sign..].replace('_', "").to_ascii_lowercase();
        let negative = if text.starts_with('-') { "-" } else { "" };
        let (radix, digits) = match digits.get(..2) {
            Some("0x") => (16, &digits[2..]),
            Some("0b") => (2, &digits[2..]),
            Some("0o") => (8, &digits[2..]),
            _ if digits.starts_with('0') && digits.len() > 1 && !digits.contains(['.', 'e']) => {
                (8, &digits[1..])
            }
            _ => (10, digits.as_str()),
        };
        let kind = match i64::from_str_radix(&format!("{negative}{digits}"), radix) {
            Ok(number) if !digits.starts_with(['+', '-']) => Kind::Int(number),
            _ if radix == 10 && digits.contains(['.', 'e']) && digits.is_ascii() => {
                let number: f64 = format!("{negative}{digits}").parse().map_err(|_| fault())?;
                if !number.is_finite() {
                    return Err(fault());
                }
                Kind::Float(number)
            }
            _ => return Err(fault()),
        };
        self.at += text.len();
        Ok(kind)
    }

    /// `"text"` or `'c'`, which is the character's number.
    fn quoted(&mut self, quote: char) -> Result<Kind, Fault> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut rest = self.rest()[1..].chars();
        loop {
            match rest.next() {
                Some(c) if c == quote => break,
                None | Some('\n') => return Err(Fault::new(start, "the string has no end")),
                Some('\\') => escaped(&mut rest, quote, &mut bytes).ok_or_else(|| {
                    Fault::new(self.text.len() - rest.as_str().len(), "no escape that Go has")
                })?,
                Some(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        self.at = self.text.len() - rest.as_str().len();
        let text = String::from_utf8(bytes).map_err(|_| Fault::new(start, "the string is no UTF-8"))?;
        if quote == '"' {
            return Ok(Kind::String(text));
        }
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(Kind::Int(u32::from(character).into())),
            _ => Err(Fault::new(start, "one character stands between `'`; a text between `\"`")),
        }
    }
}

/// What stands behind a backslash.
fn escaped(rest: &mut std::str::Chars<'_>, quote: char, bytes: &mut Vec<u8>) -> Option<()> {
    let first = rest.next()?;
    let plain = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => u8::try_from(c).ok()?,
        _ => {
            let (digits, radix, skip) = match first {
                'x' => (2, 16, 0),
                'u' => (4, 16, 0),
                'U' => (8, 16, 0),
                '0'..='7' => (2, 8, first.to_digit(8)?),
                _ => return None,
            };
            let mut number = skip;
            for _ in 0..digits {
                number = number.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?)?;
            }
            if matches!(first, 'u' | 'U') {
                bytes.extend(char::from_u32(number)?.encode_utf8(&mut [0; 4]).bytes());
                return Some(());
            }
            u8::try_from(number).ok()?
        }
    };
    bytes.push(plain);
    Some(())
}
