//! Properties: any text is loaded or refused, the graph answers what the tree answers and what logic
//! says, and a source may leave out what no rule needs.

use cadge_engine::output::Template;
use cadge_engine::{
    Event, EventType, Given, Need, RuleFile, RuleMatching, Ruleset, Scratch, Selection, Selector, Settings,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

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
    ("toupper(proc.name) = CAT", true),
    ("fd.name startswith anyof (/var, /etc)", true),
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

/// Values that fields of random events have and that random conditions ask for: few, so that they meet.
const TYPES: &[&str] = &["open", "openat", "execve", "connect", "procexit"];
const NAMES: &[&str] = &["a", "ab", "abc", "b", "cab", ""];

/// A condition on fields of random events, with every kind of comparison that the index knows.
fn any_condition() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(NAMES);
    let field = || prop::sample::select(&["proc.name", "proc.pname", "fd.name", "fd.typechar"][..]);
    let kind = || prop::sample::select(TYPES);
    let leaf = prop_oneof![
        kind().prop_map(|kind| format!("evt.type = {kind}")),
        kind().prop_map(|kind| format!("evt.type != {kind}")),
        (kind(), kind()).prop_map(|(a, b)| format!("evt.type in ({a}, {b})")),
        Just("evt.num = 0".to_owned()),
        Just("evt.dir = <".to_owned()),
        (field(), name()).prop_map(|(field, name)| format!("{field} = \"{name}\"")),
        (field(), name()).prop_map(|(field, name)| format!("{field} != \"{name}\"")),
        (field(), name()).prop_map(|(field, name)| format!("{field} startswith \"{name}\"")),
        (field(), name()).prop_map(|(field, name)| format!("{field} endswith \"{name}\"")),
        (field(), name()).prop_map(|(field, name)| format!("{field} contains \"{name}\"")),
        (field(), name()).prop_map(|(field, name)| format!("{field} glob \"{name}*\"")),
        (field(), name(), name()).prop_map(|(field, a, b)| format!("{field} in (\"{a}\", \"{b}\")")),
        (0..4).prop_map(|pid| format!("proc.pid = {pid}")),
        (0..4).prop_map(|pid| format!("proc.pid in ({pid}, 7)")),
        prop::bool::ANY.prop_map(|truth| format!("evt.is_open_write = {truth}")),
        field().prop_map(|field| format!("{field} exists")),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        let join = |parts: Vec<String>, word: &str| format!("({})", parts.join(word));
        prop_oneof![
            parts.clone().prop_map(move |parts| join(parts, " and ")),
            parts.prop_map(move |parts| join(parts, " or ")),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Given> {
    let name = || prop::option::of(prop::sample::select(NAMES));
    (
        prop::sample::select(TYPES),
        name(),
        name(),
        name(),
        prop::option::of(0..4),
        prop::option::of(prop::bool::ANY),
    )
        .prop_map(|(kind, comm, parent, path, pid, writes)| {
            let mut fields: Map<String, Value> = Map::new();
            fields.insert("evt.type".to_owned(), json!(kind));
            for (field, value) in [
                ("proc.name", json!(comm)),
                ("proc.pname", json!(parent)),
                ("fd.name", json!(path)),
                ("proc.pid", json!(pid)),
                ("evt.is_open_write", json!(writes)),
            ] {
                fields.insert(field.to_owned(), value);
            }
            Given::new(&fields).unwrap()
        })
}

fn rules(conditions: &[String]) -> String {
    let rule = |(index, condition): (usize, &String)| {
        format!(
            "- rule: R{index}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n",
            Value::from(condition.as_str())
        )
    };
    conditions.iter().enumerate().map(rule).collect()
}

proptest! {
    #[test]
    fn the_graph_agrees_with_logic(conditions in prop::collection::vec(condition(), 1..6)) {
        // All rules share one graph; the first that is true alerts.
        let texts: Vec<String> =
            conditions.iter().map(|(condition, _)| format!("evt.type = openat and ({condition})")).collect();
        let expected = conditions.iter().position(|(_, truth)| *truth).map(|index| format!("R{index}"));
        let alerts = Scene::read("cat", "/etc/shadow").alerts(&ruleset(&rules(&texts)));
        prop_assert_eq!(alerts.first().map(|alert| alert.rule.to_string()), expected);
    }

    #[test]
    fn the_graph_agrees_with_the_tree_and_needs_what_matches(
        conditions in prop::collection::vec(any_condition(), 1..8),
        events in prop::collection::vec(any_event(), 1..8),
        all in prop::bool::ANY,
    ) {
        let text = rules(&conditions);
        let rule_matching = if all { RuleMatching::All } else { RuleMatching::First };
        let settings = Settings { rule_matching, ..Settings::default() };
        let ruleset = Ruleset::load(&[RuleFile { name: "r", text: &text }], &settings).ruleset.unwrap();
        let interpreter = ruleset.interpreter();
        let needs = ruleset.needs();
        let mut scratch = Scratch::default();
        for event in &events {
            let (mut compiled, mut interpreted) = (Vec::new(), Vec::new());
            event.with(|event| {
                ruleset.matches(event, &mut scratch, &mut |rule| compiled.push(rule.name.to_string()));
                interpreter.matches(event, &mut |rule| interpreted.push(rule.name.to_string()));
                let need = needs.iter().find(|need| need.kind == event.kind);
                assert!(interpreted.is_empty() || need.is_some_and(|need| is_admitted(need, event)), "{needs:?}");
            });
            prop_assert_eq!(compiled, interpreted);
        }
    }

    #[test]
    fn any_text_is_loaded_or_refused(text in "(?s).{0,200}") {
        load(&text);
    }

    #[test]
    fn any_condition_and_output_are_loaded_or_refused(
        condition in "[a-z.=()<>! \"'\\\\%,*0-9\n]{0,60}",
        output in "[a-z.%\\[\\]()0-9* é]{0,40}",
    ) {
        let block = condition.replace('\n', "\n    ");
        load(&format!("- rule: R\n  desc: d\n  condition: |\n    {block}\n  output: |\n    {output}\n  priority: INFO\n"));
    }

    #[test]
    fn any_rule_keys_are_loaded_or_refused(items in prop::collection::vec(item(), 1..6)) {
        load(&items.concat());
    }

    #[test]
    fn what_is_formatted_means_the_same(condition in any_condition()) {
        let text = rules(std::slice::from_ref(&condition));
        let formatted = cadge_engine::format_rules(RuleFile { name: "r", text: &text }).unwrap();
        let again = cadge_engine::format_rules(RuleFile { name: "r", text: &formatted }).unwrap();
        prop_assert_eq!(&again, &formatted);
        let condition = |text: &str| ruleset(text).rules()[0].condition.to_string();
        prop_assert_eq!(condition(&formatted), condition(&text));
    }
}

/// Whether an event has one of the values that are needed, as a source would find out: by its fields.
fn is_admitted(need: &Need, event: &Event<'_>) -> bool {
    let Some(fields) = &need.fields else { return true };
    fields.iter().any(|field| {
        let text = Template::new(&format!("%{}", field.name)).unwrap().format(event);
        let number = || text.text.parse().is_ok_and(|number| field.numbers.contains(&number));
        let truth = || text.text.parse().is_ok_and(|truth| field.truths.contains(&truth));
        text.is_complete && (field.admits_text(text.text.as_bytes()) || number() || truth())
    })
}

#[test]
fn needs_say_which_paths_and_ports_matter() {
    let text = "- rule: One\n  desc: d\n  condition: evt.type = openat and (fd.name startswith /etc/ or fd.name = /x) and proc.name != a\n  output: o\n  priority: INFO\n\
                - rule: Two\n  desc: d\n  condition: evt.type = connect and fd.sport in (22, 23)\n  output: o\n  priority: INFO\n\
                - rule: Three\n  desc: d\n  condition: evt.type = execve and not proc.name = a\n  output: o\n  priority: INFO\n";
    let needs = ruleset(text).needs();
    let of = |kind: EventType| needs.iter().find(|need| need.kind == kind).unwrap().fields.clone();
    assert_eq!(of(EventType::EXECVE), None);
    let files = &of(EventType::OPENAT).unwrap()[0];
    assert_eq!(files.name, "fd.name");
    assert!(files.admits_text(b"/etc/shadow") && files.admits_text(b"/x") && !files.admits_text(b"/usr/x"));
    let ports = &of(EventType::CONNECT).unwrap()[0];
    assert_eq!((ports.name.as_str(), &ports.numbers[..]), ("fd.sport", &[22, 23][..]));
}

/// An item of a rule file with keys and values of any kind.
fn item() -> impl Strategy<Value = String> {
    let key = prop::sample::select(
        &[
            "rule",
            "list",
            "macro",
            "items",
            "condition",
            "output",
            "desc",
            "priority",
            "append",
            "override",
            "exceptions",
            "enabled",
            "tags",
            "source",
            "capture",
            "required_engine_version",
            "required_plugin_versions",
        ][..],
    );
    let value = prop::sample::select(
        &[
            "a",
            "true",
            "append",
            "INFO",
            "[]",
            "[a, b]",
            "[[a], [b, c]]",
            "{a: b}",
            "{condition: append, tags: replace}",
            "",
            "~",
            "3",
            "evt.type = open",
            "[{name: e, fields: [proc.name], values: [[a], b]}]",
            "[{name: e, fields: proc.name, comps: in, values: [a]}]",
            "and proc.name in (a)",
            "[{name: p, version: 1.2.3, alternatives: [{name: q, version: x}]}]",
        ][..],
    );
    prop::collection::vec((key, value), 1..7).prop_map(|pairs| {
        let mut seen = Vec::new();
        let mut text = String::new();
        for (key, value) in pairs {
            if !seen.contains(&key) {
                text += &format!("{}{key}: {value}\n", if seen.is_empty() { "- " } else { "  " });
                seen.push(key);
            }
        }
        text
    })
}

fn load(text: &str) {
    let report = Ruleset::load(&[RuleFile { name: "random.yaml", text }], &Settings::default());
    for problem in report.errors.iter().chain(&report.warnings) {
        let _ = problem.to_string();
    }
    let _ = cadge_engine::format_rules(RuleFile { name: "random.yaml", text });
}

#[test]
fn rules_are_switched_by_name_and_tag_in_order() {
    let text = "- rule: One\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n  tags: [x]\n\
                - rule: Two\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: INFO\n  enabled: false\n";
    let select = |enable, by| Selection { enable, by };
    let rules = vec![
        select(false, Selector::Rule("*".to_owned())),
        select(true, Selector::Tag("x".to_owned())),
        select(true, Selector::Rule("T*o".to_owned())),
    ];
    let settings = Settings { rules, ..Settings::default() };
    let ruleset = Ruleset::load(&[RuleFile { name: "r", text }], &settings).ruleset.unwrap();
    let kinds: Vec<EventType> = ruleset.needs().iter().map(|need| need.kind).collect();
    assert_eq!(kinds, [EventType::EXECVE, EventType::OPEN]);
}
