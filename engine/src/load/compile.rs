//! Items to a ruleset.

use std::sync::Arc;

use super::exceptions::with_exceptions;
use super::items::Items;
use super::lists::{self, Resolved};
use super::macros::Macros;
use super::rule::RuleItem;
use super::text::Text;
use super::{Finding, Place, select, warn};
use crate::AppendOutput;
use crate::fields::{self, SYSCALL, Scope};
use crate::output::Template;
use crate::problem::Code;
use crate::ruleset::{Rule, RulesetBuilder};

/// A condition that fits more types of event than this is worth a warning. Falco's bound.
const EVENT_TYPES_MAX: usize = 100;

/// Compiles everything. One error for each rule.
pub(super) fn compile(
    items: &Items<'_>,
    warnings: &mut Vec<Finding>,
    errors: &mut Vec<Finding>,
) -> RulesetBuilder {
    let mut lists = lists::resolve(&items.lists);
    let texts =
        items.macros.iter().map(|item| lists::substitute(item.condition.clone(), &mut lists)).collect();
    let mut macros = Macros::new(&items.macros, texts);
    macros.check_all(errors, items.settings.every_error);
    let mut builder = RulesetBuilder::default();
    for item in &items.rules {
        if !errors.is_empty() && !items.settings.every_error {
            break;
        }
        let mut compiler = Compiler { items, lists: &mut lists, macros: &mut macros, builder: &mut builder };
        match compiler.rule(item, warnings) {
            Err(error) if item.skip_if_unknown_filter && error.is_unknown_filter() => {
                warnings.push(error.code(Code::UnknownFilter).item_if_none("rule", &item.name));
            }
            Err(error) => errors.push(error.item_if_none("rule", &item.name)),
            Ok(()) => {}
        }
    }
    let unused = |code, text: &str, place: &Place| Finding::new(code, text, place.clone());
    for item in macros.unused() {
        let finding = unused(Code::UnusedMacro, "Macro not referred to by any other rule/macro", &item.place);
        warnings.push(finding.item("macro", &item.name));
    }
    for list in lists.iter().filter(|list| !list.used) {
        let finding =
            unused(Code::UnusedList, "List not referred to by any other rule/macro", &list.list.place);
        warnings.push(finding.item("list", &list.list.name));
    }
    builder
}

/// What outputs had before there were suggested fields.
const INFO: &str = "%container.info";

struct Compiler<'c, 'l> {
    items: &'c Items<'c>,
    lists: &'c mut [Resolved<'l>],
    macros: &'c mut Macros<'l>,
    builder: &'c mut RulesetBuilder,
}

impl Compiler<'_, '_> {
    fn rule(&mut self, item: &RuleItem, warnings: &mut Vec<Finding>) -> Result<(), Finding> {
        let settings = self.items.settings;
        let scope = Scope { source: Some(&item.source), statics: &settings.static_fields };
        let output = self.output(item, warnings);
        let template = Template::parse(output.as_str(), scope).map_err(|error| {
            Finding::within(Code::CompileOutput, error.message, &output, &error.span).hint(error.hint)
        })?;
        let condition = with_exceptions(&item.condition, &item.exceptions)?;
        let text = lists::substitute(condition, self.lists);
        let mut used = Vec::new();
        let condition = self.macros.rule(&text, &mut used)?;
        for (code, message, span) in warn::condition_warnings(&condition) {
            warnings.push(Finding::within(code, message, &text, &span).item("rule", &item.name));
        }
        let types = crate::types::infer(&condition);
        if types.len() > EVENT_TYPES_MAX && item.warn_evttypes && item.source == SYSCALL {
            let message =
                "Rule matches too many evt.type values. This has a significant performance penalty.";
            warnings
                .push(Finding::new(Code::NoEventType, message, item.place.clone()).item("rule", &item.name));
        }
        let warn = &mut |message: String, span: &std::ops::Range<usize>| {
            let finding = Finding::within(Code::ConditionWarning, message, &text, span);
            warnings.push(finding.item("rule", &item.name));
        };
        let extra_fields = extra_fields(item, settings, scope)?;
        let node = self.builder.node(&condition, scope, warn).map_err(|error| {
            Finding::within(Code::CompileCondition, error.message, &text, &error.span).hint(error.hint)
        })?;
        let enabled = select::is_on(item, &settings.rules);
        self.builder.push(Rule {
            name: item.name.as_str().into(),
            desc: item.desc.clone(),
            priority: item.priority,
            tags: item.tags.iter().map(|tag| Arc::from(tag.as_str())).collect(),
            source: Arc::from(item.source.as_str()),
            enabled,
            is_evaluated: enabled && item.priority <= settings.priority,
            condition,
            macros: used,
            output: output.as_str().trim_end().to_owned(),
            capture: item.capture.then_some(item.capture_duration),
            types,
            node,
            template,
            extra_fields,
        });
        Ok(())
    }

    /// The output of a rule with what the configuration adds to it.
    fn output(&self, item: &RuleItem, warnings: &mut Vec<Finding>) -> Text {
        let mut output = item.output.trimmed();
        if let Some(at) = output.as_str().find(INFO) {
            let message =
                "%container.info is deprecated: it is empty. Outputs get their container by append_output.";
            let finding = Finding::within(Code::Deprecated, message, &output, &(at..at + INFO.len()));
            warnings.push(finding.item("rule", &item.name));
            output = output.without(INFO);
        }
        for entry in self.items.settings.append_output.iter().filter(|entry| applies(entry, item)) {
            let mut add = |text: &str| {
                output.insert_at(&format!(" {text}"), item.place.file, &item.place.range);
            };
            if !entry.extra_output.is_empty() {
                add(&entry.extra_output);
            }
            if entry.suggested_output {
                for field in suggested(&item.source) {
                    add(&format!("{}=%{}", field.replace('.', "_"), field));
                }
            }
        }
        output
    }
}

/// The fields that every output of a source should have.
fn suggested(source: &str) -> impl Iterator<Item = &'static str> {
    let of_source = move |class: &&fields::Class| class.source.is_empty() || class.source == source;
    fields::CLASSES
        .iter()
        .filter(of_source)
        .flat_map(|class| class.fields)
        .filter(|field| field.is_suggested)
        .map(|field| field.name)
}

fn applies(entry: &AppendOutput, item: &RuleItem) -> bool {
    let is = |wanted: &str, have: &str| wanted.is_empty() || wanted == have;
    is(&entry.source, &item.source)
        && is(&entry.rule, &item.name)
        && entry.tags.iter().all(|tag| item.tags.contains(tag))
}

/// The fields that the configuration adds to `output_fields`.
fn extra_fields(
    item: &RuleItem,
    settings: &crate::Settings,
    scope: Scope<'_>,
) -> Result<Vec<(Arc<str>, Template)>, Finding> {
    let mut fields = Vec::new();
    for (key, text) in settings
        .append_output
        .iter()
        .filter(|entry| applies(entry, item))
        .flat_map(|entry| &entry.extra_fields)
    {
        let template = Template::parse(&format!("*{text}"), scope).map_err(|error| {
            let message = format!("append_output, extra field '{key}': {}", error.message);
            Finding::new(Code::CompileOutput, message, item.place.clone()).hint(error.hint)
        })?;
        fields.push((Arc::from(key.as_str()), template));
    }
    Ok(fields)
}
