//! Reads a configuration file into a typed structure, and says what is wrong with it.

use std::fs;
use std::path::Path;

use cadge_engine::problem::nearest;
use serde::de::DeserializeOwned;

/// A configuration that can't be used. `main` ends with exit code 64 for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);

/// The hub's default configuration, with a comment at every key.
pub(crate) const HUB: &str = include_str!("../config/hub.yaml");

/// The sensor's default configuration, with a comment at every key.
pub(crate) const SENSOR: &str = include_str!("../config/sensor.yaml");

/// Reads `path`.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("reading the configuration {}: {error}", path.display())))?;
    parse(&path.display().to_string(), &text)
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, ConfigError> {
    let text = if is_empty(text) { "{}" } else { text };
    serde_saphyr::from_str(text).map_err(|error| {
        let options = serde_saphyr::render_options! { source_name: Some(name) };
        let mut explanation = error.render_with_options(options);
        // What is said of the whole file has no line in it.
        if !explanation.contains(name) {
            explanation = format!("{name}: {explanation}");
        }
        if let Some(known) = suggestion(&explanation) {
            explanation.push_str(&format!("\ndid you mean `{known}`?"));
        }
        ConfigError(explanation)
    })
}

/// A file of comments alone is the default configuration.
fn is_empty(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// The known key that is nearest to an unknown one, out of "unknown field `a`, expected one of b, c".
fn suggestion(explanation: &str) -> Option<String> {
    let (_, rest) = explanation.split_once("unknown field ")?;
    let (unknown, expected) = rest.lines().next()?.split_once(", expected ")?;
    let unknown = unknown.trim_matches('`');
    let names = expected.trim_start_matches("one of ").split([',', ' ']).map(|name| name.trim_matches('`'));
    let names = names.filter(|name| !name.is_empty() && *name != "or");
    nearest(unknown, names).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        slack: String,
        webhook: u16,
    }

    #[test]
    fn what_print_config_prints_is_the_default() {
        let sensor: cadge_sensor::Config = parse("sensor.yaml", SENSOR).unwrap();
        assert_eq!(sensor, cadge_sensor::Config::default());
        let hub: cadge_hub::Config = parse("hub.yaml", HUB).unwrap();
        let default = cadge_hub::Config { integrations: hub.integrations.clone(), ..Default::default() };
        assert_eq!(format!("{hub:?}"), format!("{default:?}"));
        // Each section shows its own defaults: an empty one reads the same.
        let empty = "kafka: {}\nslack: {}\nwebhook: {}\n";
        let integrations: cadge_integrations::Config = parse("integrations.yaml", empty).unwrap();
        assert_eq!(format!("{:?}", hub.integrations), format!("{integrations:?}"));
    }

    #[test]
    fn suggests_the_key_that_was_meant() {
        let error = parse::<Sample>("hub.yaml", "webhook: 1\nslak: x\n").unwrap_err().to_string();
        assert!(error.contains("hub.yaml:2"), "{error}");
        assert!(error.contains("did you mean `slack`?"), "{error}");
        let error = parse::<Sample>("hub.yaml", "zzzzzz: x\n").unwrap_err().to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn points_at_a_value_of_the_wrong_type() {
        let error = parse::<Sample>("hub.yaml", "webhook: many\n").unwrap_err().to_string();
        assert!(error.contains("hub.yaml:1:10"), "{error}");
    }

    #[test]
    fn takes_comments_alone_as_the_default() {
        assert_eq!(parse::<Sample>("hub.yaml", "# nothing\n\n").unwrap(), Sample::default());
    }
}
