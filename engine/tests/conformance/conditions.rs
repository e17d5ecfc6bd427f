//! The grammar, the canonical text, positions, types and inference of conditions.

use cadge_engine::condition::ast::{CallArg, Expr, Node, Operand, Values};
use cadge_engine::condition::{DEPTH_MAX, parse, quoted, unquote};
use cadge_engine::{EventType, RuleFile, Ruleset, Settings};
use serde_json::Value;

use super::report::{Report, cases, read, same, text};
use super::stage::rule;

#[test]
fn filter_parse() {
    let Some(file) = read("filter_parse") else { return };
    let mut report = Report::new("filter_parse");
    for case in cases(&file, "cases") {
        let filter = text(case, "filter");
        let accept = case["expect"] == "accept";
        report.case(text(case, "id"), accepts(filter, accept, text(case, "error")));
        if let Some(canonical) = case["canonical_oracle"].as_str() {
            report.case(&format!("{} canonical", text(case, "id")), same_canonical(filter, canonical));
        }
        if case["whitespace_variants_also_accept"] == true {
            for blank in ["\n", "\t"] {
                let variant = format!(" {filter} ").replace(' ', blank);
                report.case(text(case, "id"), accepts(&variant, true, ""));
            }
        }
    }
    report.finish();
}

fn accepts(filter: &str, accept: bool, message: &str) -> Result<(), String> {
    match parse(filter, DEPTH_MAX) {
        Ok(_) if accept => Ok(()),
        Ok(expr) => Err(format!("`{filter}` was accepted as {expr}")),
        Err(error) if accept => Err(format!("`{filter}` was refused: {}", error.message)),
        Err(error) if error.message.contains(message) => Ok(()),
        Err(error) => Err(format!("`{filter}` was refused with {}", error.message)),
    }
}

fn same_canonical(filter: &str, canonical: &str) -> Result<(), String> {
    let have = parse(filter, DEPTH_MAX).map_err(|error| error.message)?.to_string();
    same(&have.as_str(), &canonical)
}

#[test]
fn filter_canonical() {
    let Some(file) = read("filter_canonical") else { return };
    let mut report = Report::new("filter_canonical");
    for case in cases(&file, "cases") {
        let outcome =
            parse(text(case, "filter"), DEPTH_MAX).map_err(|error| error.message).and_then(|expr| {
                if let Some(canonical) = case["canonical"].as_str() {
                    same(&expr.to_string().as_str(), &canonical)?;
                }
                let printed = format!("{expr:#}");
                let again =
                    parse(&printed, DEPTH_MAX).map_err(|error| format!("{printed}: {}", error.message))?;
                same(&format!("{again:#}"), &printed)
            });
        report.case(text(case, "id"), outcome);
    }
    report.finish();
}

#[test]
fn filter_escaping() {
    let Some(file) = read("filter_escaping") else { return };
    let mut report = Report::new("filter_escaping");
    for case in cases(&file, "cases") {
        let value = text(case, "in");
        if case.get("escaped").is_some() {
            report.case(text(case, "id"), same(&quoted(value.as_bytes()).as_str(), &text(case, "escaped")));
        } else if case.get("unescaped").is_some() {
            report.case(text(case, "id"), same(&unquote(value), &Some(text(case, "unescaped").into())));
        } else {
            let again = unquote(&quoted(value.as_bytes()));
            report.case(text(case, "id"), same(&again, &Some(value.as_bytes().to_vec())));
        }
    }
    report.finish();
}

#[test]
fn filter_positions() {
    let Some(file) = read("filter_positions") else { return };
    let mut report = Report::new("filter_positions");
    for case in cases(&file, "cases") {
        let expr = parse(text(case, "filter"), DEPTH_MAX).unwrap();
        let mut have = Vec::new();
        positions(&expr, &mut have);
        let expected: Vec<(String, u64)> = cases(case, "nodes")
            .map(|node| (text(node, "node").to_owned(), node["idx"].as_u64().unwrap()))
            .collect();
        report.case(text(case, "id"), same(&have, &expected));
    }
    report.finish();
}

