//! Properties: any text is loaded or refused, and the graph answers what logic says.

use cadge_engine::{RuleFile, Ruleset, Settings};
use proptest::prelude::*;

use super::build::{Scene, ruleset};

/// Comparisons of a scene in which `cat`, below `sh`, opens `/etc/shadow`, and what they come to.
const CHECKS: &[(&str, bool)] = &[
    ("proc.name = cat", true),
    ("proc.name == dog", false),
    ("proc.name != cat", false),
    ("proc.pid >= 30", true),
    ("proc.pid < 30", false),
    ("fd.name startswith /etc", true),
    ("fd.name pmatch (/var, /etc)", true),
    ("fd.name pmatch (/et)", false),
    ("fd.filename in (shadow, passwd)", true),
    ("evt.is_open_read = true", true),
    ("proc.aname = init", true),
    ("proc.aname[1] = init", false),
    // A missing value makes every comparison false.
    ("fd.sip = 1.2.3.4", false),
    ("fd.sip != 1.2.3.4", false),
    ("fd.sip exists", false),
    ("proc.aname[9] exists", false),
];

fn condition() -> impl Strategy<Value = (String, bool)> {
    let leaf = prop::sample::select(CHECKS).prop_map(|(text, truth)| (text.to_owned(), truth));
    leaf.prop_recursive(5, 40, 4, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        let join = |parts: Vec<(String, bool)>, word: &str| {
            let texts: Vec<String> = parts.iter().map(|(text, _)| format!("({text})")).collect();
            texts.join(&format!(" {word} "))
        };
        prop_oneof![
            parts.clone().prop_map(move |p| (join(p.clone(), "and"), p.iter().all(|(_, truth)| *truth))),
            parts.prop_map(move |p| (join(p.clone(), "or"), p.iter().any(|(_, truth)| *truth))),
            inner.prop_map(|(text, truth)| (format!("not ({text})"), !truth)),
        ]
    })
}

proptest! {
    #[test]
    fn the_graph_agrees_with_logic(conditions in prop::collection::vec(condition(), 1..6)) {
        // All rules share one graph; the first that is true alerts.
        let mut text = String::new();
        for (index, (condition, _)) in conditions.iter().enumerate() {
            text += &format!(
                "- rule: R{index}\n  desc: d\n  condition: evt.type = openat and ({condition})\n  output: o\n  priority: INFO\n"
            );
        }
        let expected = conditions.iter().position(|(_, truth)| *truth).map(|index| format!("R{index}"));
        let alerts = Scene::read("cat", "/etc/shadow").alerts(&ruleset(&text));
        prop_assert_eq!(alerts.first().map(|alert| alert.rule.to_string()), expected);
    }

    #[test]
    fn any_text_is_loaded_or_refused(text in "(?s).{0,200}") {
        load(&text);
    }

    #[test]
    fn any_condition_and_output_are_loaded_or_refused(
        condition in "[a-z.=()<>! \"'\\\\%,*0-9\n]{0,60}",
        output in "[a-z.%\\[\\]0-9* é]{0,40}",
    ) {
        let block = condition.replace('\n', "\n    ");
        load(&format!("- rule: R\n  desc: d\n  condition: |\n    {block}\n  output: |\n    {output}\n  priority: INFO\n"));
    }
}

fn load(text: &str) {
    let report = Ruleset::load(&[RuleFile { name: "random.yaml", text }], &Settings::default());
    for problem in report.errors.iter().chain(&report.warnings) {
        let _ = problem.to_string();
    }
}
