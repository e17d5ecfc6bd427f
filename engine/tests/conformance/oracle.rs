//! Every stock rule, as an independent implementation compiled it.

use std::fs;

use cadge_engine::{RuleFile, Ruleset, Settings};

use super::conditions::named;
use super::report::{Report, cases, compat, read, same, text};

const FILES: &[(&str, &str)] = &[
    ("stable", "falco_rules.yaml"),
    ("incubating", "falco-incubating_rules.yaml"),
    ("sandbox", "falco-sandbox_rules.yaml"),
];

#[test]
fn stock_rules_oracle() {
    let Some(file) = read("stock_rules_oracle") else { return };
    let mut report = Report::new("stock_rules_oracle");
    for (maturity, name) in FILES {
        let text_of = fs::read_to_string(compat().join("rules").join(name)).unwrap();
        let loaded = Ruleset::load(&[RuleFile { name, text: &text_of }], &Settings::default());
        let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        let Some(ruleset) = loaded.ruleset else { panic!("{name}: {}", errors.join("\n")) };
        for case in cases(&file, "cases").filter(|case| case["maturity"] == *maturity) {
            let rule = ruleset.rules().iter().find(|rule| *rule.name == *text(case, "rule"));
            let outcome = rule.ok_or_else(|| "there is no such rule".to_owned()).and_then(|rule| {
                same(&rule.condition.to_string().as_str(), &text(case, "condition_compiled_oracle"))?;
                same(&rule.event_types().collect(), &named(&case["event_types"]))?;
                same(&rule.priority.name().to_uppercase(), &priority(text(case, "priority")))?;
                same(&Some(rule.enabled), &case["enabled"].as_bool())
            });
            report.case(text(case, "rule"), outcome);
        }
    }
    for case in cases(&file, "cases") {
        if !FILES.iter().any(|(maturity, _)| case["maturity"] == *maturity) {
            report.not_applicable(&format!("the rule file of `{}` is not there", text(case, "maturity")));
        }
    }
    report.finish();
}

fn priority(name: &str) -> String {
    if name == "INFO" { "INFORMATIONAL".to_owned() } else { name.to_owned() }
}
