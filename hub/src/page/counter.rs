//! The names under which sensors count, such as `dropped_total{class="bulk",cause="ring_full"}`.
//!
//! They come from another machine, so nothing but what this reads becomes a metric.

/// Bytes of a name or of a label's text.
const BYTES_MAX: usize = 64;

/// Labels of one counter.
const LABELS_MAX: usize = 3;

/// Labels that the hub adds itself.
const TAKEN: [&str; 2] = ["sensor", "hostname"];

/// A counter's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counter<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Vec<(&'a str, &'a str)>,
}

impl<'a> Counter<'a> {
    /// Reads `name` or `name{label="text",…}`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (name, labels) = match text.split_once('{') {
            Some((name, rest)) => (name, labels(rest.strip_suffix('}')?)?),
            None => (text, Vec::new()),
        };
        is_name(name).then_some(Self { name, labels })
    }

    /// A label's text.
    pub(super) fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, text)| *text)
    }
}

fn labels(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut labels: Vec<(&str, &str)> = Vec::new();
    for label in text.split(',') {
        let (name, text) = label.split_once('=')?;
        let text = text.strip_prefix('"')?.strip_suffix('"')?;
        let is_plain = text.len() <= BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte));
        let is_new = labels.iter().all(|(known, _)| *known != name) && !TAKEN.contains(&name);
        if !is_name(name) || !is_plain || !is_new || labels.len() == LABELS_MAX {
            return None;
        }
        labels.push((name, text));
    }
    Some(labels)
}

fn is_name(name: &str) -> bool {
    let is_start = |byte: &u8| byte.is_ascii_lowercase();
    name.len() <= BYTES_MAX
        && name.as_bytes().first().is_some_and(is_start)
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_labels() {
        let counter = Counter::parse("dropped_total{class=\"bulk\",cause=\"ring_full\"}").unwrap();
        assert_eq!((counter.name, counter.label("cause")), ("dropped_total", Some("ring_full")));
        assert_eq!(Counter::parse("processes").unwrap().labels, []);
        for bad in [
            "",
            "A",
            "1a",
            "a b",
            "a{",
            "a{}",
            "a{x}",
            "a{x=1}",
            "a{x=\"1\"",
            "a{x=\"\"\"}",
            "a{x=\"1\",x=\"2\"}",
            "a{sensor=\"other\"}",
            "a{a=\"1\",b=\"1\",c=\"1\",d=\"1\"}",
            "a{x=\"\n\"}",
        ] {
            assert_eq!(Counter::parse(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*", name in "[a-z_]{1,8}", value in "[a-z\"{}=,]{0,8}") {
            let _ = Counter::parse(&text);
            if let Some(counter) = Counter::parse(&format!("{name}{{x=\"{value}\"}}")) {
                let is_quoted = counter.labels.iter().any(|(_, text)| text.contains(['"', '{', '}', '=']));
                proptest::prop_assert!(!is_quoted);
            }
        }
    }
}
