//! `cadge rules`: what people write rules with.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{run, stderr, stdout};

const RULES: &str = "\
# Our own.
- macro: started
  condition: (evt.type in (execve,execveat))

- rule: Shell below a server # never seen in peace
  desc: d
  condition: started and proc.name in (sh,bash) and proc.pname='nginx' and not proc.cmdline contains healthcheck.sh and user.uid != 0
  output: command=%proc.cmdline
  priority: NOTICE
";

const TESTS: &str = "\
rules: [web.yaml]
tests:
  - name: a shell
    event: {evt.type: execve, proc.name: sh, proc.pname: nginx, proc.cmdline: sh -c id, user.uid: 33}
    fires: [Shell below a server]
  - name: the health check
    event: {evt.type: execve, proc.name: sh, proc.pname: nginx, proc.cmdline: sh healthcheck.sh, user.uid: 33}
    fires: []
";

/// A folder with a rule file and its tests.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("web.yaml"), RULES).unwrap();
    fs::write(dir.path().join("web_test.yaml"), TESTS).unwrap();
    dir
}

#[test]
fn tests_pass_and_say_why_they_do_not() {
    let dir = folder();
    let path = dir.path().join("web_test.yaml");
    let name = path.to_str().unwrap();
    let output = run(&["rules", "test", name]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stdout(&output), "2 passed, 0 failed\n");
    fs::write(&path, TESTS.replace("fires: []", "fires: [Shell below a server]")).unwrap();
    let output = run(&["rules", "test", name]);
    assert_eq!(output.status.code(), Some(1));
    let cause = "proc.cmdline contains healthcheck.sh is true: proc.cmdline is `sh healthcheck.sh`";
    assert!(stdout(&output).contains(cause), "{}", stdout(&output));
    fs::write(&path, TESTS.replace("proc.pname", "proc.panme")).unwrap();
    let output = run(&["rules", "test", name]);
    let error = stderr(&output);
    assert!(error.contains("did you mean `proc.pname`?"), "{error}");
}

