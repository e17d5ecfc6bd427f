//! Texts of calls as they were at the beginning, kept until the end.
//!
//! The kernel copies a path when a call begins. A tracepoint at the end reads the caller's memory again, and
//! another thread may have written something else there: so it is read at both ends. Where the two differ
//! nobody knows which of them the kernel took (it read after the first and before the second), so both are
//! told, the earlier one first. A text that could not be read at one end, because its page was not there, is
//! taken from the other.

use std::collections::HashMap;

use super::super::ebpf::record::{Body, CallPart, Part, Record, UNREADABLE, part, push_part};

/// Calls that have begun and not ended, and bytes of their records.
const CALLS_MAX: usize = 8_192;
const BYTES_MAX: usize = 2 << 20;

/// The beginnings of calls, by thread.
#[derive(Default)]
pub(in crate::source) struct Entered {
    records: HashMap<u32, Box<[u8]>>,
    bytes: usize,
    /// Beginnings that were given up for want of room. Their calls are told by their ends alone.
    pub(in crate::source) forgotten: u64,
}

impl Entered {
    /// Keeps a thread's call. It has only one: what is left of another never ended.
    pub(super) fn note(&mut self, tid: u32, record: &[u8]) {
        self.take(tid);
        if self.records.len() >= CALLS_MAX || self.bytes + record.len() > BYTES_MAX {
            self.forgotten += u64::try_from(self.records.len()).unwrap_or(u64::MAX);
            self.records.clear();
            self.bytes = 0;
        }
        self.bytes += record.len();
        self.records.insert(tid, record.into());
    }

    /// What a thread's call began with.
    pub(super) fn take(&mut self, tid: u32) -> Option<Box<[u8]>> {
        let record = self.records.remove(&tid)?;
        self.bytes -= record.len();
        Some(record)
    }
}

/// Whether a record is the beginning of this call.
pub(super) fn is_beginning(before: &Record<'_>, call: &CallPart) -> bool {
    matches!(before.body, Body::Enter(begun) if begun.call == call.call && begun.abi == call.abi)
}

/// Writes the parts of a call's end into `out`, with the texts that it began with. Answers whether any of
/// them has become another one.
pub(super) fn merge(before: &Record<'_>, after: &Record<'_>, out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut changed = false;
    for part in before.parts() {
        let is_text = matches!(part.kind, part::STRING | part::BASE);
        if is_text && text_of(before, part.arg).is_some() {
            let later = text_of(after, part.arg);
            changed |= part.kind == part::STRING && later.is_some_and(|later| later.bytes != part.bytes);
            push_part(out, part);
        }
    }
    for part in after.parts() {
        let is_text = matches!(part.kind, part::STRING | part::BASE);
        if !is_text || text_of(before, part.arg).is_none() {
            push_part(out, part);
        }
    }
    changed
}

/// The text of an argument, if it was there.
fn text_of<'a>(record: &Record<'a>, at: u8) -> Option<Part<'a>> {
    record.part_of(part::STRING, at).filter(|part| part.flags & UNREADABLE == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: u8 = part::STRING;

    /// A record of a call with these parts: kind, flags, argument, bytes.
    fn record(kind: u8, parts: &[(u8, u8, u8, &[u8])]) -> Vec<u8> {
        let mut record = vec![0; 32 + size_of::<CallPart>()];
        record[0] = 2;
        record[2] = kind;
        for (kind, flags, arg, bytes) in parts {
            push_part(&mut record, Part { kind: *kind, flags: *flags, arg: *arg, bytes });
        }
        let size = u32::try_from(record.len()).unwrap();
        record[4..8].copy_from_slice(&size.to_ne_bytes());
        record
    }

    #[track_caller]
    fn check(
        before: &[(u8, u8, u8, &[u8])],
        after: &[(u8, u8, u8, &[u8])],
        expected: &[(u8, u8, u8, &[u8])],
        changed: bool,
    ) {
        let (before, after) = (record(17, before), record(5, after));
        let (before, after) = (Record::read(&before).unwrap(), Record::read(&after).unwrap());
        let mut out = Vec::new();
        assert_eq!(merge(&before, &after, &mut out), changed);
        let merged = after.with_parts(&out);
        let got: Vec<_> = merged.parts().map(|part| (part.kind, part.flags, part.arg, part.bytes)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn the_earlier_text_counts_and_a_change_is_noticed() {
        let fd = (part::FILE, 0, 2, &b"file"[..]);
        check(&[(TEXT, 0, 0, b"/a")], &[(TEXT, 0, 0, b"/a"), fd], &[(TEXT, 0, 0, b"/a"), fd], false);
        check(&[(TEXT, 0, 0, b"/a")], &[(TEXT, 0, 0, b"/b"), fd], &[(TEXT, 0, 0, b"/a"), fd], true);
        // What the earlier text is relative to, not what the later one is.
        check(
            &[(TEXT, 0, 0, b"a"), (part::BASE, 0, 0, b"x\0")],
            &[(TEXT, 0, 0, b"/b")],
            &[(TEXT, 0, 0, b"a"), (part::BASE, 0, 0, b"x\0")],
            true,
        );
    }

    #[test]
    fn what_was_not_there_at_one_end_is_taken_from_the_other() {
        check(&[(TEXT, UNREADABLE, 0, b"")], &[(TEXT, 0, 0, b"/b")], &[(TEXT, 0, 0, b"/b")], false);
        check(&[(TEXT, 0, 0, b"/a")], &[(TEXT, UNREADABLE, 0, b"")], &[(TEXT, 0, 0, b"/a")], false);
        let neither = [(TEXT, UNREADABLE, 0, &b""[..])];
        check(&neither, &neither, &neither, false);
    }

    #[test]
    fn calls_that_never_end_are_forgotten_in_time() {
        let mut entered = Entered::default();
        let record = [7; 1024];
        for tid in 0..100_000 {
            entered.note(tid % 50_000, &record);
            assert!(entered.bytes <= BYTES_MAX && entered.records.len() <= CALLS_MAX);
            assert_eq!(entered.bytes, entered.records.len() * record.len());
        }
        assert!(entered.forgotten > 0);
        assert_eq!(entered.take(49_999).as_deref(), Some(&record[..]));
        assert_eq!(entered.take(49_999), None);
    }

    proptest! {
        #[test]
        fn any_parts_are_merged(
            before in prop::collection::vec(any::<u8>(), 0..200),
            after in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let (mut one, mut other) = (record(17, &[]), record(5, &[]));
            one.extend(before);
            other.extend(after);
            for record in [&mut one, &mut other] {
                let size = u32::try_from(record.len()).unwrap();
                record[4..8].copy_from_slice(&size.to_ne_bytes());
            }
            let (one, other) = (Record::read(&one).unwrap(), Record::read(&other).unwrap());
            let mut out = Vec::new();
            merge(&one, &other, &mut out);
            prop_assert_eq!(merge(&one, &one.with_parts(&out), &mut Vec::new()), false);
        }
    }
}
