//! The items of rule files: lists, macros and rules, collected over all files.

use std::collections::HashMap;
use std::rc::Rc;

use super::entry::{Entry, Result};
use super::rule::{self, RuleItem};
use super::text::Text;
use super::versions::{self, Requirement};
use super::yaml::{self, Content, Node};
use super::{Finding, Place};
use crate::Settings;
use crate::problem::Code;

/// A list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) items: Vec<String>,
    /// How many items had been seen at its last definition: it sees what came before.
    pub(super) visibility: usize,
    /// Its own number at its first definition.
    pub(super) index: usize,
    pub(super) place: Place,
}

/// A macro.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    pub(super) condition: Text,
    pub(super) visibility: usize,
    pub(super) index: usize,
    pub(super) place: Place,
}

/// Everything that was read, each kind in the order of first definition.
#[derive(Debug)]
pub(super) struct Items<'a> {
    pub(super) settings: &'a Settings,
    pub(super) lists: Vec<List>,
    pub(super) macros: Vec<Macro>,
    pub(super) rules: Vec<RuleItem>,
    pub(super) requirements: Vec<Requirement>,
    list_names: HashMap<String, usize>,
    macro_names: HashMap<String, usize>,
    pub(super) rule_names: HashMap<String, usize>,
    seen: usize,
}

const MACRO_KEYS: &[&str] = &["macro", "condition", "append", "override"];
const LIST_KEYS: &[&str] = &["list", "items", "append", "override"];
const APPEND_DEPRECATED: &str =
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";
const BOTH: &str = "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";

/// Whether an item is appended to what there is, by `append` or by `override`. Warns of the former.
pub(super) fn is_append(entry: &Entry<'_>, has_overrides: bool, warnings: &mut Vec<Finding>) -> Result<bool> {
    let append = entry.bool("append")?.unwrap_or(false);
    if append {
        let node = entry.get("append").unwrap_or(entry.node);
        warnings.push(entry.finding(Code::Deprecated, node, APPEND_DEPRECATED));
        if has_overrides {
            return entry.fail(node, BOTH);
        }
    }
    Ok(append)
}

