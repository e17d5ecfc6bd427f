//! Rule files: what loads, what does not, and with which words.

use cadge_engine::{Problem, Report as Loaded, RuleFile, Ruleset, Selection, Selector, Settings};
use serde_json::Value;

use super::report::{Report, cases, read, same, text};

#[test]
fn rules_unit() {
    let Some(file) = read("rules_unit") else { return };
    let mut report = Report::new("rules_unit");
    for case in cases(&file, "cases") {
        let mut steps = Steps { settings: Settings::default(), files: Vec::new(), ruleset: String::new() };
        for (number, step) in cases(case, "steps").enumerate() {
            let id = format!("{}#{number}", text(case, "id"));
            match text(step, "op") {
                "schema_validation" => {
                    report.not_applicable("the result of the JSON schema, which decides nothing");
                }
                "raw" => report.not_applicable("a line of C++"),
                "call" if text(step, "call") == "enable_rule_by_tag" => steps.select(step),
                "call" => report.not_applicable("a call of a C++ helper"),
                "num_enabled_rules" if !steps.is_selected(text(step, "ruleset")) => {
                    report.not_applicable("several rulesets at once: a ruleset is one here");
                }
                _ => report.case(&id, steps.run(step)),
            }
        }
    }
    report.finish();
}

struct Steps {
    settings: Settings,
    files: Vec<(String, String)>,
    /// The ruleset that selections are for.
    ruleset: String,
}

impl Steps {
    fn load(&self) -> Loaded {
        let files: Vec<RuleFile<'_>> =
            self.files.iter().map(|(name, text)| RuleFile { name, text }).collect();
        Ruleset::load(&files, &self.settings)
    }

    /// The test that selects works on named rulesets: one at a time can be followed.
    fn select(&mut self, step: &Value) {
        let args: Vec<&str> = cases(step, "args").map(|arg| arg.as_str().unwrap()).collect();
        // The C++ names a set here after the only tag in it.
        let by = Selector::Tag(args[0].strip_suffix("_tags").unwrap_or(args[0]).replace('_', " "));
        self.settings.rules.push(Selection { enable: args[1] == "true", by });
        (*args.get(2).unwrap_or(&"falco-default-ruleset")).clone_into(&mut self.ruleset);
    }

    fn is_selected(&self, ruleset: &str) -> bool {
        if self.settings.rules.is_empty() {
            ruleset == "falco-default-ruleset"
        } else {
            ruleset == self.ruleset
        }
    }

    fn run(&mut self, step: &Value) -> Result<(), String> {
        if step["op"] == "load" {
            self.files.push((text(step, "filename").to_owned(), text(step, "content").to_owned()));
        }
        let loaded = self.load();
        let has = |problems: &[Problem]| {
            let found = problems.iter().any(|problem| problem.message.contains(text(step, "text")));
            let messages: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
            if found == step["expect"] {
                Ok(())
            } else {
                Err(format!("{:?} in {messages:?}", text(step, "text")))
            }
        };
        let errors = || format!("{:?}", loaded.errors.iter().map(ToString::to_string).collect::<Vec<_>>());
        let ruleset = || loaded.ruleset.as_ref().ok_or_else(errors);
        match text(step, "op") {
            "load" => match text(step, "expect") {
                "ok" => ruleset().map(|_| ()),
                "error" => same(&loaded.ruleset.is_none(), &true),
                _ => Ok(()),
            },
            "load_successful" => same(&Value::from(loaded.ruleset.is_some()), &step["expect"]),
            "error_message_contains" => has(&loaded.errors),
            "warning_message_contains" => has(&loaded.warnings),
            "has_warnings" => same(&Value::from(!loaded.warnings.is_empty()), &step["expect"]),
            "compiled_condition" => {
                let rule = ruleset()?.rules().iter().find(|rule| *rule.name == *text(step, "rule"));
                let rule = rule.ok_or("there is no such rule")?;
                same(&rule.condition.to_string().as_str(), &text(step, "equals"))
            }
            "num_enabled_rules" => {
                let count = ruleset()?.rules().iter().filter(|rule| rule.is_evaluated).count();
                same(&Value::from(count), &step["equals"])
            }
            "describe" => describe(ruleset()?, step),
            other => Err(format!("unknown step {other}")),
        }
    }
}

fn describe(ruleset: &Ruleset, step: &Value) -> Result<(), String> {
    let rule = &ruleset.rules()[0];
    let have = match text(step, "path") {
        "rules[0].info.condition" => rule.condition.to_string(),
        "rules[0].info.output" => rule.output.clone(),
        "rules[0].info.description" => rule.desc.clone(),
        other => return Err(format!("unknown path {other}")),
    };
    same(&have.as_str(), &text(step, "equals"))
}

#[test]
fn rules_validate() {
    let Some(file) = read("rules_validate") else { return };
    let mut report = Report::new("rules_validate");
    for case in cases(&file, "cases") {
        let files: Vec<(&str, &str)> =
            cases(case, "files").map(|file| (text(file, "file"), text(file, "content"))).collect();
        let files: Vec<RuleFile<'_>> = files.iter().map(|(name, text)| RuleFile { name, text }).collect();
        let loaded = Ruleset::load(&files, &Settings::default());
        let outcome = same(&Value::from(loaded.ruleset.is_some()), &case["expect_success"]);
        report.case(text(case, "id"), outcome.map_err(|why| format!("{why} {:?}", loaded.errors)));
        for expected in cases(case, "expect") {
            report.case(text(case, "id"), found(&loaded, expected));
        }
    }
    report.finish();
}

fn found(loaded: &Loaded, expected: &Value) -> Result<(), String> {
    let problems = if expected["which"] == "error" { &loaded.errors } else { &loaded.warnings };
    if let Some(count) = expected["count"].as_u64() {
        return same(&(problems.len() as u64), &count).map_err(|why| format!("{why}: {problems:?}"));
    }
    let fits = |problem: &&Problem| {
        let is = |key: &str, have: &str| expected.get(key).is_none_or(|value| value == have);
        is("code", problem.code.name())
            && is("item_type", problem.item_type)
            && is("item_name", &problem.item_name)
            && is("message", &problem.message)
    };
    match problems.iter().find(fits) {
        Some(_) => Ok(()),
        None => Err(format!("expected {expected}, have {problems:?}")),
    }
}
