//! Rule files: what is wrong with them, and where.

use cadge_engine::{Code, Report, RuleFile, Ruleset, Settings};

fn load(text: &str) -> Report {
    Ruleset::load(&[RuleFile { name: "local.yaml", text }], &Settings::default())
}

#[track_caller]
fn error(text: &str, expected: &str) {
    let report = load(text);
    let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.join("\n"), expected.trim_matches('\n'), "\n{}", errors.join("\n"));
    assert!(report.ruleset.is_none());
}

fn rule(condition: &str, output: &str) -> String {
    format!("- rule: R\n  desc: d\n  condition: {condition}\n  output: {output}\n  priority: INFO\n")
}

#[test]
fn a_typo_gets_a_caret() {
    error(
        &rule("evt.type = execve and proc.nmae = bash", "o"),
        "
local.yaml:3:36: filter_check called with nonexistent field proc.nmae [LOAD_ERR_COMPILE_CONDITION]
   condition: evt.type = execve and proc.nmae = bash
                                    ^^^^^^^^^ did you mean `proc.name`?
",
    );
    error(
        &rule("evt.type = exceve", "o"),
        "
local.yaml:3:25: unknown event type exceve [LOAD_ERR_COMPILE_CONDITION]
   condition: evt.type = exceve
                         ^^^^^^ did you mean `execve`?
",
    );
}

#[test]
fn the_caret_is_right_in_every_kind_of_scalar() {
    error(
        &rule(">\n    evt.type = open\n    and fd.nam = x", "o"),
        "
local.yaml:5:9: filter_check called with nonexistent field fd.nam [LOAD_ERR_COMPILE_CONDITION]
   and fd.nam = x
       ^^^^^^ did you mean `fd.name`?
",
    );
    error(
        &rule("\"evt.type = open and\n    proc.name contian \\\"x\\\"\"", "o"),
        "
local.yaml:4:15: expected a valid check operator after 'proc.name' [LOAD_ERR_COMPILE_CONDITION]
   proc.name contian \\\"x\\\"\"
             ^^^^^^^ did you mean `contains`?
",
    );
    error(
        &rule("evt.type = open", "|\n    a %proc.name\n    b %proc.cmdlin c"),
        "
local.yaml:6:7: invalid formatting token proc.cmdlin [LOAD_ERR_COMPILE_OUTPUT]
   b %proc.cmdlin c
     ^^^^^^^^^^^^ did you mean `proc.cmdline`?
",
    );
}

#[test]
fn an_error_in_a_macro_is_shown_in_the_macro() {
    let text = format!("- macro: m\n  condition: proc.name = (x)\n{}", rule("evt.type = open and m", "o"));
    let report = load(&text);
    assert_eq!((report.errors[0].line, report.errors[0].column), (2, 26));
    assert_eq!((report.errors[0].item_type, &*report.errors[0].item_name), ("macro", "m"));
}

#[test]
fn macros_and_lists_are_resolved_as_falco_does() {
    let text = "
- list: inner
  items: [b, 'c d']
- list: outer
  items: [a, inner]
- macro: m
  condition: proc.name in (outer)
- rule: R
  desc: d
  condition: evt.type = open and not m
  output: o
  priority: INFO
";
    let report = load(text);
    assert_eq!(report.warnings, []);
    let rules = report.ruleset.unwrap();
    assert_eq!(
        rules.rules()[0].condition.to_string(),
        "(evt.type = open and not proc.name in (a, b, \"c d\"))"
    );
}

#[test]
fn items_that_contradict_each_other_are_refused() {
    for (text, code, words) in [
        ("- macro: m\n  condition: m\n", Code::Validate, "Undefined macro 'm' used in filter."),
        ("- list: l\n  append: true\n  items: [a]\n", Code::Validate, "List uses 'append'"),
        (
            "- rule: R\n  condition: evt.type = open\n",
            Code::YamlValidate,
            "Item has no mapping for key 'output'",
        ),
        (
            "- rule: R\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: hgih\n",
            Code::YamlValidate,
            "Invalid priority",
        ),
        ("- required_engine_version: 99\n", Code::Validate, "engine version 0.99.0"),
        ("rule: R\n", Code::YamlValidate, "Rules content is not yaml array of objects"),
        ("- [a\n", Code::YamlParse, ""),
        (
            "- macro: m\n  condition: n\n- macro: n\n  condition: evt.type = open\n",
            Code::Validate,
            "Undefined macro 'n' used in filter.",
        ),
    ] {
        let report = load(text);
        assert_eq!(report.errors.first().map(|error| error.code), Some(code), "{text}");
        assert!(report.errors[0].message.contains(words), "{:?}", report.errors[0]);
    }
}

#[test]
fn oddities_are_warnings() {
    let text = format!(
        "- list: l\n  items: [a]\n- macro: m\n  condition: evt.type = open\n- thing: x\n{}  prioritty: x\n",
        rule("proc.name = x", "o")
    );
    let report = load(&text);
    assert_eq!(report.errors, []);
    let codes: Vec<Code> = report.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(
        codes,
        [Code::UnknownItem, Code::UnknownKey, Code::NoEventType, Code::UnusedMacro, Code::UnusedList]
    );
}

#[test]
fn later_files_add_and_switch() {
    let first = rule("evt.type = open", "o");
    let second = "- rule: R\n  append: true\n  condition: and proc.name = x\n- rule: R\n  enabled: false\n";
    let files = [RuleFile { name: "a", text: &first }, RuleFile { name: "b", text: second }];
    let rules = Ruleset::load(&files, &Settings::default()).ruleset.unwrap();
    assert_eq!(rules.rules()[0].condition.to_string(), "(evt.type = open and proc.name = x)");
    assert!(!rules.rules()[0].enabled);
    assert_eq!(rules.needs(), []);
}
