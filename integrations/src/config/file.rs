//! What a file says: sections, and keys at the top for all of them.

use serde_json::{Map, Value};

use super::{Config, Shared, Unused, foreign};
use crate::destinations::{DESTINATIONS, Destination};
use crate::settings::{Key, Keys as _, nearest};

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

impl Config {
    /// Reads what a file has. The error says which key is wrong, and how.
    pub(super) fn read(file: Value) -> Result<Self, String> {
        let mut rest = match file {
            Value::Object(members) => lower(members)?,
            Value::Null => Map::new(),
            _ => return Err("expected sections such as `slack`".to_owned()),
        };
        let mut config = Self::default();
        config.read_shared(&mut rest)?;
        for kind in DESTINATIONS {
            config.read_section(kind, &mut rest)?;
        }
        config.read_foreign(rest)?;
        Ok(config)
    }

    fn read_shared(&mut self, rest: &mut Map<String, Value>) -> Result<(), String> {
        for key in Shared::keys() {
            let name = key.name.replacen('_', ".", 1);
            let value = match name.split_once('.') {
                Some((outer, inner)) => {
                    rest.get_mut(outer).and_then(|outer| outer.as_object_mut()?.remove(inner))
                }
                None => rest.remove(&name),
            };
            if let Some(value) = value.filter(|value| !value.is_null())
                && let Some(Err(problem)) = self.shared.set(key.name, &value)
            {
                return Err(format!("`{name}` {problem}"));
            }
        }
        rest.retain(|name, value| !(is_shared(name) && foreign::is_empty(value)));
        for (key, instead) in foreign::OWN {
            if rest.remove(*key).is_some_and(|value| !foreign::is_empty(&value)) {
                let unused = Unused { setting: (*key).to_owned(), reason: (*instead).to_owned() };
                self.unused.push((None, unused));
            }
        }
        Ok(())
    }

    /// A section, if it is there. One within another takes the outer one's keys, too.
    fn read_section(
        &mut self,
        kind: &'static Destination,
        rest: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let outer = kind.name.split_once('.').and_then(|(outer, _)| rest.get(outer)?.as_object().cloned());
        let Some(members) = take(rest, kind.name) else { return Ok(()) };
        let mut section = kind.section();
        for (key, value) in outer.iter().flatten().filter(|(_, value)| !value.is_object()) {
            // What it does not know is for its neighbours.
            if let Some(Err(problem)) = section.set(key, value) {
                return Err(format!("`{}`: `{key}` {problem}", kind.name));
            }
        }
        let keys = kind.keys();
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match section.set(key, value) {
                Some(Ok(())) => {}
                Some(Err(problem)) => return Err(format!("`{}.{key}` {problem}", kind.name)),
                None => return Err(unknown_key(kind.name, key, &keys)),
            }
        }
        for key in &keys {
            let given = members.get(key.name).or_else(|| outer.as_ref()?.get(key.name));
            if let Some(value) = given {
                self.note_unused(kind, key, value);
            }
        }
        self.sections.push((kind, section));
        Ok(())
    }

    /// What is left over is falcosidekick's, or wrong.
    fn read_foreign(&mut self, mut rest: Map<String, Value>) -> Result<(), String> {
        for (name, on) in foreign::SECTIONS {
            let Some(section) = take(&mut rest, name) else { continue };
            if section.get(*on).is_some_and(|value| !foreign::is_empty(value)) {
                self.add_unsupported(name);
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
        let Some((unknown, left)) = rest.iter().next() else { return Ok(()) };
        if let (true, Some(key)) = (is_shared(unknown), left.as_object().and_then(|left| left.keys().next()))
        {
            return Err(format!("`{unknown}` has no key `{key}`"));
        }
        let names = DESTINATIONS.iter().map(|kind| kind.name.split('.').next().unwrap_or_default());
        let shared = Shared::keys();
        let hint = hint(unknown, names.chain(shared.iter().map(|key| key.name)));
        Err(format!("unknown section `{unknown}`{hint}"))
    }
}

fn unknown_key(section: &str, key: &str, keys: &[Key]) -> String {
    let hint = hint(key, keys.iter().map(|known| known.name));
    format!("`{section}` has no key `{key}`{hint}")
}

/// Which name may have been meant.
fn hint<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(name, names).map_or_else(String::new, |known| format!(", did you mean `{known}`?"))
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

/// Whether keys for all destinations are within this section.
fn is_shared(name: &str) -> bool {
    Shared::keys().iter().filter_map(|key| key.name.split_once('_')).any(|(outer, _)| outer == name)
}

/// Whether sections are within this one.
fn is_outer(name: &str) -> bool {
    let names =
        DESTINATIONS.iter().map(|kind| kind.name).chain(foreign::SECTIONS.iter().map(|(name, _)| *name));
    names.filter_map(|known| known.split_once('.')).any(|(outer, _)| outer == name)
}

/// Keys count the same in upper and lower case. What is given for a key is left as it is, but for sections. Some of
/// falcosidekick's example files have a dot behind the name of a section.
fn lower(members: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut lowered = Map::new();
    for (key, value) in members {
        let key = key.trim_end_matches('.').to_lowercase();
        let value = match value {
            // Maps that are a value, such as headers, keep their names.
            Value::Object(inner) if !MAPS.contains(&key.as_str()) => Value::Object(lower(inner)?),
            other => other,
        };
        if lowered.contains_key(&key) {
            return Err(format!("`{key}` is there twice, in upper and in lower case"));
        }
        lowered.insert(key, value);
    }
    Ok(lowered)
}
