//! The items of rule files: lists, macros and rules, collected over all files.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::text::Text;
use super::yaml::{self, Content, Node};
use super::{Finding, Place};
use crate::problem::{Code, nearest};
use crate::{LANGUAGE_VERSION, Priority};

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

/// A rule.
#[derive(Debug)]
pub(super) struct RuleItem {
    pub(super) name: String,
    pub(super) condition: Text,
    pub(super) output: Text,
    pub(super) desc: String,
    pub(super) priority: Priority,
    pub(super) tags: BTreeSet<String>,
    pub(super) enabled: bool,
    pub(super) warn_evttypes: bool,
    pub(super) place: Place,
}

/// Everything that was read, each kind in the order of first definition.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) lists: Vec<List>,
    pub(super) macros: Vec<Macro>,
    pub(super) rules: Vec<RuleItem>,
    list_names: HashMap<String, usize>,
    macro_names: HashMap<String, usize>,
    rule_names: HashMap<String, usize>,
    seen: usize,
}

const RULE_KEYS: &[&str] = &[
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "tags",
    "warn_evttypes",
    "append",
    "skip-if-unknown-filter",
    "exceptions",
    "override",
    "capture",
    "capture_duration",
];
const MACRO_KEYS: &[&str] = &["macro", "condition", "append", "override"];
const LIST_KEYS: &[&str] = &["list", "items", "append", "override"];

type Result<T> = std::result::Result<T, Finding>;

/// A mapping of a file and where to say that something is wrong with it.
struct Entry<'a> {
    node: &'a Node,
    source: &'a str,
    file: u32,
}

impl<'a> Entry<'a> {
    fn place(&self, node: &Node) -> Place {
        // A collection's range goes on to the next item: its first line says enough.
        let start = node.range.start;
        let line_end = self.source[start..].find('\n').map_or(self.source.len(), |at| start + at);
        Place { file: self.file, range: start..node.range.end.min(line_end) }
    }

    fn fail<T>(&self, node: &Node, message: impl Into<String>) -> Result<T> {
        Err(Finding::new(Code::YamlValidate, message, self.place(node)))
    }

    fn get(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key).map(|(_, value)| value)
    }

    /// A text that must be there and not empty.
    fn text(&self, key: &str) -> Result<Text> {
        let Some(value) = self.get(key) else {
            return self.fail(self.node, format!("the item has no `{key}`"));
        };
        match value.text(self.source, self.file) {
            Some(text) if !text.as_str().trim().is_empty() => Ok(text),
            Some(_) => self.fail(value, format!("`{key}` must not be empty")),
            None => self.fail(value, format!("`{key}` must be a text")),
        }
    }

    fn name(&self, key: &str) -> Result<String> {
        self.text(key).map(|text| text.as_str().to_owned())
    }

    fn bool(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key).map(|value| (value, value.scalar())) {
            None => Ok(default),
            Some((_, Some("true" | "True" | "TRUE" | "yes" | "on" | "y"))) => Ok(true),
            Some((_, Some("false" | "False" | "FALSE" | "no" | "off" | "n"))) => Ok(false),
            Some((value, _)) => self.fail(value, format!("`{key}` must be `true` or `false`")),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        match &value.content {
            Content::Sequence(parts) => parts
                .iter()
                .map(|part| match part.scalar() {
                    Some(text) => Ok(text.to_owned()),
                    None => self.fail(part, format!("each of `{key}` must be a text")),
                })
                .collect(),
            Content::Scalar(..) if value.is_null() => Ok(Vec::new()),
            _ => self.fail(value, format!("`{key}` must be a list")),
        }
    }

    /// Warns of each key that is not known, and refuses what cannot be done yet.
    fn check_keys(&self, known: &[&str], warnings: &mut Vec<Finding>) -> Result<()> {
        let Content::Mapping(pairs) = &self.node.content else { return Ok(()) };
        for (key, _) in pairs {
            let name = key.scalar().unwrap_or_default();
            if matches!(name, "override" | "exceptions") {
                return self.fail(key, format!("`{name}` is not supported yet"));
            }
            if !known.contains(&name) {
                let message = format!("unknown key `{name}`: it is ignored");
                let hint =
                    nearest(name, known.iter().copied()).map(|known| format!("did you mean `{known}`?"));
                warnings.push(Finding::new(Code::UnknownKey, message, self.place(key)).hint(hint));
            }
        }
        Ok(())
    }
}

