//! A sensor as it runs: the live source and the engine with rules, and the alerts that they raise.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Instant;

use cadge_engine::{Alert, RuleFile, RuleMatching, Ruleset, Scratch, Selection, Selector, Settings};

use cadge_sensor::source::SourceSettings;

use crate::kernel::live::{Live, PATIENCE, skipped};
use crate::kernel::programs::{Build, compiled};

/// Stands guard with some rules. Only the kinds of event that they need are watched.
pub(crate) struct Guard {
    live: Live<Alert>,
}

impl Guard {
    /// Loads rules, in the text of a rule file. `None`, said aloud, where the machine does not allow it.
    #[track_caller]
    pub(crate) fn start(test: &str, rules: &str) -> Option<Self> {
        Self::with(test, &[RuleFile { name: "test.yaml", text: rules }], &Settings::default())
    }

    /// Loads Falco's own rules, those too that are switched off. `None`, said aloud, where they are not.
    #[track_caller]
    pub(crate) fn stock(test: &str) -> Option<Self> {
        let compat = std::env::var_os("CADGE_COMPAT").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
            PathBuf::from,
        );
        let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
        let texts = names.map(|name| std::fs::read_to_string(compat.join("rules").join(name)));
        let mut files = Vec::new();
        for (name, content) in names.iter().zip(&texts) {
            let Ok(content) = content else {
                skipped(test, &format!("no `{name}` in {}", compat.display()));
                return None;
            };
            files.push(RuleFile { name, text: content });
        }
        let all = Selection { enable: true, by: Selector::Rule("*".to_owned()) };
        let rule_matching = RuleMatching::All;
        Self::with(test, &files, &Settings { rules: vec![all], rule_matching, ..Settings::default() })
    }

    #[track_caller]
    fn with(test: &str, files: &[RuleFile<'_>], settings: &Settings) -> Option<Self> {
        let report = Ruleset::load(files, settings);
        let ruleset: Arc<Ruleset> =
            Arc::new(report.ruleset.unwrap_or_else(|| panic!("the rules are wrong: {:#?}", report.errors)));
        let mut scratch = Scratch::default();
        let mut alerts = Vec::new();
        let settings = SourceSettings {
            event_types: ruleset.needs().iter().map(|need| need.kind).collect(),
            named_files: ruleset.named_files(),
            ..SourceSettings::default()
        };
        let live = Live::with(test, settings, move |event, keep| {
            ruleset.evaluate(event, &mut scratch, &mut alerts);
            alerts.drain(..).for_each(keep);
        })?;
        Some(Self { live })
    }

    /// Waits for an alert of each rule whose output fields have these texts, in any order.
    #[track_caller]
    pub(crate) fn must_alert_all(&self, expected: &[(&str, &[(&str, &str)])]) {
        let mut left = expected.to_vec();
        let deadline = Instant::now() + PATIENCE;
        while !left.is_empty()
            && let Some(alert) = self.live.next(deadline)
        {
            left.retain(|(rule, fields)| {
                *alert.rule != **rule || !fields.iter().all(|field| has(&alert, field))
            });
        }
        assert!(left.is_empty(), "no alerts of {left:#?}");
    }

    /// Waits for an alert of a rule whose output fields have these texts.
    #[track_caller]
    pub(crate) fn must_alert(&self, rule: &str, fields: &[(&str, &str)]) -> Alert {
        let mut others = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while let Some(alert) = self.live.next(deadline) {
            if *alert.rule == *rule && fields.iter().all(|field| has(&alert, field)) {
                return alert;
            }
            others.push(alert.message);
        }
        let last = others.len().saturating_sub(10);
        panic!(
            "no alert `{rule}` with {fields:?}; {} others, the last: {:#?}",
            others.len(),
            &others[last..]
        );
    }
}

fn has(alert: &Alert, (name, text): &(&str, &str)) -> bool {
    alert.output_fields.iter().any(|(key, value)| **key == **name && value == text)
}

/// Runs `tests/bypass/NAME.c` to its end, which must be a success.
#[track_caller]
pub(crate) fn attack(name: &str, args: &[&str]) -> Output {
    let program =
        compiled(&format!("bypass/{name}"), Build::Native).unwrap_or_else(|problem| panic!("{problem}"));
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{name} {args:?}: {output:?}");
    output
}
