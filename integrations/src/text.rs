//! What the formats of several destinations have in common, as falcosidekick's receivers know it.

use std::borrow::Cow;

use cadge_proto::json;
use cadge_proto::{Alert, priority_name};

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

/// A topic for an alert: `<priority>` and `<rule>` of the template are the alert's, in small letters with `_` between
/// words.
pub(crate) fn topic(template: &str, alert: &Alert) -> String {
    let rule = label_name(&alert.rule).to_ascii_lowercase();
    let rule = if rule.is_empty() { "_" } else { &rule };
    template
        .replace("<priority>", &priority_name(alert.priority).to_ascii_lowercase())
        .replace("<rule>", rule)
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
    fn a_topic_has_the_rule_s_words() {
        let of = |rule: &str| {
            topic("falco.<priority>.<rule>", &Alert { rule: rule.into(), priority: 4, ..Alert::default() })
        };
        assert_eq!(of("Terminal shell in container!"), "falco.warning.terminal_shell_in_container");
        assert_eq!((of("ä > *"), of("")), ("falco.warning._".to_owned(), "falco.warning._".to_owned()));
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
