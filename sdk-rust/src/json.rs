//! Writes JSON: one object of texts. Reads none.

/// An object that is being written.
pub(crate) struct Object(String);

impl Object {
    /// With room for so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let mut out = String::with_capacity(bytes);
        out.push('{');
        Self(out)
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.string(text);
    }

    /// An object within.
    pub(crate) fn texts<'a>(&mut self, name: &str, texts: impl Iterator<Item = (&'a str, &'a str)>) {
        self.name(name);
        self.0.push('{');
        texts.for_each(|(name, text)| self.text(name, text));
        self.0.push('}');
    }

    pub(crate) fn list<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) {
        self.name(name);
        self.0.push('[');
        for text in texts {
            self.separate();
            self.string(text);
        }
        self.0.push(']');
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.0.push(':');
    }

    /// Between two of a list or an object stands a comma.
    fn separate(&mut self) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
    }

    fn string(&mut self, text: &str) {
        self.0.push('"');
        for part in text.split_inclusive(|c: char| c < ' ' || c == '"' || c == '\\') {
            let last = part.chars().next_back();
            match last.filter(|c| *c < ' ' || *c == '"' || *c == '\\') {
                Some(c) => {
                    self.0.push_str(&part[..part.len() - 1]);
                    self.escape(c);
                }
                None => self.0.push_str(part),
            }
        }
        self.0.push('"');
    }

    fn escape(&mut self, c: char) {
        match c {
            '"' => self.0.push_str("\\\""),
            '\\' => self.0.push_str("\\\\"),
            '\n' => self.0.push_str("\\n"),
            '\r' => self.0.push_str("\\r"),
            '\t' => self.0.push_str("\\t"),
            c => self.0.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
}
