//! A sensor as it runs: the live source and the engine with rules, and the alerts that they raise.

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Instant;

use cadge_engine::{Alert, RuleFile, Ruleset, Scratch, Settings};

use cadge_sensor::source::SourceSettings;

use crate::kernel::live::{Live, PATIENCE};
use crate::kernel::programs::{Build, compiled};

/// Stands guard with some rules. Only the kinds of event that they need are watched.
pub(crate) struct Guard {
    live: Live<Alert>,
}

impl Guard {
    /// Loads rules, in the text of a rule file. `None`, said aloud, where the machine does not allow it.
    #[track_caller]
    pub(crate) fn start(test: &str, rules: &str) -> Option<Self> {
        let file = RuleFile { name: "test.yaml", text: rules };
        let report = Ruleset::load(&[file], &Settings::default());
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

    /// Waits for an alert of a rule whose output fields have these texts.
    #[track_caller]
    pub(crate) fn must_alert(&self, rule: &str, fields: &[(&str, &str)]) -> Alert {
        let mut others = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while let Some(alert) = self.live.next(deadline) {
            let has = |(name, text): &(&str, &str)| {
                alert.output_fields.iter().any(|(key, value)| **key == **name && value == text)
            };
            if *alert.rule == *rule && fields.iter().all(has) {
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

/// Runs `tests/bypass/NAME.c` to its end, which must be a success.
#[track_caller]
pub(crate) fn attack(name: &str, args: &[&str]) -> Output {
    let program =
        compiled(&format!("bypass/{name}"), Build::Native).unwrap_or_else(|problem| panic!("{problem}"));
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{name} {args:?}: {output:?}");
    output
}
