//! Says of something that may happen very often only so often that it happened, and how often it was not said.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// In each such time so much is said.
const PERIOD: Duration = Duration::from_secs(10);
const SAID_MAX: u64 = 20;

/// What was said lately.
#[derive(Debug, Default)]
pub(crate) struct Sparse(Mutex<Option<Period>>);

#[derive(Debug)]
struct Period {
    began: Instant,
    said: u64,
    unsaid: u64,
}

impl Sparse {
    /// Whether to say it now; if so, how often it was not said before.
    pub(crate) fn says(&self, now: Instant) -> Option<u64> {
        let mut period = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let period = period.get_or_insert(Period { began: now, said: 0, unsaid: 0 });
        if now.saturating_duration_since(period.began) >= PERIOD {
            (period.began, period.said) = (now, 0);
        }
        if period.said >= SAID_MAX {
            period.unsaid += 1;
            return None;
        }
        period.said += 1;
        Some(std::mem::take(&mut period.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_from_the_count() {
        let (sparse, start) = (Sparse::default(), Instant::now());
        let said: Vec<_> = (0..100).filter_map(|_| sparse.says(start)).collect();
        assert_eq!(said, [0; 20]);
        assert_eq!(sparse.says(start + PERIOD), Some(80));
        assert_eq!(sparse.says(start + PERIOD), Some(0));
    }
}