impl Items {
    /// Adds what a file has. Ends with its first error.
    pub(super) fn read(&mut self, file: u32, source: &str, warnings: &mut Vec<Finding>) -> Result<()> {
        let documents = yaml::read(source).map_err(|error| {
            let place = Place { file, range: error.offset..error.offset + 1 };
            Finding::new(Code::YamlParse, error.message, place)
        })?;
        for document in documents {
            if document.is_null() {
                continue;
            }
            let entry = Entry { node: &document, source, file };
            let Content::Sequence(parts) = &document.content else {
                return entry.fail(&document, "a rule file is a list of rules, macros and lists");
            };
            for part in parts {
                self.item(part, source, file, warnings)?;
            }
        }
        Ok(())
    }

    fn item(&mut self, node: &Rc<Node>, source: &str, file: u32, warnings: &mut Vec<Finding>) -> Result<()> {
        let entry = Entry { node, source, file };
        match &node.content {
            Content::Scalar(..) if node.is_null() => return Ok(()),
            Content::Mapping(_) => {}
            _ => return entry.fail(node, "expected a rule, a macro or a list"),
        }
        if let Some(value) = entry.get("required_engine_version") {
            return engine_version(&entry, value);
        }
        if entry.get("required_plugin_versions").is_some() {
            // Only the plugin `container` exists, and the engine answers for it.
            return Ok(());
        }
        self.seen += 1;
        if entry.get("list").is_some() {
            entry.check_keys(LIST_KEYS, warnings)?;
            self.list(&entry, warnings)
        } else if entry.get("macro").is_some() {
            entry.check_keys(MACRO_KEYS, warnings)?;
            self.macro_(&entry, warnings)
        } else if entry.get("rule").is_some() {
            entry.check_keys(RULE_KEYS, warnings)?;
            self.rule(&entry, warnings)
        } else {
            let place = entry.place(node);
            warnings.push(Finding::new(Code::UnknownItem, "this is no rule, macro or list", place));
            Ok(())
        }
    }

    fn list(&mut self, entry: &Entry<'_>, warnings: &mut Vec<Finding>) -> Result<()> {
        let name = entry.name("list")?;
        let place = entry.get("list").map(|node| entry.place(node)).unwrap_or_default();
        if entry.get("items").is_none() {
            return entry
                .fail(entry.node, "the list has no `items`")
                .map_err(|e: Finding| e.item("list", &name));
        }
        if name.contains(|c: char| c.is_whitespace() || "()\"'=,".contains(c)) {
            let text = "a list's name can't have blanks, quotes, commas, `=` or parentheses";
            warnings.push(Finding::new(Code::InvalidListName, text, place.clone()).item("list", &name));
        }
        let items = entry.texts("items")?;
        let known = self.list_names.get(&name).copied();
        if entry.bool("append", false)? {
            let Some(index) = known else {
                let text = "there is no list of that name to append to";
                return Err(Finding::new(Code::Validate, text, place).item("list", &name));
            };
            self.lists[index].items.extend(items);
            self.lists[index].visibility = self.seen;
        } else if let Some(index) = known {
            self.lists[index].items = items;
            self.lists[index].visibility = self.seen;
        } else {
            self.list_names.insert(name.clone(), self.lists.len());
            self.lists.push(List { name, items, visibility: self.seen, index: self.seen, place });
        }
        Ok(())
    }

    fn macro_(&mut self, entry: &Entry<'_>, warnings: &mut Vec<Finding>) -> Result<()> {
        let name = entry.name("macro")?;
        let place = entry.get("macro").map(|node| entry.place(node)).unwrap_or_default();
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !valid {
            let text = "a macro's name has only letters, digits and `_`";
            warnings.push(Finding::new(Code::InvalidMacroName, text, place.clone()).item("macro", &name));
        }
        let condition = entry.text("condition").map_err(|error| error.item("macro", &name))?;
        let known = self.macro_names.get(&name).copied();
        if entry.bool("append", false)? {
            let Some(index) = known else {
                let text = "there is no macro of that name to append to";
                return Err(Finding::new(Code::Validate, text, place).item("macro", &name));
            };
            self.macros[index].condition.append(&condition);
            self.macros[index].visibility = self.seen;
        } else if let Some(index) = known {
            self.macros[index].condition = condition;
            self.macros[index].visibility = self.seen;
        } else {
            self.macro_names.insert(name.clone(), self.macros.len());
            self.macros.push(Macro { name, condition, visibility: self.seen, index: self.seen, place });
        }
        Ok(())
    }

