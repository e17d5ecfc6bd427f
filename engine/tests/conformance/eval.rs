//! Fields and filters on events.

use serde_json::Value;

use super::report::{Report, cases, read, same, text};
use super::stage::{Stage, latin};

/// Cases whose steps leave out what their C++ does between them.
const UNSEEN: &[(&str, &str)] = &[
    ("plugins.", "a plugin of the C++ tests gives the fields"),
    ("USER_FILTER_extract_from_existent_user_entry", "C++ adds and removes users between the steps"),
];

#[test]
fn filter_eval() {
    let Some(file) = read("filter_eval") else { return };
    let mut report = Report::new("filter_eval");
    for case in cases(&file, "cases") {
        let id = text(case, "id");
        if text(case, "grade") != "structured" {
            report.not_applicable(&format!("grade `{}`: needs the C++ of the test", text(case, "grade")));
        } else if let Some((_, why)) = UNSEEN.iter().find(|(part, _)| id.contains(part)) {
            report.not_applicable(why);
        } else {
            run(case, &mut report);
        }
    }
    for case in cases(&file, "execve_empty_params_cases") {
        report.case(text(case, "filter"), empty_params(case));
    }
    report.finish();
}

/// Every parameter of the call is missing: so is each of its fields.
fn empty_params(case: &Value) -> Result<(), String> {
    let mut stage = Stage::new();
    stage.add_init();
    let event =
        serde_json::json!({"name": "execve", "ppme": "PPME_SYSCALL_EXECVE_19_X", "tid": 1, "params": {}});
    stage.event(&event)?;
    stage.empty();
    let expected = text(case, "expect") == "true";
    match stage.filter(text(case, "filter")) {
        Ok(have) => same(&have, &expected),
        Err(_) if text(case, "expect") == "throw" => Ok(()),
        Err(error) => Err(error),
    }
}

fn run(case: &Value, report: &mut Report) {
    let mut stage = Stage::new();
    for (number, step) in cases(case, "steps").enumerate() {
        let id = format!("{}#{number}", text(case, "id"));
        match text(step, "op") {
            "add_default_init_thread" => {
                stage.add_init();
                for tid in [2, 3] {
                    let mut process = stage.table.processes[&1].clone();
                    process.pid = tid;
                    stage.table.processes.insert(tid, process);
                }
            }
            "open_inspector" => {}
            "event" => {
                if let Err(why) = stage.event(step) {
                    report.case(&id, Err(why));
                }
            }
            _ => report.case(&id, check(&stage, step)),
        }
    }
}

fn check(stage: &Stage, step: &Value) -> Result<(), String> {
    let expr = step["expr"].as_str().unwrap_or_default();
    match text(step, "op") {
        "filter" => {
            same(&Value::from(stage.filter(expr)?), &step["expect"]).map_err(|why| format!("{expr}: {why}"))
        }
        "filter_compiles" => {
            let have = stage.filter(expr);
            same(&Value::from(have.is_ok()), &step["expect"]).map_err(|why| format!("{expr}: {why} {have:?}"))
        }
        "filter_throws" => {
            same(&stage.filter(expr).is_err(), &true).map_err(|_| format!("{expr}: was accepted"))
        }
        "field_has_value" => same(&Value::from(stage.field(expr)?.is_some()), &step["expect"]),
        "field_equals" => {
            let expected = String::from_utf8_lossy(&latin(text(step, "equals"))).into_owned();
            same(&stage.field(text(step, "field"))?, &Some(expected))
                .map_err(|why| format!("{}: {why}", text(step, "field")))
        }
        other => Err(format!("unknown step {other}")),
    }
}
