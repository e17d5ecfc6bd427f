//! Moments, as the wire and as JSON have them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days from the first of March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// Days of 400 years: then the calendar is the same again.
const ERA_DAYS: i64 = 146_097;

/// A moment on the wire. What the clock can't show reads as 1970.
pub(crate) fn moment(seconds: i64, nanos: i32) -> SystemTime {
    let (whole, nanos) = (Duration::from_secs(seconds.unsigned_abs()), u64::try_from(nanos));
    let whole = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    let nanos = Duration::from_nanos(nanos.unwrap_or(0));
    whole.and_then(|whole| whole.checked_add(nanos)).unwrap_or(UNIX_EPOCH)
}

/// In UTC with nine digits: `2026-01-31T12:00:00.123456789Z`. A year without four digits reads as 1970.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(0), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(0);
            match before.subsec_nanos() {
                0 => (-seconds, 0),
                nanos => (-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    };
    let day = DAY.cast_signed();
    let (year, month, date) = date(seconds.div_euclid(day));
    if !(0..=9999).contains(&year) {
        return rfc3339(UNIX_EPOCH);
    }
    let second = seconds.rem_euclid(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// The year, the month and its day of a day since 1970. Years begin in March here, so that the odd day is their
/// last.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day.saturating_add(DAYS_TO_1970);
    let (era, day) = (day.div_euclid(ERA_DAYS), day.rem_euclid(ERA_DAYS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months, from March on, have 153 days, and so have the next five.
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + turn, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_moment_of_the_wire_is_one_of_the_clock() {
        assert_eq!(moment(5, 7), UNIX_EPOCH + Duration::new(5, 7));
        assert_eq!(moment(-1, 500_000_000), UNIX_EPOCH - Duration::from_millis(500));
        assert_eq!(moment(i64::MAX, -1), UNIX_EPOCH + Duration::from_secs(i64::MAX.unsigned_abs()));
        assert!(moment(i64::MIN, i32::MAX) < UNIX_EPOCH);
    }

    proptest::proptest! {
        /// The description of the wire has a calendar of its own, with digits as it needs them.
        #[test]
        fn is_the_calendar_of_others(seconds in -70_000_000_000_i64..300_000_000_000, nanos in 0..1_000_000_000_i32) {
            let text = rfc3339(moment(seconds, nanos));
            let other = prost_types::Timestamp { seconds, nanos };
            if text.starts_with("1970-01-01T00:00:00.000000000Z") {
                proptest::prop_assert!(!(0..=9999).contains(&date(seconds.div_euclid(86_400)).0));
            } else {
                proptest::prop_assert_eq!(text.parse::<prost_types::Timestamp>().ok(), Some(other));
            }
        }
    }

    #[test]
    fn any_moment_can_be_written() {
        for (seconds, nanos) in
            [(i64::MAX, 0), (i64::MIN, i32::MAX), (-62_167_219_201, 0), (253_402_300_800, 0)]
        {
            assert_eq!(rfc3339(moment(seconds, nanos)), "1970-01-01T00:00:00.000000000Z");
        }
        assert_eq!(rfc3339(moment(1_709_164_800, 1)), "2024-02-29T00:00:00.000000001Z");
        assert_eq!(rfc3339(moment(-1, 999_999_999)), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(moment(253_402_300_799, 0)), "9999-12-31T23:59:59.000000000Z");
    }
}
