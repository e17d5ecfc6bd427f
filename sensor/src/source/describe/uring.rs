//! Makes one call of an `io_uring`'s operation out of how it began and how it ended.
//!
//! Some never end as far as the kernel tells: those that succeed and were told not to be answered, and all
//! of old kernels. They are told after a bound, as a success.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::super::ebpf::record::{
    CallPart, Part, Record, RequestPart, append, arg, as_call, part, set_moved, without,
};

/// An operation that is told only if it fails has so long to do so.
const UNANSWERED_NS: u64 = 100_000_000;

/// Operations that are remembered, and their bytes.
const PENDING_MAX: usize = 8192;
const PENDING_BYTES_MAX: usize = 4 << 20;

/// Flags of a request: `enum cadge_request_flags`.
const UNANSWERED: u32 = 1;
const MULTISHOT: u32 = 2;
const DIRECT: u32 = 4;
const MORE: u32 = 8;
const LOOK: u32 = 16;
const UNKNOWN: u32 = 32;

/// Operations that have begun.
#[derive(Default)]
pub(in crate::source) struct Requests {
    /// By the order in which they began.
    pending: BTreeMap<u64, Pending>,
    /// The place in that order, by the request's address.
    by_request: HashMap<u64, u64>,
    /// The places of those that may never be answered.
    unanswered: VecDeque<u64>,
    next: u64,
    bytes: usize,
    /// Operations that were told without their end, because there were too many.
    pub(in crate::source) evicted: u64,
    /// Ends of operations whose beginning was not seen.
    pub(in crate::source) unpaired: u64,
}

struct Pending {
    record: Vec<u8>,
    request: RequestPart,
    time_ns: u64,
}

impl Requests {
    /// Notes an operation that begins. Answers calls that are to be told because nothing more will be known
    /// of them.
    pub(super) fn submitted(&mut self, record: &[u8], request: RequestPart, time_ns: u64) -> Vec<Vec<u8>> {
        let mut told = Vec::new();
        // The kernel uses a request's memory again: that one has ended, whatever was seen of it.
        if let Some(place) = self.by_request.get(&request.request).copied() {
            told.extend(self.remove(place).map(|pending| ended(&pending, time_ns, 0)));
        }
        while self.pending.len() >= PENDING_MAX || self.bytes > PENDING_BYTES_MAX {
            let Some(place) = self.pending.keys().next().copied() else { break };
            told.extend(self.remove(place).map(|pending| ended(&pending, time_ns, 0)));
            self.evicted += 1;
        }
        self.bytes += record.len();
        self.by_request.insert(request.request, self.next);
        if request.flags & UNANSWERED != 0 {
            self.unanswered.push_back(self.next);
        }
        self.pending.insert(self.next, Pending { record: record.to_vec(), request, time_ns });
        self.next += 1;
        told
    }

    /// The call of an operation that has ended, with the parts that its end brought.
    pub(super) fn completed(
        &mut self,
        record: &Record<'_>,
        end: &CallPart,
        request: &RequestPart,
    ) -> Option<Vec<u8>> {
        let is_look = request.flags & LOOK != 0;
        let place = match self.by_request.get(&request.request) {
            Some(place) => *place,
            None if is_look => return None,
            None => self.answered(request)?,
        };
        let pending = self.pending.get_mut(&place)?;
        // Which place of the ring's own table it is was not known to whoever looked it up.
        let is_lost = pending.request.flags & DIRECT != 0 && request.request == 0;
        let is_new = |part: &Part<'_>| part.kind != part::REQUEST && !(is_lost && part.arg == arg::RESULT);
        let mut call = without(&pending.record, |old| {
            record.parts().filter(is_new).any(|new| (new.kind, new.arg) == (old.kind, old.arg))
        });
        record.parts().filter(is_new).for_each(|part| append(&mut call, part));
        if is_look && request.flags & UNKNOWN != 0 {
            // It may yet fail: it is told later, as it looks now.
            self.bytes = self.bytes + call.len() - pending.record.len();
            pending.record = call;
            return None;
        }
        as_call(&mut call, record.header.time_ns.max(pending.time_ns), end.result);
        set_moved(&mut call, end.result);
        if pending.request.flags & MULTISHOT == 0 || request.flags & MORE == 0 {
            self.remove(place);
        }
        Some(call)
    }

    /// The oldest operation that an answer may be of: by what the process has written into it.
    fn answered(&mut self, end: &RequestPart) -> Option<u64> {
        let is_it = |pending: &Pending| {
            pending.request.ring == end.ring && pending.request.user_data == end.user_data
        };
        let place = self.pending.iter().find(|(_, pending)| is_it(pending)).map(|(place, _)| *place);
        self.unpaired += u64::from(place.is_none());
        place
    }

    /// A call that has had its time to fail.
    pub(super) fn expired(&mut self, now_ns: u64) -> Option<Vec<u8>> {
        while let Some(place) = self.unanswered.front().copied() {
            let pending = self.pending.get(&place);
            if pending.is_some_and(|pending| now_ns.saturating_sub(pending.time_ns) <= UNANSWERED_NS) {
                return None;
            }
            self.unanswered.pop_front();
            if let Some(pending) = self.remove(place) {
                return Some(ended(&pending, pending.time_ns, 0));
            }
        }
        None
    }

    fn remove(&mut self, place: u64) -> Option<Pending> {
        let pending = self.pending.remove(&place)?;
        self.bytes -= pending.record.len();
        self.by_request.remove(&pending.request.request);
        Some(pending)
    }
}

