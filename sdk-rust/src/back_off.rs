//! How long to wait before another try.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The first wait, and the longest.
const RANGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Waits that double, each somewhere between its half and its whole: clients that a hub's restart has cut off
/// do not all come back at once.
#[derive(Debug)]
pub(crate) struct BackOff(Duration);

impl Default for BackOff {
    fn default() -> Self {
        Self(RANGE.0)
    }
}

impl BackOff {
    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.0;
        self.0 = (whole * 2).min(RANGE.1);
        // Each state has keys of its own: that is random enough.
        let random = RandomState::new().hash_one(0) % 1024;
        whole / 2 + whole / 2 * u32::try_from(random).unwrap_or_default() / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_their_range() {
        let mut back_off = BackOff::default();
        let mut whole = RANGE.0;
        for _ in 0..20 {
            let wait = back_off.next();
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
            whole = (whole * 2).min(RANGE.1);
        }
        let differ = (0..20).map(|_| BackOff::default().next()).collect::<std::collections::HashSet<_>>();
        assert!(differ.len() > 1);
    }
}
