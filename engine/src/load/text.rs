//! Text taken from rule files, every byte of which knows where it came from.
//!
//! Conditions are pieced together from several places (appended, lists put in): an error must still
//! point at what the user wrote.

use std::ops::Range;

/// A byte of a rule file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Which file.
    pub(crate) file: u32,
    /// Which byte of its text.
    pub(crate) offset: u32,
}

/// Text and the origin of each of its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    text: String,
    origins: Vec<Origin>,
}

impl Text {
    /// Text whose byte `i` stands at `offsets[i]` of a file.
    pub(crate) fn new(text: &str, file: u32, offsets: &[u32]) -> Self {
        debug_assert_eq!(text.len(), offsets.len());
        let origins = offsets.iter().map(|offset| Origin { file, offset: *offset }).collect();
        Self { text: text.to_owned(), origins }
    }

    /// Without the blanks and line ends behind it.
    pub(crate) fn trimmed(&self) -> Self {
        let mut text = Self::default();
        text.push(self, 0..self.text.trim_end().len());
        text
    }

    /// Without every occurrence of `part`.
    pub(crate) fn without(&self, part: &str) -> Self {
        let mut text = Self::default();
        let mut from = 0;
        for (at, _) in self.text.match_indices(part) {
            text.push(self, from..at);
            from = at + part.len();
        }
        text.push(self, from..self.text.len());
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Adds a part of another text.
    pub(crate) fn push(&mut self, other: &Self, range: Range<usize>) {
        self.text.push_str(&other.text[range.clone()]);
        self.origins.extend_from_slice(&other.origins[range]);
    }

    /// Adds text that stands for `shown` of another text.
    pub(crate) fn insert(&mut self, text: &str, other: &Self, shown: &Range<usize>) {
        let first = other.origins.get(shown.start).copied().unwrap_or_default();
        let last = other.origins.get(shown.end.saturating_sub(1)).copied().unwrap_or(first);
        self.text.push_str(text);
        self.origins.extend((0..text.len()).map(|i| if i == 0 { first } else { last }));
    }

    /// Adds text that stands for a part of a file.
    pub(crate) fn insert_at(&mut self, text: &str, file: u32, range: &Range<usize>) {
        let offset = |at: usize| Origin { file, offset: u32::try_from(at).unwrap_or(u32::MAX) };
        let (first, last) = (offset(range.start), offset(range.end.saturating_sub(1).max(range.start)));
        self.text.push_str(text);
        self.origins.extend((0..text.len()).map(|i| if i == 0 { first } else { last }));
    }

    /// Adds another text after a blank.
    pub(crate) fn append(&mut self, other: &Self) {
        let last = self.origins.last().copied().unwrap_or_default();
        self.text.push(' ');
        self.origins.push(last);
        self.push(other, 0..other.text.len());
    }

    /// The file and the bytes of it that `range` came from: as many as lie in one piece.
    pub(crate) fn locate(&self, range: &Range<usize>) -> (u32, Range<usize>) {
        let at = range.start.min(self.origins.len().saturating_sub(1));
        let start = self.origins.get(at).copied().unwrap_or_default();
        let offset = start.offset as usize;
        if range.start >= self.origins.len() {
            return (start.file, offset + 1..offset + 1);
        }
        let last = self.origins.get(range.end.saturating_sub(1)).copied().unwrap_or(start);
        let end = if last.file == start.file { last.offset as usize + 1 } else { offset + 1 };
        (start.file, offset..end.max(offset + 1))
    }
}