/// How the beginning or the end of an operation finds the other one.
pub(super) fn request(record: &Record<'_>) -> Option<RequestPart> {
    RequestPart::read(record.part(part::REQUEST)?.bytes)
}

/// The record as that of a call that has ended.
fn ended(pending: &Pending, time_ns: u64, result: i64) -> Vec<u8> {
    let mut record = pending.record.clone();
    as_call(&mut record, time_ns.max(pending.time_ns), result);
    record
}

#[cfg(test)]
mod tests {
    use super::super::super::ebpf::record::{Body, append_part};
    use super::*;
    use proptest::prelude::*;

    /// A record of an operation's beginning or end, at this time in seconds.
    fn record(kind: u8, seconds: u64, request: u64, flags: u32, result: i64) -> Vec<u8> {
        let mut record = vec![0; 32 + size_of::<CallPart>()];
        (record[0], record[2]) = (2, kind);
        record[8..16].copy_from_slice(&(seconds * 1_000_000_000).to_ne_bytes());
        record[32..40].copy_from_slice(&result.to_ne_bytes());
        let mut bytes = request.to_ne_bytes().to_vec();
        bytes.extend([7_u64.to_ne_bytes(), 9_u64.to_ne_bytes()].concat());
        bytes.extend([flags.to_ne_bytes(), [0; 4]].concat());
        append_part(&mut record, part::REQUEST, &bytes);
        record
    }

    fn begin(requests: &mut Requests, seconds: u64, id: u64, flags: u32) -> Vec<Vec<u8>> {
        let bytes = record(7, seconds, id, flags, 0);
        let begun = Record::read(&bytes).unwrap();
        requests.submitted(&bytes, request(&begun).unwrap(), begun.header.time_ns)
    }

    /// The result of the call that came of an end.
    fn end(requests: &mut Requests, id: u64, flags: u32, result: i64) -> Option<i64> {
        let bytes = record(8, 2, id, flags, result);
        let ended = Record::read(&bytes).unwrap();
        let Body::Completed(call) = ended.body else { panic!("another kind of record") };
        let told = requests.completed(&ended, &call, &request(&ended).unwrap())?;
        result_of(&told)
    }

    fn result_of(told: &[u8]) -> Option<i64> {
        match Record::read(told).unwrap().body {
            Body::Call(call) => Some(call.result),
            _ => None,
        }
    }

    #[test]
    fn an_end_finds_its_beginning() {
        let mut requests = Requests::default();
        assert!(begin(&mut requests, 1, 100, 0).is_empty());
        assert!(begin(&mut requests, 1, 200, 0).is_empty());
        assert_eq!(end(&mut requests, 200, 0, -2), Some(-2));
        assert_eq!(end(&mut requests, 200, 0, -2), Some(-2), "by what the process wrote into it");
        assert_eq!(end(&mut requests, 100, 0, 3), None, "there is none any more");
        assert_eq!((requests.unpaired, requests.pending.len(), requests.bytes), (1, 0, 0));
    }

    #[test]
    fn what_is_never_answered_is_told_all_the_same() {
        let mut requests = Requests::default();
        begin(&mut requests, 1, 100, UNANSWERED);
        assert!(requests.expired(1_050_000_000).is_none());
        assert_eq!(end(&mut requests, 100, LOOK | UNKNOWN, 77), None, "it may fail yet");
        assert_eq!(result_of(&requests.expired(1_200_000_000).unwrap()), Some(0));
        assert!(requests.expired(9_000_000_000).is_none());
        // Its memory is used again at once.
        begin(&mut requests, 1, 100, UNANSWERED);
        assert_eq!(begin(&mut requests, 1, 100, UNANSWERED).len(), 1);
        assert_eq!(end(&mut requests, 100, LOOK, 5), Some(5));
        assert_eq!((requests.pending.len(), requests.bytes), (0, 0));
    }

    #[test]
    fn several_answers_are_several_calls() {
        let mut requests = Requests::default();
        begin(&mut requests, 1, 100, MULTISHOT);
        // The kernel does not say of which request such an answer is.
        assert_eq!(end(&mut requests, 0, MORE, 5), Some(5));
        assert_eq!(end(&mut requests, 0, MORE, 6), Some(6));
        assert_eq!(end(&mut requests, 100, 0, -125), Some(-125));
        assert!(requests.pending.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_kept_back() {
        let mut requests = Requests::default();
        let told: usize = (0..20_000).map(|id| begin(&mut requests, 1, id + 1, 0).len()).sum();
        assert!(requests.pending.len() <= PENDING_MAX && requests.bytes <= PENDING_BYTES_MAX + 16_384);
        assert_eq!(told + requests.pending.len(), 20_000);
        assert_eq!(requests.evicted, u64::try_from(told).unwrap());
    }

    proptest! {
        #[test]
        fn any_order_of_records_is_taken(steps in prop::collection::vec((any::<bool>(), 0..4_u64, 0..64_u32, -3..3_i64), 0..60)) {
            let mut requests = Requests::default();
            for (is_end, id, flags, result) in steps {
                if is_end {
                    end(&mut requests, id, flags, result);
                } else {
                    begin(&mut requests, 1, id, flags);
                }
                prop_assert!(requests.pending.len() <= 4);
            }
            while requests.expired(u64::MAX).is_some() {}
            prop_assert_eq!(requests.bytes, requests.pending.values().map(|pending| pending.record.len()).sum::<usize>());
        }
    }
}
