//! Takes tokens off a condition, one at a time.
//!
//! What a token is depends on where it stands: `1.2.3.4/8` is a value after an operator and nothing at
//! all before one. So the parser asks for the kind that it expects.

use std::ops::Range;

/// A quoted value, or what is wrong with it and where.
pub(super) type Quoted = Result<Vec<u8>, (String, Range<usize>)>;

/// A place in a condition.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Skips blanks; answers whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        let skipped = self.rest().len() - self.rest().trim_start_matches(is_blank).len();
        self.at += skipped;
        skipped > 0
    }

    /// Skips exactly this text, if it is next.
    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Skips this word, if it is next and a blank follows it.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest().strip_prefix(word) else { return false };
        let found = rest.starts_with(is_blank);
        if found {
            self.at += word.len();
        }
        found
    }

    /// The word that ends at `at`.
    pub(super) fn last_word(&self, at: usize) -> &'a str {
        self.text[..at]
            .trim_end_matches(is_blank)
            .rsplit(|c: char| is_blank(c) || "(),=".contains(c))
            .next()
            .unwrap_or_default()
    }

    /// Goes back to an earlier place.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The bytes up to here from `start`.
    pub(super) fn span_from(&self, start: usize) -> Range<usize> {
        start..self.at
    }

    /// A field's or macro's name: letters, digits and `_` in parts joined by dots.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut end = start + identifier(self.rest())?;
        while let Some(part) = self.text[end..].strip_prefix('.').and_then(identifier) {
            end += 1 + part;
        }
        self.at = end;
        Some(&self.text[start..end])
    }

    /// Everything up to a character that `stop` names.
    fn until(&mut self, stop: impl Fn(char) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(stop).unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    /// A value without quotes.
    pub(super) fn bare(&mut self) -> Option<&'a str> {
        self.until(|c| is_blank(c) || "(),=\"'".contains(c))
    }

    /// A field's argument without quotes.
    pub(super) fn bare_arg(&mut self) -> Option<&'a str> {
        self.until(|c| is_blank(c) || "[]\"'".contains(c))
    }

    /// A number: decimal with an optional sign, fraction and exponent, or hexadecimal.
    pub(super) fn number(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            let length = bytes[2..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
            if length > 0 {
                self.at += 2 + length;
                return Some(&rest[..2 + length]);
            }
        }
        let sign = usize::from(rest.starts_with(['+', '-']));
        let whole = digits(sign);
        if whole == 0 {
            return None;
        }
        let mut end = sign + whole;
        if bytes.get(end) == Some(&b'.') {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) && matches!(bytes.get(end + 1), Some(b'+' | b'-')) {
            let exponent = digits(end + 2);
            if exponent > 0 {
                end += 2 + exponent;
            }
        }
        self.at += end;
        Some(&rest[..end])
    }

    /// A quoted value, if a quote is next. The quote ends where the next one stands without a
    /// backslash before it, as in Falco.
    pub(super) fn quoted(&mut self) -> Option<Quoted> {
        let start = self.at;
        let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inner = start + 1;
        let mut before = quote;
        let end = self.text[inner..].char_indices().find_map(|(at, character)| {
            let ends = character == quote && (at == 0 || before != '\\');
            before = character;
            ends.then_some(inner + at)
        });
        let Some(end) = end else {
            self.at = self.text.len();
            return Some(Err(("the quote is not closed".to_owned(), start..start + 1)));
        };
        self.at = end + 1;
        let escape = |at: usize| {
            let length = self.text[inner + at + 1..end].chars().next().map_or(0, char::len_utf8);
            inner + at..inner + at + 1 + length
        };
        Some(unescape(&self.text[inner..end], quote).map_err(|(text, at)| (text, escape(at))))
    }
}

/// The value of a quoted text, its quotes included.
pub fn unquote(text: &str) -> Option<Vec<u8>> {
    let mut lexer = Lexer::new(text);
    let value = lexer.quoted()?.ok()?;
    lexer.is_end().then_some(value)
}

pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{8}' | '\r' | '\n')
}

/// The length of the identifier that `text` begins with.
fn identifier(text: &str) -> Option<usize> {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        .then(|| text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len()))
}

/// Resolves escapes; an error has the escape's place in `text`.
fn unescape(text: &str, quote: char) -> Result<Vec<u8>, (String, usize)> {
    let mut result = Vec::with_capacity(text.len());
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\\' {
            result.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escaped = characters.next().map(|(_, escaped)| escaped);
        result.push(match escaped {
            Some('b') => 8,
            Some('f') => 12,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('/') => b'/',
            Some(' ' | '\\') => b'\\',
            Some('x') => {
                let digits = text.get(at + 2..at + 4).unwrap_or_default();
                let Some(byte) = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
                else {
                    return Err(("`\\x` needs two hexadecimal digits".to_owned(), at));
                };
                characters.next();
                characters.next();
                byte
            }
            Some(character) if character == quote => quote as u8,
            _ => return Err(("this escape is not known".to_owned(), at)),
        });
    }
    Ok(result)
}
