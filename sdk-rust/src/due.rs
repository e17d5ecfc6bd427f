//! What a connection has still to acknowledge.

/// Kept for each connection anew: a hub counts an acknowledgement only as far as it has sent alerts on
/// this one, and what came on the one before is sent again first.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// The last position that this connection has brought.
    seen: u64,
    acknowledged: u64,
}

impl Due {
    /// The connection has brought everything up to a position.
    pub(crate) fn see(&mut self, position: u64) {
        self.seen = self.seen.max(position);
    }

    /// What to acknowledge now, if everything up to `dealt_with` is dealt with.
    pub(crate) fn next(&mut self, dealt_with: u64) -> Option<u64> {
        let position = dealt_with.min(self.seen);
        if position <= self.acknowledged {
            return None;
        }
        self.acknowledged = position;
        Some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_connection_brought_is_acknowledged_once_it_has_come_again() {
        let mut due = Due::default();
        assert_eq!(due.next(10), None);
        due.see(6);
        assert_eq!(due.next(10), Some(6));
        assert_eq!(due.next(10), None);
        due.see(12);
        assert_eq!(due.next(10), Some(10));
        assert_eq!(due.next(12), Some(12));
    }
}
