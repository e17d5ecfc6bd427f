//! What is in the frames of AMQP 0.9.1: numbers, texts and tables, written and read.

use super::frame;

/// What is longer is refused before it gets here.
pub(super) fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The inside of a frame that is written.
pub(super) struct Inside(Vec<u8>);

impl Inside {
    /// A method of a class.
    pub(super) fn method(class: u16, method: u16) -> Self {
        Self(Vec::new()).short(class).short(method)
    }

    /// About a body of a class with these properties: a bit for each, the highest first.
    pub(super) fn header(class: u16, body: usize, properties: u16) -> Self {
        Self(Vec::new()).short(class).short(0).long(0).long(length(body)).short(properties)
    }

    /// What a table has.
    pub(super) fn table() -> Self {
        Self(Vec::new())
    }

    pub(super) fn octet(mut self, octet: u8) -> Self {
        self.0.push(octet);
        self
    }

    pub(super) fn short(mut self, short: u16) -> Self {
        self.0.extend(short.to_be_bytes());
        self
    }

    pub(super) fn long(mut self, long: u32) -> Self {
        self.0.extend(long.to_be_bytes());
        self
    }

    pub(super) fn long_long(mut self, long: u64) -> Self {
        self.0.extend(long.to_be_bytes());
        self
    }

    /// At most 255 bytes: whoever gives it has made sure of that.
    pub(super) fn short_text(mut self, text: &str) -> Self {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        self.0.push(length);
        self.0.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
        self
    }

    pub(super) fn long_text(self, text: &str) -> Self {
        let mut all = self.long(length(text.len()));
        all.0.extend_from_slice(text.as_bytes());
        all
    }

    /// A text in a table.
    pub(super) fn named(self, name: &str, text: &str) -> Self {
        self.short_text(name).octet(b'S').long_text(text)
    }

    /// A truth in a table.
    pub(super) fn is(self, name: &str) -> Self {
        self.short_text(name).octet(b't').octet(1)
    }

    /// A table in a table.
    pub(super) fn named_table(self, name: &str, inner: &Self) -> Self {
        self.short_text(name).octet(b'F').with(inner)
    }

    /// A table.
    pub(super) fn with(self, table: &Self) -> Self {
        let mut all = self.long(length(table.0.len()));
        all.0.extend_from_slice(&table.0);
        all
    }

    pub(super) fn push_method(&self, channel: u16, out: &mut Vec<u8>) {
        frame::push(1, channel, &self.0, out);
    }

    pub(super) fn push_header(&self, channel: u16, out: &mut Vec<u8>) {
        frame::push(2, channel, &self.0, out);
    }
}

/// What is left to read of a frame's inside.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    pub(super) fn long(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(super) fn long_long(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    pub(super) fn short_text(&mut self) -> Option<String> {
        let length = self.octet()?;
        self.take(length.into()).map(|taken| String::from_utf8_lossy(taken).into_owned())
    }

    /// A long text, or a table as it is.
    pub(super) fn long_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.long()?;
        self.take(length.try_into().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_are_as_the_standard_has_them() {
        let table = Inside::table().named("a", "bc").is("d");
        let inside = Inside::method(20, 10).short_text("x").with(&table);
        assert_eq!(inside.0, b"\0\x14\0\x0a\x01x\0\0\0\x0d\x01aS\0\0\0\x02bc\x01dt\x01");
    }

    proptest! {
        #[test]
        fn no_more_is_read_than_there_is(bytes: Vec<u8>) {
            let mut rest = Rest(&bytes);
            while rest.long_bytes().is_some() || rest.short_text().is_some() || rest.long_long().is_some() {
                prop_assert!(rest.0.len() < bytes.len());
            }
        }
    }
}
