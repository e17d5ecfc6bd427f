//! Small tables.

use cadge_engine::condition::{RULE_DEPTH_MAX, parse};
use cadge_engine::{Plugin, RuleFile, Ruleset, Settings, cgroup, condition_warnings, path, wildcard};
use serde_json::Value;

use super::report::{Report, cases, read, same, text};
use super::stage;

/// Paths that match in the map of a C++ test by entries that the cases leave out.
const UNSEEN: &[&str] = &["/boot", "/var/lib/messages", "/var", "/usr"];

#[test]
fn misc() {
    let Some(file) = read("misc") else { return };
    let mut report = Report::new("misc");
    for case in cases(&file, "pmatch") {
        if text(case, "id") == "prefix_search_test.maps" && UNSEEN.contains(&text(case, "path")) {
            // `basic` says of the same patterns that these do not match.
            report.not_applicable("`maps` looks values up in a C++ map, which the case leaves out");
            continue;
        }
        let patterns: Vec<String> =
            cases(case, "patterns").map(|pattern| pattern.as_str().unwrap().to_owned()).collect();
        let filter = format!("static.path pmatch ({})", patterns.join(","));
        report.case(text(case, "path"), truth(stage::fixed("path", text(case, "path"), &filter), case));
    }
    for case in cases(&file, "concatenate_paths") {
        let have = path::concatenate(text(case, "path1").as_bytes(), text(case, "path2").as_bytes());
        report.case(
            "concatenate_paths",
            same(&String::from_utf8(have).unwrap().as_str(), &text(case, "result")),
        );
    }
    for case in cases(&file, "wildcard") {
        let have = wildcard(text(case, "pattern"), text(case, "text"));
        report.case(text(case, "pattern"), truth(Ok(have), case));
    }
    for case in cases(&file, "plugin_requirements") {
        report.case("plugin_requirements", requirements(case));
    }
    for case in cases(&file, "na_and_deprecated_warnings") {
        let expr = parse(text(case, "condition"), RULE_DEPTH_MAX).unwrap();
        let warns = !condition_warnings(&expr).is_empty();
        report.case(text(case, "condition"), same(&Value::from(warns), &case["warns"]));
    }
    for case in cases(&file, "transformers") {
        report.case(&case.to_string(), transformer(case));
    }
    for _ in cases(&file, "prometheus_interval") {
        report.not_applicable("intervals are of the configuration of metrics, not of rules");
    }
    for _ in cases(&file, "sanitize_rule_name") {
        report.not_applicable("names of metrics are the exporter's");
    }
    for case in cases(&file["cgroup_container_id"], "cases") {
        let have = cgroup::container_id(text(case, "cgroup").as_bytes());
        let expected = (case["match"] == true).then(|| text(case, "container_id"));
        report.case(text(case, "cgroup"), same(&have, &expected));
    }
    report.finish();
}

fn truth(have: Result<bool, String>, case: &Value) -> Result<(), String> {
    same(&Value::from(have?), &case["match"])
}

fn requirements(case: &Value) -> Result<(), String> {
    let plugin = |plugin: &Value| {
        let parts: Vec<u32> = text(plugin, "version").split('.').map(|part| part.parse().unwrap()).collect();
        Plugin { name: text(plugin, "name").to_owned(), version: (parts[0], parts[1], parts[2]) }
    };
    let settings = Settings { plugins: cases(case, "plugins").map(plugin).collect(), ..Settings::default() };
    let loaded = Ruleset::load(&[RuleFile { name: "r", text: text(case, "rules") }], &settings);
    same(&Value::from(loaded.errors.is_empty()), &case["ok"])
}

/// One value, or each of a list: transformers of fields are asked through a comparison with the answer.
fn transformer(case: &Value) -> Result<(), String> {
    let name = text(case, "transformer");
    let ins: Vec<String> = cases(case, "in").map(plain).collect();
    let outs: Vec<String> = cases(case, "out").map(plain).collect();
    if name == "len" && case["is_list"] == true {
        let values: Vec<String> = ins.iter().map(|value| Value::from(value.as_str()).to_string()).collect();
        let filter = format!("len(({})) = {}", values.join(","), outs[0]);
        return same(&stage::fixed("x", "", &filter)?, &true);
    }
    for (value, expected) in ins.iter().zip(&outs) {
        let expected =
            if name == "len" { expected.clone() } else { Value::from(expected.as_str()).to_string() };
        let filter = format!("{name}(static.x) = {expected}");
        same(&stage::fixed("x", value, &filter)?, &true)?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