    fn rule(&mut self, entry: &Entry<'_>, warnings: &mut Vec<Finding>) -> Result<()> {
        let name = entry.name("rule")?;
        let place = entry.get("rule").map(|node| entry.place(node)).unwrap_or_default();
        let known = self.rule_names.get(&name).copied();
        self.one_rule(entry, &name, &place, known, warnings).map_err(|error| error.item("rule", &name))
    }

    fn one_rule(
        &mut self,
        entry: &Entry<'_>,
        name: &str,
        place: &Place,
        known: Option<usize>,
        warnings: &mut Vec<Finding>,
    ) -> Result<()> {
        if let Some(source) = entry.get("source").filter(|source| source.scalar() != Some("syscall")) {
            let message =
                format!("unknown source `{}`: the rule is left out", source.scalar().unwrap_or_default());
            warnings.push(Finding::new(Code::UnknownSource, message, entry.place(source)).item("rule", name));
            return Ok(());
        }
        if entry.bool("append", false)? {
            let Some(index) = known else {
                return Err(Finding::new(
                    Code::Validate,
                    "there is no rule of that name to append to",
                    place.clone(),
                ));
            };
            self.rules[index].condition.append(&entry.text("condition")?);
            let text = "`append` is deprecated: use `override` with `condition: append`";
            warnings.push(Finding::new(Code::Deprecated, text, place.clone()).item("rule", name));
            return Ok(());
        }
        let full = ["condition", "output", "desc", "priority"].iter().any(|key| entry.get(key).is_some());
        if !full && entry.get("enabled").is_some() {
            let Some(index) = known else {
                return Err(Finding::new(
                    Code::Validate,
                    "there is no rule of that name to switch",
                    place.clone(),
                ));
            };
            self.rules[index].enabled = entry.bool("enabled", true)?;
            let text = "`enabled` alone is deprecated: use `override` with `enabled: replace`";
            warnings.push(Finding::new(Code::Deprecated, text, place.clone()).item("rule", name));
            return Ok(());
        }
        let rule = read_rule(entry, name, place)?;
        if let Some(index) = known {
            self.rules[index] = rule;
        } else {
            self.rule_names.insert(name.to_owned(), self.rules.len());
            self.rules.push(rule);
        }
        Ok(())
    }
}

fn read_rule(entry: &Entry<'_>, name: &str, place: &Place) -> Result<RuleItem> {
    let priority = entry.name("priority")?;
    let Some(priority) = Priority::parse(priority.trim()) else {
        let hint = nearest(
            &priority.to_ascii_lowercase(),
            ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]
                .into_iter(),
        );
        let node = entry.get("priority").unwrap_or(entry.node);
        let finding =
            Finding::new(Code::YamlValidate, format!("`{priority}` is no priority"), entry.place(node));
        return Err(finding.hint(hint.map(|known| format!("did you mean `{known}`?"))));
    };
    Ok(RuleItem {
        name: name.to_owned(),
        condition: entry.text("condition")?,
        output: entry.text("output")?,
        desc: entry.name("desc")?,
        priority,
        tags: entry.texts("tags")?.into_iter().collect(),
        enabled: entry.bool("enabled", true)?,
        warn_evttypes: entry.bool("warn_evttypes", true)?,
        place: place.clone(),
    })
}

/// `N` is `0.N.0`.
fn engine_version(entry: &Entry<'_>, value: &Node) -> Result<()> {
    let text = value.scalar().unwrap_or_default();
    let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    let required = match parts.as_deref() {
        Some([minor]) => (0, *minor, 0),
        Some([major, minor, patch]) => (*major, *minor, *patch),
        _ => return entry.fail(value, format!("`{text}` is no version, such as 0.63.0")),
    };
    let (major, minor, patch) = LANGUAGE_VERSION;
    if required.0 == major && required <= LANGUAGE_VERSION {
        return Ok(());
    }
    let message = format!(
        "the rules need engine version {}.{}.{}, and this is {major}.{minor}.{patch}",
        required.0, required.1, required.2
    );
    Err(Finding::new(Code::Validate, message, entry.place(value)))
}
