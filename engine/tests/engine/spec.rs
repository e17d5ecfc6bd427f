//! Runs the Markdown files in `tests/spec`: they are the manual of the language, and this keeps it true.
//!
//! Blocks come in pairs; the second says what comes of the first:
//!
//! - `rule`, a condition, and `events`, one on each line with what the condition answers:
//!   `read cat /etc/passwd => match`, or a JSON object of fields: `{"proc.name": "sh"} => no match`;
//! - `rules`, a rule file, and `conditions`, each rule's condition after loading: `NAME: CONDITION`,
//!   or `problems`, each error and warning: `CODE: MESSAGE`;
//! - `output`, a template, and `events` with the text behind `=>`.

use std::fs;
use std::path::Path;

use cadge_engine::output::Template;
use cadge_engine::{Given, RuleFile, Ruleset, Scratch, Settings};

use super::build::{Scene, ruleset};

#[test]
fn the_manual_is_true() {
    let mut checked = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/spec")).unwrap() {
        checked += run(&entry.unwrap().path());
    }
    assert!(checked > 80, "{checked}");
}

fn run(path: &Path) -> usize {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let (mut block, mut body): (Option<String>, Vec<&str>) = (None, Vec::new());
    let (mut subject, mut checked) = (Subject::None, 0);
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        match (&block, line) {
            (None, line) if line.starts_with("```") => block = Some(line.trim_matches('`').to_owned()),
            (Some(kind), "```") => {
                let whole = body.join("\n");
                match kind.as_str() {
                    "rule" => subject = Subject::Rule(Box::new(rule(&whole))),
                    "rules" => subject = Subject::Rules(whole),
                    "output" => subject = Subject::Output(Template::new(&whole).expect(&place)),
                    "events" => checked += body.iter().filter(|line| subject.check(line, &place)).count(),
                    "conditions" | "problems" => {
                        assert_eq!(subject.describe(kind == "problems"), body, "{place}");
                        checked += body.len();
                    }
                    _ => {}
                }
                body.clear();
                block = None;
            }
            (Some(_), line) => body.push(line),
            (None, _) => {}
        }
    }
    checked
}

/// What the second block of a pair is about.
enum Subject {
    None,
    Rule(Box<Ruleset>),
    Rules(String),
    Output(Template),
}

impl Subject {
    /// Whether an event has the answer that its line says; panics otherwise.
    fn check(&self, line: &str, place: &str) -> bool {
        let (event, expected) = line.split_once(" => ").expect(place);
        let answer = match self {
            Self::Rule(rules) => {
                let mut found = false;
                if event.starts_with('{') {
                    given(event, place).with(|event| {
                        rules.matches(event, &mut Scratch::default(), &mut |_| found = true);
                    });
                } else {
                    found = !scene(event).alerts(rules).is_empty();
                }
                if found { "match".to_owned() } else { "no match".to_owned() }
            }
            Self::Output(template) => given(event, place).with(|event| template.format(event).text),
            _ => panic!("{place}: events without a rule or an output before them"),
        };
        assert_eq!(answer, expected, "{place}: {line}");
        true
    }

    fn describe(&self, problems: bool) -> Vec<String> {
        let Self::Rules(text) = self else { panic!("no rules") };
        let report = Ruleset::load(&[RuleFile { name: "rules.yaml", text }], &Settings::default());
        if problems {
            let all = report.errors.iter().chain(&report.warnings);
            return all.map(|problem| format!("{}: {}", problem.code, problem.message)).collect();
        }
        let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
        let ruleset = report.ruleset.unwrap_or_else(|| panic!("{}", errors.join("\n")));
        ruleset.rules().iter().map(|rule| format!("{}: {}", rule.name, rule.condition)).collect()
    }
}

fn rule(condition: &str) -> Ruleset {
    ruleset(&format!(
        "- rule: R\n  desc: d\n  condition: |\n    {}\n  output: o\n  priority: INFO\n",
        condition.trim_end().replace('\n', "\n    ")
    ))
}

fn given(text: &str, place: &str) -> Given {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).expect(place);
    Given::new(&fields).expect(place)
}

fn scene(text: &str) -> Scene {
    let mut words = text.split_whitespace();
    let mut word = || words.next().unwrap_or_default();
    match word() {
        "read" => Scene::read(word(), word()),
        "write" => Scene::write(word(), word()),
        "exec" => Scene::exec(word(), word()),
        "connect" => Scene::connect(word(), word()),
        other => panic!("`{other}` is no event"),
    }
}
