//! Nanoseconds since 1970 as text. No time zone, and so no clock and no file.

/// `HH:MM:SS.nnnnnnnnn`.
pub(crate) fn time_of_day(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:09}", ns % 1_000_000_000)
}

/// `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn+0000`, as Falco writes it.
pub(crate) fn iso8601(ns: u64) -> String {
    let (year, month, day) = date(ns / 86_400_000_000_000);
    format!("{year:04}-{month:02}-{day:02}T{}+0000", time_of_day(ns))
}

/// `YYYY-MM-DD HH:MM:SS`, with nanoseconds if they are wanted.
pub(crate) fn date_time(ns: u64, nanos: bool) -> String {
    let (year, month, day) = date(ns / 86_400_000_000_000);
    let time = time_of_day(ns);
    format!("{year:04}-{month:02}-{day:02} {}", if nanos { &time } else { &time[..8] })
}

/// Year, month and day of a day since 1970, by Howard Hinnant's `civil_from_days`: years begin in
/// March, so that the leap day is the last.
fn date(days: u64) -> (u64, u64, u64) {
    let day = days + 719_468;
    let era = day / 146_097;
    let of_era = day % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000000000+0000");
        assert_eq!(iso8601(951_782_400_000_000_001), "2000-02-29T00:00:00.000000001+0000");
        assert_eq!(iso8601(1_709_251_199_999_999_999), "2024-02-29T23:59:59.999999999+0000");
        assert_eq!(iso8601(1_709_251_200_000_000_000), "2024-03-01T00:00:00.000000000+0000");
    }
}
