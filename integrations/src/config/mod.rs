//! The configuration: falcosidekick's sections, keys and environment variables.
//!
//! An unmodified file of falcosidekick's is one. A section that is no destination here is an error if it is switched
//! on; its example file, which has every section without an address, is none.

mod foreign;
#[cfg(test)]
mod tests;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::destinations::{AnySection, DESTINATIONS, Destination};
use crate::dress::{Dress, custom_fields_of};
use crate::settings::{Common, Key, Keys as _, keys, nearest};

keys! {
    /// What holds for all destinations.
    pub(crate) struct Shared {
        /// Skip falcosidekick's sections that are no destination here, with a warning, rather than refuse them.
        skipunsupported: bool = false,
        /// The folder of `client.crt`, `client.key` and `ca.crt` for mutual TLS with destinations.
        mutualtlsfilespath: String = "/etc/certs",
        + dress: Dress,
    }
}

/// Which integrations there are, and how.
#[derive(Debug, Default)]
pub struct Config {
    pub(crate) shared: Shared,
    /// What the file has in the order of [`DESTINATIONS`], then what only the environment has.
    pub(crate) sections: Vec<(&'static Destination, Box<dyn AnySection>)>,
}

impl Clone for Config {
    fn clone(&self) -> Self {
        let sections = self.sections.iter().map(|(kind, section)| (*kind, section.boxed())).collect();
        Self { shared: self.shared.clone(), sections }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
        Self::read(file).map_err(D::Error::custom)
    }
}

impl Config {
    /// Reads what a file has. The error says which key is wrong, and how.
    fn read(file: Value) -> Result<Self, String> {
        let mut rest = match file {
            Value::Object(members) => lower(members),
            Value::Null => Map::new(),
            _ => return Err("expected sections such as `slack`".to_owned()),
        };
        let mut config = Self::default();
        config.read_shared(&mut rest)?;
        for kind in DESTINATIONS {
            if let Some(section) = read_section(kind, &mut rest)? {
                config.sections.push((kind, section));
            }
        }
        config.read_foreign(rest)?;
        Ok(config)
    }

    fn read_shared(&mut self, rest: &mut Map<String, Value>) -> Result<(), String> {
        for key in Shared::keys() {
            if let Some(value) = rest.remove(key.name)
                && let Some(Err(problem)) = self.shared.set(key.name, &value)
            {
                return Err(format!("`{}` {problem}", key.name));
            }
        }
        for (key, instead) in foreign::OWN {
            if rest.remove(*key).is_some() {
                tracing::warn!(key, "a key of falcosidekick's has no effect: {instead}");
            }
        }
        Ok(())
    }

    /// What is left over is falcosidekick's, or wrong.
    fn read_foreign(&self, mut rest: Map<String, Value>) -> Result<(), String> {
        for (name, on) in foreign::SECTIONS {
            let Some(section) = take(&mut rest, name) else { continue };
            let is_on = section.get(*on).is_some_and(|value| !is_empty(value));
            if is_on && !self.shared.skipunsupported {
                return Err(format!(
                    "`{name}` is no destination of Cadge: remove it, or skip such sections with `skipunsupported: true`"
                ));
            }
            if is_on {
                tracing::warn!(
                    section = name,
                    "a section of falcosidekick's is skipped: it is no destination of Cadge"
                );
            }
        }
        // Of a section with others in it, its own keys are left.
        for (outer, left) in rest.iter().filter(|(name, _)| is_outer(name)) {
            let kinds = || {
                DESTINATIONS
                    .iter()
                    .filter(|kind| kind.name.split_once('.').is_some_and(|(name, _)| name == outer))
            };
            let known: Vec<&str> = kinds().flat_map(Destination::keys).map(|key| key.name).collect();
            let unknown =
                left.as_object().and_then(|left| left.keys().find(|key| !known.contains(&key.as_str())));
            if let (Some(kind), Some(key)) = (kinds().next(), unknown) {
                return Err(unknown_key(outer, key, &kind.keys()));
            }
        }
        rest.retain(|name, _| !is_outer(name));
        let Some(unknown) = rest.keys().next() else { return Ok(()) };
        let names = DESTINATIONS.iter().map(|kind| kind.name.split('.').next().unwrap_or_default());
        let shared = Shared::keys();
        let hint = nearest(unknown, names.chain(shared.iter().map(|key| key.name)));
        let hint = hint.map_or_else(String::new, |known| format!(", did you mean `{known}`?"));
        Err(format!("unknown section `{unknown}`{hint}"))
    }

