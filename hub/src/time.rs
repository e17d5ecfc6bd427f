//! Moments as numbers: nanoseconds since 1970. What does not fit is the first or the last one.

use std::time::{SystemTime, UNIX_EPOCH};

/// This moment. A clock before 1970 reads 0.
pub(crate) fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

/// A moment on the wire.
pub(crate) fn time_ns(time: &prost_types::Timestamp) -> i64 {
    time.seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(time.nanos))
}
