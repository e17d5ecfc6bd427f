//! Output templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadge_engine::Process;
use cadge_engine::output::Template;
use serde_json::{Value, json};

use super::report::{Report, cases, read, same, text};
use super::stage::Stage;

/// The `init` of the cases, which fails to read its working directory.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.add_init();
    let params = json!({"res": -1, "path": "/test/dir"});
    let event = json!({"name": "getcwd", "ppme": "PPME_SYSCALL_GETCWD_X", "tid": 1, "params": params});
    stage.event(&event).unwrap();
    stage
}

/// `init` started `bash`, which started `child`: neither of the two has an executable.
fn family() -> Stage {
    let mut stage = stage();
    let process = |pid: i64, ppid: i64, name: &str| {
        let mut process = Process { pid, ppid, ..Process::default() };
        process.set_argv(name.as_bytes(), format!("{name}\0").as_bytes());
        process
    };
    stage.table.processes.get_mut(&1).unwrap().exe_path = Arc::default();
    stage.table.processes.insert(2, process(2, 1, "bash"));
    stage.table.processes.insert(3, process(3, 2, "child"));
    let event = json!({"name": "getcwd", "ppme": "PPME_SYSCALL_GETCWD_X", "tid": 3, "params": {"res": -1}});
    stage.event(&event).unwrap();
    stage
}

#[test]
fn output_format() {
    let Some(file) = read("output_format") else { return };
    let mut report = Report::new("output_format");
    for case in cases(&file, "cases") {
        report.case(text(case, "format"), check(case));
    }
    report.finish();
}

fn check(case: &Value) -> Result<(), String> {
    let (format, expect) = (text(case, "format"), &case["expect"]);
    let template = Template::new(format);
    if let Some(error) = expect["error"].as_bool() {
        return same(&template.is_err(), &error).map_err(|why| format!("{why} {template:?}"));
    }
    let template = template.map_err(|error| error.message)?;
    if let Some(names) = expect["n_names"].as_u64() {
        same(&(template.values() as u64), &names)?;
    }
    if expect.get("output").is_none() {
        return Ok(());
    }
    let without_index = |name: &str| {
        format.contains(&format!("{name} ")) || format.contains(&format!("{name}|")) || format.ends_with(name)
    };
    let ancestors = ["proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid"];
    let stage = if ancestors.iter().any(|name| without_index(name)) { family() } else { stage() };
    let formatted = stage.with(|event| template.format(event));
    let values: BTreeMap<&str, &str> = formatted
        .values
        .iter()
        .filter(|(key, _)| case["resolve_transformers"] == true || !key.contains('('))
        .map(|(key, value)| (key.as_str(), value.as_deref().unwrap_or("<NA>")))
        .collect();
    same(&Value::from(formatted.is_complete), &expect["ok"])?;
    let is_json = case["json"] == true || text(expect, "output").starts_with('{');
    let have = if is_json { serde_json::to_string(&values).unwrap() } else { formatted.text };
    same(&have.as_str(), &text(expect, "output"))?;
    if let Some(expected) = expect["values"].as_object() {
        let expected: BTreeMap<&str, &str> =
            expected.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap())).collect();
        same(&values, &expected)?;
    }
    Ok(())
}