    /// Takes what the environment says: `SLACK_WEBHOOKURL` for the key `webhookurl` of `slack`. It counts before
    /// the file.
    pub fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        for key in Shared::keys() {
            let name = key.name.to_uppercase();
            let Some(text) = variable(&name) else { continue };
            let value = match key.name {
                "customfields" => custom_fields_of(&text, &variable).map(|fields| serde_json::json!(fields)),
                _ => Ok(text.into()),
            };
            let set = value.and_then(|value| self.shared.set(key.name, &value).unwrap_or(Ok(())));
            if let Err(problem) = set {
                return Err(format!("the environment variable `{name}` {problem}"));
            }
        }
        for kind in DESTINATIONS {
            for key in kind.keys() {
                if let Some((name, text)) = from_environment(kind.name, key.name, &variable) {
                    let set = self.section(kind).set(key.name, &text.into());
                    if let Some(Err(problem)) = set {
                        return Err(format!("the environment variable `{name}` {problem}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The keys that hold for all destinations.
    pub fn shared_keys() -> Vec<Key> {
        Shared::keys()
    }

    /// The keys that every destination's section has.
    pub fn common_keys() -> Vec<Key> {
        Common::keys()
    }

    /// Which destinations are switched on.
    pub fn destinations(&self) -> impl Iterator<Item = &'static Destination> {
        self.sections.iter().filter(|(_, section)| section.is_on()).map(|(kind, _)| *kind)
    }

    fn section(&mut self, kind: &'static Destination) -> &mut dyn AnySection {
        let index = self.sections.iter().position(|(known, _)| known.name == kind.name);
        let index = index.unwrap_or_else(|| {
            self.sections.push((kind, kind.section()));
            self.sections.len() - 1
        });
        self.sections[index].1.as_mut()
    }
}

/// The variable of a key: that of its own section before that of the one around it.
fn from_environment(
    section: &str,
    key: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<(String, String)> {
    let mut around = section;
    loop {
        let name = format!("{around}_{key}").replace('.', "_").to_uppercase();
        if let Some(text) = variable(&name) {
            return Some((name, text));
        }
        around = around.rsplit_once('.')?.0;
    }
}

/// A section with what it is given, if it is there. A section within another takes the outer one's keys, too.
fn read_section(
    kind: &'static Destination,
    rest: &mut Map<String, Value>,
) -> Result<Option<Box<dyn AnySection>>, String> {
    let outer = kind.name.split_once('.').and_then(|(outer, _)| rest.get(outer)?.as_object().cloned());
    let Some(members) = take(rest, kind.name) else { return Ok(None) };
    let mut section = kind.section();
    for (key, value) in outer.iter().flatten().filter(|(_, value)| !value.is_object()) {
        // What it does not know is for its neighbours.
        if let Some(Err(problem)) = section.set(key, value) {
            return Err(format!("`{}`: `{key}` {problem}", kind.name));
        }
    }
    for (key, value) in &members {
        match section.set(key, value) {
            _ if value.is_null() => {}
            Some(Ok(())) => {}
            Some(Err(problem)) => return Err(format!("`{}.{key}` {problem}", kind.name)),
            None => return Err(unknown_key(kind.name, key, &kind.keys())),
        }
    }
    Ok(Some(section))
}

fn unknown_key(section: &str, key: &str, keys: &[Key]) -> String {
    let hint = nearest(key, keys.iter().map(|known| known.name));
    let hint = hint.map_or_else(String::new, |known| format!(", did you mean `{known}`?"));
    format!("`{section}` has no key `{key}`{hint}")
}

/// Takes a section out, by a name with dots.
fn take(rest: &mut Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    let taken = match name.split_once('.') {
        Some((outer, inner)) => return take(rest.get_mut(outer)?.as_object_mut()?, inner),
        None => rest.remove(name)?,
    };
    Some(match taken {
        Value::Object(members) => members,
        _ => Map::new(),
    })
}

/// Whether sections are within this one.
fn is_outer(name: &str) -> bool {
    let names =
        DESTINATIONS.iter().map(|kind| kind.name).chain(foreign::SECTIONS.iter().map(|(name, _)| *name));
    names.filter_map(|known| known.split_once('.')).any(|(outer, _)| outer == name)
}

/// Keys count the same in upper and lower case. What is given for a key is left as it is, but for sections.
fn lower(members: Map<String, Value>) -> Map<String, Value> {
    let lower_inner = |key: &str, value: Value| match value {
        // Maps that are a value, such as headers, keep their names.
        Value::Object(inner) if !MAPS.contains(&key) => Value::Object(lower(inner)),
        other => other,
    };
    members
        .into_iter()
        .map(|(key, value)| {
            let key = key.to_lowercase();
            let value = lower_inner(&key, value);
            (key, value)
        })
        .collect()
}

/// Keys whose values are maps.
const MAPS: &[&str] = &[
    "customfields",
    "templatedfields",
    "customheaders",
    "headers",
    "extensions",
    "extralabels",
    "extraannotations",
    "extraattributes",
    "extraenvvars",
    "customseveritymap",
    "customattributes",
];

/// Whether a value switches nothing on.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty() || text == "false",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
