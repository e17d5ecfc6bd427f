//! A mapping of a rule file, and what can be wrong with what it has.

use std::collections::BTreeSet;

use super::text::Text;
use super::yaml::{Content, Node};
use super::{Finding, Place};
use crate::problem::{Code, nearest};

pub(super) type Result<T> = std::result::Result<T, Finding>;

/// A mapping and what it is called in messages.
pub(super) struct Entry<'a> {
    pub(super) node: &'a Node,
    pub(super) source: &'a str,
    pub(super) file: u32,
    pub(super) item_type: &'static str,
    pub(super) item_name: String,
}

impl<'a> Entry<'a> {
    /// A mapping within this one, or one whose kind is not known yet.
    pub(super) fn within<'n>(&self, node: &'n Node, item_type: &'static str) -> Entry<'n>
    where
        'a: 'n,
    {
        Entry { node, source: self.source, file: self.file, item_type, item_name: String::new() }
    }

    pub(super) fn place(&self, node: &Node) -> Place {
        // A collection's range goes on to the next item: its first line says enough.
        let start = node.range.start;
        let line_end = self.source[start..].find('\n').map_or(self.source.len(), |at| start + at);
        Place { file: self.file, range: start..node.range.end.min(line_end) }
    }

    pub(super) fn finding(&self, code: Code, node: &Node, message: impl Into<String>) -> Finding {
        Finding::new(code, message, self.place(node)).item(self.item_type, &self.item_name)
    }

    pub(super) fn fail<T>(&self, node: &Node, message: impl Into<String>) -> Result<T> {
        Err(self.finding(Code::YamlValidate, node, message))
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key).map(|(_, value)| value)
    }

    /// The value of a key that must be there.
    pub(super) fn needed(&self, key: &str) -> Result<&'a Node> {
        match self.get(key) {
            Some(value) => Ok(value),
            None => self.fail(self.node, format!("Item has no mapping for key '{key}'")),
        }
    }

    /// A text that must be there and not empty.
    pub(super) fn text(&self, key: &str) -> Result<Text> {
        let value = self.needed(key)?;
        if value.is_null() {
            return self.fail(value, format!("Mapping for key '{key}' is empty"));
        }
        match value.text(self.source, self.file) {
            Some(text) if !text.as_str().is_empty() => Ok(text),
            Some(_) => self.fail(value, "Value must be non-empty"),
            None => self.fail(value, "Value is not a scalar value"),
        }
    }

    /// A text that may be missing.
    pub(super) fn optional_text(&self, key: &str) -> Result<Option<Text>> {
        self.get(key).map(|_| self.text(key)).transpose()
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.scalar() {
            Some("true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y") => {
                Ok(Some(true))
            }
            Some("false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N") => {
                Ok(Some(false))
            }
            Some(_) => self
                .fail(value, "Can't decode YAML scalar value")
                .map_err(|e: Finding| e.hint(Some("write `true` or `false`".to_owned()))),
            None => self.fail(value, "Value is not a scalar value"),
        }
    }

    /// A whole number from 0.
    pub(super) fn number(&self, key: &str) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.scalar().map(str::parse) {
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => self.fail(value, "Can't decode YAML scalar value"),
            None => self.fail(value, "Value is not a scalar value"),
        }
    }

    /// A list of texts, if the key is there.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match &value.content {
            Content::Sequence(parts) => {
                let text = |part: &std::rc::Rc<Node>| match part.scalar() {
                    Some(text) => Ok(text.to_owned()),
                    None => self.fail(part, "sequence value is not scalar"),
                };
                parts.iter().map(text).collect::<Result<_>>().map(Some)
            }
            Content::Scalar(..) if value.is_null() => Ok(Some(Vec::new())),
            _ => self.fail(value, "Value is not a sequence"),
        }
    }

    /// Each key that stands in it.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'a Node, &'a str)> {
        let pairs = match &self.node.content {
            Content::Mapping(pairs) => &pairs[..],
            _ => &[],
        };
        pairs.iter().map(|(key, _)| (&**key, key.scalar().unwrap_or_default()))
    }

    /// Warns of each key that is not known.
    pub(super) fn check_keys(&self, known: &[&str], warnings: &mut Vec<Finding>) {
        for (key, name) in self.keys().filter(|(_, name)| !known.contains(name)) {
            let message = format!("Unknown key '{name}'. The key will be ignored.");
            let hint = nearest(name, known.iter().copied()).map(|known| format!("did you mean `{known}`?"));
            warnings.push(self.finding(Code::UnknownKey, key, message).hint(hint));
        }
    }

    /// The keys that `override` says are appended to and those that it says are replaced.
    pub(super) fn overrides(&self, appendable: &[&str], replaceable: &[&str]) -> Result<Overrides> {
        let mut overrides = Overrides::default();
        let Some(value) = self.get("override") else { return Ok(overrides) };
        let Content::Mapping(pairs) = &value.content else {
            return self.fail(value, "'override' must be a map of keys to 'append' or 'replace'");
        };
        for (key, operation) in pairs {
            let name = key.scalar().unwrap_or_default();
            let operation_name = operation.scalar().unwrap_or_default();
            let known = appendable.contains(&name) || replaceable.contains(&name);
            match operation_name {
                "append" if appendable.contains(&name) => overrides.append.insert(name.to_owned()),
                "replace" if replaceable.contains(&name) => overrides.replace.insert(name.to_owned()),
                "append" if known => {
                    return self
                        .fail(key, format!("Key '{name}' cannot be appended to, use 'replace' instead"));
                }
                "append" => return self.fail(key, format!("Key '{name}' cannot be appended to")),
                "replace" => return self.fail(key, format!("Key '{name}' cannot be replaced")),
                _ => {
                    return self.fail(
                        operation,
                        format!("Invalid override operation for key '{name}': '{operation_name}'. Allowed values are: append replace "),
                    );
                }
            };
        }
        for (word, keys) in [("append", &overrides.append), ("replace", &overrides.replace)] {
            if let Some(key) = keys.iter().find(|key| self.get(key).is_none()) {
                return self.fail(
                    value,
                    format!("An {word} override for '{key}' was specified but '{key}' is not defined"),
                );
            }
        }
        Ok(overrides)
    }
}

/// What an `override` says.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub(super) append: BTreeSet<String>,
    pub(super) replace: BTreeSet<String>,
}

impl Overrides {
    pub(super) fn is_empty(&self) -> bool {
        self.append.is_empty() && self.replace.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.append.contains(key) || self.replace.contains(key)
    }
}
