//! What was handed to a connection, and when: the acknowledgement for clients that have none.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An alert counts as had once it was handed to the connection so long ago and the connection still
/// lives: a broken one brings the last second again.
pub(super) const SETTLED: Duration = Duration::from_secs(1);

/// What is handed over within such a time is one entry here. This bounds the list.
const SLOT: Duration = Duration::from_millis(250);

/// Positions in the log, oldest first.
#[derive(Debug, Default)]
pub(super) struct Handed {
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    begun: Instant,
    /// When its last position was handed over. Only its age counts: a slot settles as a whole.
    last: Instant,
    position: u64,
}

impl Handed {
    /// Notes that everything up to a position was handed over.
    pub(super) fn note(&mut self, now: Instant, position: u64) {
        match self.slots.back_mut() {
            Some(slot) if now.duration_since(slot.begun) < SLOT => {
                slot.last = now;
                slot.position = position;
            }
            _ => self.slots.push_back(Slot { begun: now, last: now, position }),
        }
    }

    /// The position up to which everything counts as had, if that has grown.
    pub(super) fn settled(&mut self, now: Instant) -> Option<u64> {
        let mut settled = None;
        while let Some(slot) = self.slots.front()
            && now.duration_since(slot.last) >= SETTLED
        {
            settled = Some(slot.position);
            self.slots.pop_front();
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_a_pause_settles_too() {
        let (start, mut handed) = (Instant::now(), Handed::default());
        let mut settled = 0;
        for ms in 1..=10_000 {
            let now = start + Duration::from_millis(ms);
            handed.note(now, ms);
            settled = handed.settled(now).unwrap_or(settled);
            assert!(settled + 1000 <= ms.max(1000), "{settled} after {ms} ms: less than a second ago");
            assert!(settled + 1250 >= ms, "{settled} after {ms} ms");
            assert!(handed.slots.len() <= 6);
        }
    }

    #[test]
    fn what_was_handed_over_last_settles_after_a_second() {
        let (start, mut handed) = (Instant::now(), Handed::default());
        handed.note(start, 1);
        handed.note(start + SLOT / 2, 2);
        assert_eq!(handed.settled(start + SETTLED), None);
        assert_eq!(handed.settled(start + SETTLED + SLOT / 2), Some(2));
        assert_eq!(handed.settled(start + SETTLED * 2), None);
    }
}