#[test]
fn changes_that_no_test_misses_are_named() {
    let dir = folder();
    let name = dir.path().join("web_test.yaml");
    let output = run(&["rules", "test", "--mutate", name.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("no test would miss 'user.uid != 0'"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("miss 'not proc.cmdline"), "{}", stdout(&output));
    let output = run(&["rules", "coverage", dir.path().to_str().unwrap()]);
    assert!(stdout(&output).contains("no test makes 'user.uid != 0' false"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("never answers"), "{}", stdout(&output));
    let busy = RULES.replace("(execve,execveat)", "(execve,futex)").replace("%proc.cmdline", "%thread.cpu");
    fs::write(dir.path().join("web.yaml"), busy).unwrap();
    let output = run(&["rules", "coverage", dir.path().to_str().unwrap()]);
    for name in ["evt.type = futex", "thread.cpu"] {
        let expected = format!("the live source never answers '{name}': ");
        assert!(stdout(&output).contains(&expected), "{}", stdout(&output));
    }
}

#[test]
fn formatting_keeps_comments_and_meaning() {
    let dir = folder();
    let path = dir.path().join("web.yaml");
    let name = path.to_str().unwrap();
    let explain = || stdout(&run(&["rules", "explain", "*", "--json", name]));
    let before = explain();
    assert_eq!(run(&["rules", "fmt", "--check", name]).status.code(), Some(1));
    assert!(run(&["rules", "fmt", name]).status.success());
    assert!(run(&["rules", "fmt", "--check", name]).status.success());
    let formatted = fs::read_to_string(&path).unwrap();
    assert!(formatted.contains("# Our own.\n") && formatted.contains("server # never seen in peace\n"));
    assert!(
        formatted.contains("  condition: >\n    started\n    and proc.name in (sh, bash)\n"),
        "{formatted}"
    );
    assert_eq!(explain(), before);
}

#[test]
fn mistakes_are_printed_as_falco_does() {
    let dir = folder();
    let path = dir.path().join("web.yaml");
    fs::write(&path, RULES.replace("proc.pname", "proc.panme")).unwrap();
    let output = run(&["rules", "check", "--json", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let results: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let result = &results["falco_load_results"][0];
    assert_eq!(result["successful"], false);
    assert_eq!(result["errors"][0]["code"], "LOAD_ERR_COMPILE_CONDITION");
    assert_eq!(result["errors"][0]["context"]["locations"][0]["item_name"], "Shell below a server");
    assert_eq!(result["errors"][0]["context"]["locations"][0]["position"]["line"], 6);
}

#[test]
fn lints_are_switched_by_name() {
    let dir = folder();
    let path = dir.path().join("web.yaml");
    let twice = format!(
        "{RULES}{}",
        RULES.split_once("\n\n").unwrap().1.replace("Shell below", "Again a shell below")
    );
    fs::write(&path, twice).unwrap();
    let name = path.to_str().unwrap();
    let output = run(&["rules", "check", "--lint", "duplicate,trusts-caller", name]);
    assert!(output.status.success());
    assert!(stdout(&output).contains("has the same condition as 'Shell below a server' [duplicate]"));
    assert!(stdout(&output).contains("proc.cmdline alone"));
    assert!(!stdout(&run(&["rules", "check", name])).contains("duplicate"));
    let error = stderr(&run(&["rules", "check", "--lint", "x", name]));
    assert!(error.contains("there is no lint `x`") && error.contains("never-true"), "{error}");
}

#[test]
fn a_filter_prints_the_events_that_fit() {
    let dir = folder();
    let path = dir.path().join("events.json");
    let lines = [
        r#"{"output_fields":{"proc.name":"bash","user.uid":0},"rule":"R"}"#,
        r#"{"proc.name":"cat"}"#,
        r#"{"user":{"name":"adm"}}"#,
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    let name = path.to_str().unwrap();
    let output = run(&["rules", "filter", "proc.name = bash or json.value[/user/name] = adm", name]);
    assert_eq!(stdout(&output), format!("{}\n{}\n", lines[0], lines[2]));
    assert_eq!(run(&["rules", "filter", "proc.name = zsh", name]).status.code(), Some(1));
}

#[test]
fn fields_are_listed_for_people_and_machines() {
    let fields: Value = serde_json::from_str(&stdout(&run(&["rules", "fields", "--json"]))).unwrap();
    let fields = fields["fields"].as_array().unwrap();
    assert!(fields.len() > 300, "{}", fields.len());
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap();
    let (env, cpu) = (field("proc.env"), field("thread.cpu"));
    assert_eq!((&env["filled"], &env["type"]), (&Value::from(true), &Value::from("CHARBUF")));
    assert!(env["why_missing"].is_null() && cpu["filled"] == false && cpu["why_missing"].is_string());
    let markdown = stdout(&run(&["rules", "fields", "--source", "k8s_audit", "--markdown"]));
    assert!(markdown.contains("| `ka.verb` | CHARBUF |") && !markdown.contains("`proc.name`"));
}

/// What an independent implementation made of Falco's own rules.
#[test]
fn explain_agrees_with_the_oracle() {
    let compat = std::env::var_os("CADGE_COMPAT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
        PathBuf::from,
    );
    let Ok(oracle) = fs::read_to_string(compat.join("conformance/stock_rules_oracle.json")) else {
        eprintln!("SKIPPED: no stock rules in {}", compat.display());
        return;
    };
    let oracle: Value = serde_json::from_str(&oracle).unwrap();
    let mut compared = 0;
    for (maturity, file) in [
        ("stable", "falco_rules.yaml"),
        ("incubating", "falco-incubating_rules.yaml"),
        ("sandbox", "falco-sandbox_rules.yaml"),
    ] {
        let path = compat.join("rules").join(file);
        let output = run(&["rules", "explain", "*", "--json", path.to_str().unwrap()]);
        let explained: Value = serde_json::from_str(&stdout(&output)).unwrap();
        for case in oracle["cases"].as_array().unwrap().iter().filter(|case| case["maturity"] == maturity) {
            let rules = explained["rules"].as_array().unwrap();
            let rule = rules.iter().find(|rule| rule["name"] == case["rule"]).unwrap();
            assert_eq!(rule["condition_compiled"], case["condition_compiled_oracle"]);
            assert_eq!(rule["enabled"], case["enabled"]);
            let sorted = |types: &Value| {
                let mut types: Vec<String> =
                    types.as_array().unwrap().iter().map(ToString::to_string).collect();
                types.sort();
                types
            };
            assert_eq!(sorted(&rule["event_types"]), sorted(&case["event_types"]), "{}", case["rule"]);
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}
