//! Items to a ruleset.

use std::sync::Arc;

use super::items::{Items, RuleItem};
use super::lists::{self, Resolved};
use super::macros::Macros;
use super::{Finding, Place};
use crate::output::Template;
use crate::problem::Code;
use crate::ruleset::{RuleParts, Ruleset, RulesetBuilder, Settings};

/// A condition that fits more types of event than this is worth a warning. Falco's bound.
const EVENT_TYPES_MAX: usize = 100;

/// Compiles everything. One error for each rule.
pub(super) fn compile(
    items: &Items,
    settings: &Settings,
    warnings: &mut Vec<Finding>,
    errors: &mut Vec<Finding>,
) -> Ruleset {
    let mut lists = lists::resolve(&items.lists);
    let texts =
        items.macros.iter().map(|item| lists::substitute(item.condition.clone(), &mut lists)).collect();
    let mut macros = Macros::new(&items.macros, texts);
    if let Err(error) = macros.check_all() {
        errors.push(error);
    }
    let mut builder = RulesetBuilder::default();
    for item in &items.rules {
        if let Err(error) = rule(item, &mut lists, &mut macros, &mut builder, warnings) {
            errors.push(error.item("rule", &item.name));
        }
    }
    let unused = |code, text: &str, place: &Place| Finding::new(code, text, place.clone());
    for item in macros.unused() {
        let finding = unused(Code::UnusedMacro, "no rule and no macro uses this macro", &item.place);
        warnings.push(finding.item("macro", &item.name));
    }
    for list in lists.iter().filter(|list| !list.used) {
        let finding = unused(Code::UnusedList, "no rule, macro or list uses this list", &list.list.place);
        warnings.push(finding.item("list", &list.list.name));
    }
    builder.finish(settings)
}

fn rule(
    item: &RuleItem,
    lists: &mut [Resolved<'_>],
    macros: &mut Macros<'_>,
    builder: &mut RulesetBuilder,
    warnings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let output = Template::parse(item.output.as_str()).map_err(|error| {
        Finding::within(Code::CompileOutput, error.message, &item.output, &error.span).hint(error.hint)
    })?;
    let text = lists::substitute(item.condition.clone(), lists);
    let condition = macros.rule(&text)?;
    let parts = RuleParts {
        name: item.name.as_str().into(),
        desc: item.desc.clone(),
        priority: item.priority,
        tags: item.tags.iter().map(|tag| Arc::from(tag.as_str())).collect(),
        source: Arc::from("syscall"),
        enabled: item.enabled,
        output,
    };
    let fits = builder.add(parts, &condition).map_err(|error| {
        Finding::within(Code::CompileCondition, error.message, &text, &error.span).hint(error.hint)
    })?;
    if fits > EVENT_TYPES_MAX && item.warn_evttypes {
        let text = "the condition fits too many types of event: compare `evt.type`";
        warnings.push(Finding::new(Code::NoEventType, text, item.place.clone()).item("rule", &item.name));
    }
    Ok(())
}
