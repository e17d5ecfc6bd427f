//! What the environment says: `SLACK_WEBHOOKURL` is the key `webhookurl` of `slack`.
//!
//! It counts before the file. A variable that is empty is none, as for falcosidekick: its charts set every one.

use serde_json::{Value, json};

use super::{Config, Shared, foreign};
use crate::destinations::{DESTINATIONS, Destination};
use crate::dress::custom_fields_of;
use crate::settings::Keys as _;

impl Config {
    /// Takes what the environment says.
    pub fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
        for key in Shared::keys() {
            let name = key.name.to_uppercase();
            let Some(text) = variable(&name) else { continue };
            let value = match key.name {
                "customfields" => custom_fields_of(&text, variable).map(|fields| json!(fields)),
                _ => Ok(text.into()),
            };
            let set = value.and_then(|value| self.shared.set(key.name, &value).unwrap_or(Ok(())));
            set.map_err(|problem| about(&name, &problem))?;
        }
        for kind in DESTINATIONS {
            self.read_variables(kind, variable)?;
        }
        for (name, on) in foreign::others() {
            let text = variable(&variable_of(name, on));
            if text.is_some_and(|text| !foreign::is_empty(&Value::from(text))) {
                self.add_unsupported(name);
            }
        }
        Ok(())
    }

    /// Those of a destination. What cannot be read is an error only if it is switched on: Kubernetes sets variables
    /// such as `REDIS_PORT` for services that have nothing to do with it.
    fn read_variables(
        &mut self,
        kind: &'static Destination,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let mut wrong = None;
        for key in kind.keys() {
            let Some((name, text)) = find(kind.name, key.name, &variable) else { continue };
            let value = Value::from(text);
            match self.section(kind).set(key.name, &value) {
                Some(Err(problem)) => wrong = wrong.or_else(|| Some(about(&name, &problem))),
                _ => self.note_unused(kind, &key, &value),
            }
        }
        match wrong {
            Some(problem) if self.section(kind).is_on() => Err(problem),
            _ => Ok(()),
        }
    }
}

fn about(name: &str, problem: &str) -> String {
    format!("the environment variable `{name}` {problem}")
}

fn variable_of(section: &str, key: &str) -> String {
    format!("{section}_{key}").replace('.', "_").to_uppercase()
}

/// The variable of a key: that of its own section before that of the one around it.
fn find(section: &str, key: &str, variable: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    let mut around = section;
    loop {
        let name = variable_of(around, key);
        if let Some(text) = variable(&name) {
            return Some((name, text));
        }
        around = around.rsplit_once('.')?.0;
    }
}