impl<'a> Items<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            lists: Vec::new(),
            macros: Vec::new(),
            rules: Vec::new(),
            requirements: Vec::new(),
            list_names: HashMap::new(),
            macro_names: HashMap::new(),
            rule_names: HashMap::new(),
            seen: 0,
        }
    }

    /// Adds what a file has. Ends with its first error.
    pub(super) fn read(&mut self, file: u32, source: &str, warnings: &mut Vec<Finding>) -> Result<()> {
        let documents = yaml::read(source).map_err(|error| {
            let place = Place { file, range: error.offset..error.offset + 1 };
            Finding::new(Code::YamlParse, error.message, place)
        })?;
        for document in documents {
            let item_type = "rules content";
            let entry = Entry { node: &document, source, file, item_type, item_name: String::new() };
            match &document.content {
                Content::Sequence(parts) => {
                    for part in parts {
                        self.item(part, source, file, warnings)?;
                    }
                }
                Content::Scalar(..) if document.is_null() => {}
                Content::Scalar(..) => return entry.fail(&document, "Rules content is not yaml"),
                Content::Mapping(_) => {
                    return entry.fail(&document, "Rules content is not yaml array of objects");
                }
            }
        }
        Ok(())
    }

    fn item(&mut self, node: &Rc<Node>, source: &str, file: u32, warnings: &mut Vec<Finding>) -> Result<()> {
        let mut entry =
            Entry { node, source, file, item_type: "rules content item", item_name: String::new() };
        match &node.content {
            Content::Scalar(..) if node.is_null() => return Ok(()),
            Content::Mapping(_) => {}
            _ => {
                return entry
                    .fail(node, "Unexpected element type. Each element should be a yaml associative array.");
            }
        }
        if let Some(value) = entry.get("required_engine_version") {
            entry.item_type = "required_engine_version";
            return versions::engine(&entry, value);
        }
        if let Some(value) = entry.get("required_plugin_versions") {
            entry.item_type = "required plugin versions";
            self.requirements.extend(versions::plugins(&entry, value)?);
            return Ok(());
        }
        self.seen += 1;
        for (kind, read) in [
            ("list", Self::list as fn(&mut Self, &Entry<'_>, &mut Vec<Finding>) -> Result<()>),
            ("macro", Self::macro_),
            ("rule", rule::read),
        ] {
            if entry.get(kind).is_some() {
                entry.item_type = kind;
                entry.text(kind)?.as_str().clone_into(&mut entry.item_name);
                return read(self, &entry, warnings);
            }
        }
        warnings.push(entry.finding(Code::UnknownItem, node, "Unknown top level item"));
        Ok(())
    }

    fn list(&mut self, entry: &Entry<'_>, warnings: &mut Vec<Finding>) -> Result<()> {
        entry.check_keys(LIST_KEYS, warnings);
        let name = entry.item_name.clone();
        let node = entry.needed("list")?;
        if name.contains(|c: char| c.is_whitespace() || "()\"'=,".contains(c)) {
            let text = "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)";
            warnings.push(entry.finding(Code::InvalidListName, node, text));
        }
        let override_append = override_of(entry, "items")?;
        let append = is_append(entry, override_append.is_some(), warnings)? || override_append == Some(true);
        entry.needed("items")?;
        let items = entry.texts("items")?.unwrap_or_default();
        let known = self.list_names.get(&name).copied();
        if append {
            let Some(index) = known else {
                let text =
                    "List uses 'append' or 'override.items: append' but no list by that name already exists";
                return Err(entry.finding(Code::Validate, node, text));
            };
            self.lists[index].items.extend(items);
            self.lists[index].visibility = self.seen;
        } else if let Some(index) = known {
            self.lists[index].items = items;
            self.lists[index].visibility = self.seen;
        } else {
            self.list_names.insert(name.clone(), self.lists.len());
            let place = entry.place(node);
            self.lists.push(List { name, items, visibility: self.seen, index: self.seen, place });
        }
        Ok(())
    }

    fn macro_(&mut self, entry: &Entry<'_>, warnings: &mut Vec<Finding>) -> Result<()> {
        entry.check_keys(MACRO_KEYS, warnings);
        let name = entry.item_name.clone();
        let node = entry.needed("macro")?;
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !valid {
            let text = "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)";
            warnings.push(entry.finding(Code::InvalidMacroName, node, text));
        }
        let override_append = override_of(entry, "condition")?;
        let append = is_append(entry, override_append.is_some(), warnings)? || override_append == Some(true);
        let condition = entry.text("condition")?;
        let known = self.macro_names.get(&name).copied();
        if append {
            let Some(index) = known else {
                let text = "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists";
                return Err(entry.finding(Code::Validate, node, text));
            };
            self.macros[index].condition.append(&condition);
            self.macros[index].visibility = self.seen;
        } else if let Some(index) = known {
            self.macros[index].condition = condition;
            self.macros[index].visibility = self.seen;
        } else {
            self.macro_names.insert(name.clone(), self.macros.len());
            let place = entry.place(node);
            self.macros.push(Macro { name, condition, visibility: self.seen, index: self.seen, place });
        }
        Ok(())
    }
}

/// What `override` says of the only key that a list or macro has: `true` to append. Other keys in it are
/// nothing that Falco looks at.
fn override_of(entry: &Entry<'_>, key: &str) -> Result<Option<bool>> {
    let Some(operation) = entry.get("override").and_then(|node| node.get(key)).map(|(_, value)| value) else {
        return Ok(None);
    };
    match operation.scalar() {
        Some("append") => Ok(Some(true)),
        Some("replace") => Ok(Some(false)),
        other => entry.fail(
            operation,
            format!(
                "Invalid override operation for key '{key}': '{}'. Allowed values are: append replace ",
                other.unwrap_or_default()
            ),
        ),
    }
}
