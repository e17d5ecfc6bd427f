//! What the formats of several destinations have in common, as falcosidekick's receivers know it.

use std::borrow::Cow;

use cadge_proto::Alert;
use cadge_proto::json;

/// The alert's time as Go prints one: `2024-06-12 13:46:40.5 +0000 UTC`, without zeros at the end.
pub(crate) fn go_time(alert: &Alert) -> String {
    let time = json::time(alert).replace('T', " ");
    let time = time.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{time} +0000 UTC")
}

/// The alert's time in nanoseconds since 1970.
pub(crate) fn nanoseconds(alert: &Alert) -> i128 {
    let time = alert.time.unwrap_or_default();
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

/// A field's name as that of a label: `proc.aname[2]` is `proc_aname_2`.
pub(crate) fn label_name(field: &str) -> String {
    let parts = field.split(|character: char| !character.is_ascii_alphanumeric());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// What stands for the alert's priority.
pub(crate) fn by_priority<T: Copy>(alert: &Alert, all: &[T; 8]) -> T {
    let number = usize::try_from(alert.priority).ok();
    number.and_then(|number| all.get(number)).copied().unwrap_or(all[7])
}

/// At most so many characters. What is cut ends with `…`.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("äöü", 3), cut("äöü", 2), cut("", 0)), ("äöü".into(), "ä…".into(), "".into()));
        assert!(matches!(cut("abc", 3), Cow::Borrowed(_)));
    }

    #[test]
    fn names_and_times_are_as_receivers_know_them() {
        assert_eq!(
            ["proc.aname[2]", "_a__b.", "evt.time"].map(label_name),
            ["proc_aname_2", "a_b", "evt_time"]
        );
        let time = |seconds, nanos| Alert {
            time: Some(prost_types::Timestamp { seconds, nanos }),
            ..Alert::default()
        };
        assert_eq!(go_time(&time(1_718_200_000, 500_000_000)), "2024-06-12 13:46:40.5 +0000 UTC");
        assert_eq!(go_time(&time(1_718_200_000, 0)), "2024-06-12 13:46:40 +0000 UTC");
        assert_eq!(nanoseconds(&time(1_718_200_000, 5)), 1_718_200_000_000_000_005);
    }
}
