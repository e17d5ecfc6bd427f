//! A condition on alerts instead of events: `alert.rule = X and k8s.ns.name in (a, b)`.
//!
//! It comes from whoever reads alerts, who may mean harm: its size is bounded.

use std::collections::BTreeMap;

use crate::condition::ast::{Op, Span};
use crate::condition::{self, DEPTH_MAX};
use crate::fields::Scope;
use crate::graph::Tree;
use crate::{Code, Given, Problem};

/// Bytes of a filter's text.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// Regular expressions in a filter. Each takes up to 1 MiB.
const REGEXES_MAX: usize = 16;

/// A condition on alerts.
#[derive(Debug)]
pub struct Filter {
    text: String,
    tree: Tree,
}

impl Filter {
    /// Compiles it. It may name the fields of every source, and `alert.*`.
    pub fn new(text: &str) -> Result<Self, Box<Problem>> {
        let problem = |message: String, span: Span, hint: Option<String>| {
            let problem = Problem::locate(Code::CompileCondition, message, "filter", text, span);
            Box::new(Problem { hint, ..problem })
        };
        if text.len() > TEXT_BYTES_MAX {
            return Err(problem(format!("the filter has more than {TEXT_BYTES_MAX} bytes"), 0..0, None));
        }
        let expr = condition::parse(text, DEPTH_MAX).map_err(|e| problem(e.message, e.span, e.hint))?;
        let mut regexes = 0;
        expr.checks(&mut |check| regexes += usize::from(check.op == Op::Regex));
        if regexes > REGEXES_MAX {
            return Err(problem(
                format!("the filter has more than {REGEXES_MAX} regular expressions"),
                0..0,
                None,
            ));
        }
        let statics = BTreeMap::new();
        let tree = Tree::new(&expr, Scope { source: None, statics: &statics })
            .map_err(|e| problem(e.message, e.span, e.hint))?;
        Ok(Self { text: text.to_owned(), tree })
    }

    /// Whether it is true for an alert: see [`Given::alert`].
    pub fn is_true(&self, alert: &Given) -> bool {
        alert.with(|event| self.tree.is_true(event))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::Said;

    const TAGS: &[&str] = &["container", "shell"];
    const FIELDS: &[(&str, &str)] = &[
        ("proc.name", "bash"),
        ("proc.pid", "42"),
        ("fd.name", "/etc/shadow"),
        ("fd.sip", "10.0.0.7"),
        ("k8s.ns.name", "default"),
        ("user.name", "<NA>"),
        ("evt.type", "openat"),
        ("proc.tty", "not a number"),
        ("my.plugin", "unknown to us"),
    ];

    fn admits(text: &str) -> bool {
        let said = Said {
            rule: "Terminal shell",
            priority: 4,
            priority_name: "Warning",
            output: "12:00:00.0: Warning A shell",
            hostname: "node-1",
            sensor: "s1",
            source: "syscall",
            time_ns: 1_700_000_000_000_000_001,
        };
        let alert = Given::alert(&said, TAGS.iter().copied(), FIELDS.iter().copied());
        Filter::new(text).unwrap_or_else(|problem| panic!("{problem}")).is_true(&alert)
    }

    #[test]
    fn an_alert_is_compared_as_an_event_would_be() {
        for (text, expected) in [
            ("alert.rule = 'Terminal shell'", true),
            ("alert.rule startswith term", false),
            ("alert.rule icontains TERM", true),
            ("alert.priority in (Warning, Error)", true),
            ("alert.priority_num <= 4", true),
            ("alert.priority_num < 4", false),
            ("alert.tags intersects (shell, nothing)", true),
            ("alert.tags intersects (nothing)", false),
            ("alert.hostname glob node-*", true),
            ("alert.sensor = s1 and alert.source = syscall", true),
            ("alert.time > 1700000000000000000", true),
            ("proc.name in (bash, sh) and proc.pid > 41", true),
            ("proc.name = zsh or fd.name pmatch (/etc)", true),
            ("fd.directory = /etc and fd.filename = shadow", true),
            ("fd.snet = 10.0.0.0/8", true),
            ("k8s.ns.name = default", true),
            ("k8s.ns.name != default", false),
            ("not k8s.pod.name exists", true),
            ("evt.type in (open, openat)", true),
            // What is missing is missing: nothing is made up for an alert.
            ("user.name exists", false),
            ("proc.tty = 0", false),
            ("evt.res = SUCCESS", false),
            ("container.id = host", false),
        ] {
            assert_eq!(admits(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, expected) in [
            ("", "empty"),
            ("alert.rul = x", "did you mean `alert.rule`?"),
            ("alert.rule = ", "expected"),
            ("proc.pid = many", "proc.pid = many"),
            ("proc.name regex '('", "invalid regular expression"),
            ("some_macro", "some_macro"),
        ] {
            let problem = Filter::new(text).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    #[test]
    fn hostile_ones_are_refused() {
        let many = |text: &str, count: usize| vec![text; count].join(" or ");
        for text in [
            format!("{}alert.rule = x{}", "(".repeat(2000), ")".repeat(2000)),
            many("alert.rule = x", 2000),
            many("alert.rule regex a+", REGEXES_MAX + 1),
            "alert.rule regex '((a{1000}){1000}){1000}'".to_owned(),
            "not ".repeat(1500) + "alert.rule = x",
        ] {
            let outcome = Filter::new(&text);
            assert!(outcome.is_err() || text.starts_with("not "), "{}", &text[..60]);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "[a-z(). ='<>!0-9\"]{0,80}") {
            let _ = Filter::new(&text);
            let _ = Filter::new(&format!("alert.rule {text}"));
        }
    }
}
