//! Rules: their keys, and what later items change of them.

use std::collections::BTreeSet;

use super::entry::{Entry, Overrides, Result};
use super::exceptions::{self, Exception, Use};
use super::items::{Items, is_append};
use super::text::Text;
use super::{Finding, Place};
use crate::Priority;
use crate::Settings;
use crate::fields::{SYSCALL, Scope};
use crate::problem::{Code, nearest};

/// A rule.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of a rule")]
pub(super) struct RuleItem {
    pub(super) name: String,
    pub(super) condition: Text,
    pub(super) output: Text,
    pub(super) desc: String,
    pub(super) priority: Priority,
    pub(super) source: String,
    pub(super) tags: BTreeSet<String>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) enabled: bool,
    pub(super) warn_evttypes: bool,
    pub(super) skip_if_unknown_filter: bool,
    pub(super) capture: bool,
    pub(super) capture_duration: u32,
    pub(super) place: Place,
}

const KEYS: &[&str] = &[
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
const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions"];
const REPLACEABLE: &[&str] = &[
    "condition",
    "output",
    "desc",
    "priority",
    "tags",
    "exceptions",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
];

/// Reads a rule: a definition, or a change of one that is there.
pub(super) fn read(items: &mut Items<'_>, entry: &Entry<'_>, warnings: &mut Vec<Finding>) -> Result<()> {
    entry.check_keys(KEYS, warnings);
    let overrides = entry.overrides(APPENDABLE, REPLACEABLE)?;
    let append = is_append(entry, !overrides.is_empty(), warnings)?;
    let has_source = entry.get("source").is_some_and(|source| !source.is_null());
    let source = if has_source { entry.optional_text("source")? } else { None }
        .map(|source| source.as_str().to_owned());
    if let Some(unknown) = source.as_ref().filter(|source| !items.settings.sources.contains(source)) {
        let message = format!("Unknown source {unknown}, skipping");
        let hint = nearest(unknown, items.settings.sources.iter().map(String::as_str));
        let finding = entry.finding(Code::UnknownSource, entry.needed("source")?, message);
        warnings.push(finding.hint(hint.map(|known| format!("did you mean `{known}`?"))));
        return Ok(());
    }
    if !overrides.is_empty() {
        return change(items, entry, source.as_deref(), &overrides, warnings);
    }
    if append {
        return self::append(items, entry, source.as_deref(), warnings);
    }
    let defines = ["condition", "output", "desc", "priority"].iter().any(|key| entry.get(key).is_some());
    if !defines && let Some(enabled) = entry.bool("enabled")? {
        let node = entry.needed("enabled")?;
        warnings.push(entry.finding(Code::Deprecated, node, "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace')."));
        let text = "Rule has 'enabled' key but no rule by that name already exists";
        existing(items, entry, text)?.enabled = enabled;
        return Ok(());
    }
    define(items, entry, source, warnings)
}

fn define(
    items: &mut Items<'_>,
    entry: &Entry<'_>,
    source: Option<String>,
    warnings: &mut Vec<Finding>,
) -> Result<()> {
    let rule = RuleItem {
        name: entry.item_name.clone(),
        condition: entry.text("condition")?,
        output: entry.text("output")?,
        desc: entry.text("desc")?.as_str().to_owned(),
        priority: priority(entry)?,
        source: source.unwrap_or_else(|| SYSCALL.to_owned()),
        tags: entry.texts("tags")?.into_iter().flatten().collect(),
        exceptions: exceptions::read(entry, Use::Define, warnings)?.unwrap_or_default(),
        enabled: entry.bool("enabled")?.unwrap_or(true),
        warn_evttypes: entry.bool("warn_evttypes")?.unwrap_or(true),
        skip_if_unknown_filter: entry.bool("skip-if-unknown-filter")?.unwrap_or(false),
        capture: entry.bool("capture")?.unwrap_or(false),
        capture_duration: entry.number("capture_duration")?.unwrap_or(0),
        place: entry.place(entry.needed("rule")?),
    };
    let mut rule = rule;
    validate(&mut rule.exceptions, &rule.source, items.settings).or_else(|error| {
        if rule.skip_if_unknown_filter && error.is_unknown_filter() { Ok(()) } else { Err(error) }
    })?;
    match items.rule_names.get(&rule.name).copied() {
        Some(index) if items.rules[index].source != rule.source => other_source(entry),
        Some(index) => {
            items.rules[index] = rule;
            Ok(())
        }
        None => {
            items.rule_names.insert(rule.name.clone(), items.rules.len());
            items.rules.push(rule);
            Ok(())
        }
    }
}

fn other_source(entry: &Entry<'_>) -> Result<()> {
    Err(entry.finding(Code::Validate, entry.node, "Rule has been re-defined with a different source"))
}

fn validate(exceptions: &mut [Exception], source: &str, settings: &Settings) -> Result<()> {
    let scope = Scope { source: Some(source), statics: &settings.static_fields };
    exceptions.iter_mut().try_for_each(|exception| exception.validate(scope))
}

fn existing<'a>(items: &'a mut Items<'_>, entry: &Entry<'_>, otherwise: &str) -> Result<&'a mut RuleItem> {
    match items.rule_names.get(&entry.item_name) {
        Some(index) => Ok(&mut items.rules[*index]),
        None => Err(entry.finding(Code::Validate, entry.node, otherwise)),
    }
}

