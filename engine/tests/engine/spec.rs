//! Runs the Markdown files in `tests/spec`: they are the manual of the language, and this keeps it true.
//!
//! A block marked `rule` is a condition; a block marked `events` behind it has one event on each line
//! and what the condition answers: `read cat /etc/passwd => match`.

use std::fs;
use std::path::Path;

use cadge_engine::Ruleset;

use super::build::{Scene, ruleset};

#[test]
fn the_manual_is_true() {
    let mut checked = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/spec")).unwrap() {
        checked += run(&entry.unwrap().path());
    }
    assert!(checked > 20, "{checked}");
}

fn run(path: &Path) -> usize {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let mut rules: Option<Ruleset> = None;
    let (mut block, mut body) = (None, String::new());
    let mut checked = 0;
    for (number, line) in text.lines().enumerate() {
        match (block, line) {
            (None, "```rule") => block = Some("rule"),
            (None, "```events") => block = Some("events"),
            (Some("rule"), "```") => {
                rules = Some(ruleset(&format!(
                    "- rule: R\n  desc: d\n  condition: |\n    {}\n  output: o\n  priority: INFO\n",
                    body.trim_end().replace('\n', "\n    ")
                )));
                body.clear();
                block = None;
            }
            (Some("events"), "```") => block = None,
            (Some("rule"), line) => body += &format!("{line}\n"),
            (Some("events"), line) => {
                let (event, expected) = line.split_once(" => ").expect("an event and an answer");
                let matched =
                    !scene(event).alerts(rules.as_ref().expect("a rule before its events")).is_empty();
                let answer = if matched { "match" } else { "no match" };
                assert_eq!(answer, expected.trim(), "{name}:{}: {line}", number + 1);
                checked += 1;
            }
            _ => {}
        }
    }
    checked
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
