//! Prometheus's text format, for figures that are asked for when the page is, not counted before.

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Labels of a figure.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// Figures of one name.
#[derive(Clone, Debug)]
pub(super) struct Family {
    name: String,
    head: String,
    samples: String,
}

impl Family {
    pub(super) fn new(name: &str, kind: Kind, help: &str) -> Self {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Self { name: name.to_owned(), head, samples: String::new() }
    }

    /// Adds a figure.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.samples.push_str(&self.name);
        let mut before = '{';
        for (name, text) in labels {
            self.samples.push(before);
            self.samples.push_str(&format!("{name}=\"{}\"", escape(text)));
            before = ',';
        }
        if !labels.is_empty() {
            self.samples.push('}');
        }
        self.samples.push_str(&format!(" {value}\n"));
    }

    /// Writes it, unless there is no figure.
    pub(super) fn write(&self, page: &mut String) {
        if !self.samples.is_empty() {
            page.push_str(&self.head);
            page.push_str(&self.samples);
        }
    }
}

/// A family with one figure.
pub(super) fn single(name: &str, kind: Kind, help: &str, value: impl std::fmt::Display) -> Family {
    let mut family = Family::new(name, kind, help);
    family.add(&[], value);
    family
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted_and_nothing_is_written_of_nothing() {
        let mut family = Family::new("a_total", Kind::Counter, "Of a.\nMore.");
        let mut page = String::new();
        family.write(&mut page);
        assert_eq!(page, "");
        family.add(&[("x", "a\"b\\c\nd"), ("y", "é")], 1);
        family.add(&[], 0.5);
        family.write(&mut page);
        let expected = "# HELP a_total Of a.\\nMore.\n# TYPE a_total counter\na_total{x=\"a\\\"b\\\\c\\nd\",y=\"é\"} 1\na_total 0.5\n";
        assert_eq!(page, expected);
    }

    proptest::proptest! {
        #[test]
        fn a_label_never_ends_its_line(text in ".*") {
            let mut family = Family::new("a", Kind::Gauge, "A.");
            family.add(&[("x", &text)], 1);
            let mut page = String::new();
            family.write(&mut page);
            proptest::prop_assert_eq!(page.matches('\n').count(), 3);
        }
    }
}