/// Each node in pre-order and where it begins.
fn positions(expr: &Expr, found: &mut Vec<(String, u64)>) {
    let mut add = |name: &str, at: usize| found.push((name.to_owned(), at as u64));
    match &expr.node {
        Node::And(parts) | Node::Or(parts) => {
            add(if matches!(expr.node, Node::And(_)) { "and" } else { "or" }, expr.span.start);
            for part in parts {
                positions(part, found);
            }
        }
        Node::Not(part) => {
            add("not", expr.span.start);
            positions(part, found);
        }
        Node::Macro(_) => add("identifier", expr.span.start),
        Node::Check(check) => {
            let is_unary = matches!(check.values, Values::None);
            add(if is_unary { "unary" } else { "binary" }, expr.span.start);
            match &check.left {
                Operand::Field(field) => add("field", field.span.start),
                Operand::Call(call) => {
                    add("transformer", call.span.start);
                    for arg in &call.args {
                        if let CallArg::Operand(operand) = arg {
                            add("field", operand.span().start);
                        }
                    }
                }
            }
            match &check.values {
                Values::One(literal) => add("value", literal.span.start),
                // Where the list begins is one before its first value, or two with a blank.
                Values::List(_) => add("list", check.op_span.end + 1),
                _ => {}
            }
        }
    }
}

#[test]
fn filter_compile() {
    let Some(file) = read("filter_compile") else { return };
    let mut report = Report::new("filter_compile");
    for case in cases(&file, "cases") {
        let outcome = match text(case, "kind") {
            "run_mock" => super::stage::mock(text(case, "filter"))
                .and_then(|have| same(&Value::from(have), &case["expect_result"])),
            _ => compiles(text(case, "filter"), case["expect"] == "ok", case["warnings"].as_u64()),
        };
        report.case(text(case, "filter"), outcome);
    }
    report.finish();
}

/// The file's fields `c.*` stand for fields of its own harness: bytes are `evt.buffer` here, texts fixed.
fn compiles(filter: &str, ok: bool, warnings: Option<u64>) -> Result<(), String> {
    let filter = filter.replace("c.buffer", "evt.buffer").replace("c.true", "static.true");
    let text = rule(&filter);
    let loaded = Ruleset::load(&[RuleFile { name: "r", text: &text }], &super::stage::settings());
    let codes: Vec<&str> = loaded.warnings.iter().map(|warning| warning.code.name()).collect();
    let count = codes.iter().filter(|code| **code == "LOAD_COMPILE_CONDITION").count() as u64;
    match (loaded.errors.first(), ok) {
        (None, true) => same(&Some(count), &warnings),
        (Some(_), false) => Ok(()),
        (Some(error), true) => Err(error.message.clone()),
        (None, false) => Err("was accepted".to_owned()),
    }
}

fn types(filter: &str) -> Result<Vec<EventType>, String> {
    let text = rule(filter);
    // A number such as 1.5 is not compiled, but says which types it fits: so does any other.
    let text = text.replace("evt.num=1.5", "evt.num=15");
    let loaded = Ruleset::load(&[RuleFile { name: "r", text: &text }], &Settings::default());
    let ruleset = loaded.ruleset.ok_or_else(|| loaded.errors[0].to_string())?;
    Ok(ruleset.rules()[0].event_types().collect())
}

#[test]
fn filter_event_types() {
    let Some(file) = read("filter_event_types") else { return };
    let mut report = Report::new("filter_event_types");
    for case in cases(&file, "cases") {
        let outcome = types(text(case, "filter")).and_then(|have| {
            let expected = match case["same_event_types_as"].as_str() {
                Some(other) => types(other)?,
                None => named(&case["event_types"]),
            };
            same(&have, &expected)
        });
        report.case(text(case, "filter"), outcome);
    }
    report.finish();
}

pub(super) fn named(types: &Value) -> Vec<EventType> {
    let list = |types: &Value| -> Vec<EventType> {
        let name = |name: &Value| EventType::from_name(name.as_str().unwrap()).unwrap();
        types.as_array().unwrap().iter().map(name).collect()
    };
    let mut types = match types {
        Value::String(all) if all == "all" => EventType::all().collect(),
        Value::String(_) => Vec::new(),
        Value::Object(map) => {
            let except = list(&map["all_except"]);
            EventType::all().filter(|kind| !except.contains(kind)).collect()
        }
        types => list(types),
    };
    types.sort();
    types
}