fn same_source(rule: &RuleItem, entry: &Entry<'_>, source: Option<&str>) -> Result<()> {
    if source.is_some_and(|source| source != rule.source) { other_source(entry) } else { Ok(()) }
}

const NO_APPEND: &str =
    "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists";
const NO_REPLACE: &str =
    "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists";

/// `append: true`: only the condition and exceptions count.
fn append(
    items: &mut Items<'_>,
    entry: &Entry<'_>,
    source: Option<&str>,
    warnings: &mut Vec<Finding>,
) -> Result<()> {
    let condition = entry.optional_text("condition")?;
    let exceptions = exceptions::read(entry, Use::Append, warnings)?;
    if condition.is_none() && exceptions.is_none() {
        let message = "Appended rule must have exceptions or condition property";
        return Err(entry.finding(Code::Validate, entry.node, message));
    }
    let settings = items.settings;
    let rule = existing(items, entry, NO_APPEND)?;
    same_source(rule, entry, source)?;
    if let Some(condition) = condition {
        rule.condition.append(&condition);
    }
    append_exceptions(rule, exceptions.unwrap_or_default(), settings)
}

fn append_exceptions(rule: &mut RuleItem, exceptions: Vec<Exception>, settings: &Settings) -> Result<()> {
    for mut exception in exceptions {
        if let Some(known) = rule.exceptions.iter_mut().find(|known| known.name == exception.name) {
            known.append(exception)?;
        } else {
            validate(std::slice::from_mut(&mut exception), &rule.source, settings)?;
            rule.exceptions.push(exception);
        }
    }
    Ok(())
}

/// `override`: what is appended first, then what is replaced.
fn change(
    items: &mut Items<'_>,
    entry: &Entry<'_>,
    source: Option<&str>,
    overrides: &Overrides,
    warnings: &mut Vec<Finding>,
) -> Result<()> {
    for (node, key) in entry.keys() {
        if !["rule", "override", "source", "append"].contains(&key)
            && !overrides.has(key)
            && KEYS.contains(&key)
        {
            return entry.fail(
                node,
                format!("Unexpected key '{key}': no corresponding entry under 'override' is defined."),
            );
        }
    }
    let settings = items.settings;
    let otherwise = if overrides.append.is_empty() { NO_REPLACE } else { NO_APPEND };
    let rule = existing(items, entry, otherwise)?;
    same_source(rule, entry, source)?;
    for key in &overrides.append {
        match key.as_str() {
            "condition" => rule.condition.append(&entry.text(key)?),
            "output" => rule.output.append(&entry.text(key)?),
            "desc" => {
                rule.desc.push(' ');
                rule.desc.push_str(entry.text(key)?.as_str());
            }
            "tags" => rule.tags.extend(entry.texts(key)?.into_iter().flatten()),
            _ => {
                let exceptions = exceptions::read(entry, Use::Append, warnings)?.unwrap_or_default();
                append_exceptions(rule, exceptions, settings)?;
            }
        }
    }
    for key in &overrides.replace {
        replace(rule, entry, key, settings, warnings)?;
    }
    Ok(())
}

fn replace(
    rule: &mut RuleItem,
    entry: &Entry<'_>,
    key: &str,
    settings: &Settings,
    warnings: &mut Vec<Finding>,
) -> Result<()> {
    match key {
        "condition" => rule.condition = entry.text(key)?,
        "output" => rule.output = entry.text(key)?,
        "desc" => entry.text(key)?.as_str().clone_into(&mut rule.desc),
        "priority" => rule.priority = priority(entry)?,
        "tags" => rule.tags = entry.texts(key)?.into_iter().flatten().collect(),
        "exceptions" => {
            let mut exceptions = exceptions::read(entry, Use::Define, warnings)?.unwrap_or_default();
            validate(&mut exceptions, &rule.source, settings)?;
            rule.exceptions = exceptions;
        }
        "enabled" => rule.enabled = entry.bool(key)?.unwrap_or(true),
        "warn_evttypes" => rule.warn_evttypes = entry.bool(key)?.unwrap_or(true),
        "skip-if-unknown-filter" => rule.skip_if_unknown_filter = entry.bool(key)?.unwrap_or(false),
        "capture" => rule.capture = entry.bool(key)?.unwrap_or(false),
        _ => rule.capture_duration = entry.number("capture_duration")?.unwrap_or(0),
    }
    Ok(())
}

fn priority(entry: &Entry<'_>) -> Result<Priority> {
    let text = entry.text("priority")?;
    let name = text.as_str().trim();
    if let Some(priority) = Priority::parse(name) {
        return Ok(priority);
    }
    let names = Priority::ALL.map(|priority| priority.name().to_ascii_lowercase());
    let known = nearest(&name.to_ascii_lowercase(), names.iter().map(String::as_str));
    let hint = known
        .map_or_else(|| format!("one of {}", names.join(", ")), |known| format!("did you mean `{known}`?"));
    let finding = entry.finding(Code::YamlValidate, entry.needed("priority")?, "Invalid priority");
    Err(finding.hint(Some(hint)))
}
