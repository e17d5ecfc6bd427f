use proptest::prelude::*;

use super::*;

fn alert(number: u64, priority: i32, fields: &[(&str, &str)]) -> Alert {
    Alert {
        rule: "Sensitive file".to_owned(),
        output: format!("#{number}"),
        priority,
        output_fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        sensor: "s1".to_owned(),
        sequence: number,
        ..Alert::default()
    }
}

/// A result of a kind of reports that is as good as any.
fn of_alert(alert: &Alert) -> Value {
    let [kinds, plurals, names] = [[""; 2]; 3];
    result(alert, &Kind { version: "", kinds, plurals, names, is_policy_the_source: false })
}

fn results(numbers: std::ops::RangeInclusive<u64>, priority: i32) -> Vec<Value> {
    numbers.map(|number| of_alert(&alert(number, priority, &[]))).collect()
}

fn texts(report: &Value) -> Vec<&str> {
    let results = report["results"].as_array().unwrap();
    results.iter().map(|result| result["message"].as_str().unwrap()).collect()
}

const LIMITS: Limits = Limits { results: 3, by_severity: false };

#[test]
fn an_alert_goes_where_it_happened() {
    let of = |fields: &[(&str, &str)]| place(&alert(1, 4, fields));
    let namespace = |name: &str| Place::Namespace(name.to_owned());
    assert_eq!(of(&[("k8s.ns.name", "shop"), ("ka.target.namespace", "other")]), namespace("shop"));
    assert_eq!(of(&[("k8s.ns.name", "<NA>"), ("ka.target.namespace", "other")]), namespace("other"));
    let long = "x".repeat(64);
    for name in ["", "<NA>", "a/../b", "A", "-a", "a-", &long] {
        assert_eq!(of(&[("k8s.ns.name", name)]), Place::Cluster, "{name}");
    }
}

#[test]
fn a_result_names_the_resource() {
    let of = |fields: &[(&str, &str)]| of_alert(&alert(1, 2, fields))["resources"].clone();
    let pod = json!([{"apiVersion": "v1", "kind": "Pod", "name": "web-1", "namespace": "shop"}]);
    assert_eq!(of(&[("k8s.pod.name", "web-1"), ("k8s.ns.name", "shop")]), pod);
    let role = json!([{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "all"}]);
    assert_eq!(of(&[("ka.target.resource", "clusterroles"), ("ka.resp.name", "all")]), role);
    for fields in
        [&[][..], &[("ka.target.resource", "things"), ("ka.target.name", "x")], &[("k8s.pod.name", "<NA>")]]
    {
        assert_eq!(of(fields), Value::Null, "{fields:?}");
    }
}

#[test]
fn what_comes_again_is_not_added_again() {
    let mut report = json!({"scope": {"kind": "kept"}});
    assert!(add(&mut report, &results(1..=2, 4), LIMITS));
    assert!(!add(&mut report, &results(1..=2, 4), LIMITS));
    assert!(add(&mut report, &results(2..=3, 1), LIMITS));
    assert_eq!(texts(&report), ["#1", "#2", "#3"]);
    assert_eq!(report["summary"], json!({"pass": 0, "fail": 1, "warn": 2, "error": 0, "skip": 0}));
    assert_eq!(report["scope"]["kind"], "kept");
}

#[test]
fn the_oldest_or_the_least_severe_make_room() {
    let mut report = json!({});
    add(&mut report, &results(1..=3, 2), LIMITS);
    add(&mut report, &results(4..=5, 6), LIMITS);
    assert_eq!(texts(&report), ["#3", "#4", "#5"]);
    assert_eq!(report["metadata"]["annotations"][PRUNED], "2");
    let by_severity = Limits { by_severity: true, ..LIMITS };
    add(&mut report, &results(6..=7, 4), by_severity);
    assert_eq!(texts(&report), ["#3", "#6", "#7"]);
    assert_eq!(report["metadata"]["annotations"][PRUNED], "4");
}

#[test]
fn a_report_is_not_too_large_for_a_cluster() {
    let long = "x".repeat(20_000);
    let alerts: Vec<Value> =
        (1..=200).map(|number| of_alert(&alert(number, 4, &[("proc.cmdline", &long)]))).collect();
    let mut report = json!({});
    assert!(add(&mut report, &alerts, Limits { results: 1000, by_severity: false }));
    let (bytes, last) = (report.to_string().len(), texts(&report).pop().unwrap().to_owned());
    assert!((BYTES_MAX / 2..BYTES_MAX + 1000).contains(&bytes) && last == "#200", "{bytes} {last}");
}

proptest! {
    #[test]
    fn any_report_can_be_added_to(known in "[\\PC]{0,40}", kind in 0..7, priority: i32, text in ".{0,40}") {
        let strange = match kind {
            0 => json!({"results": known}),
            1 => json!({"results": [known, null, {"properties": known}], "metadata": {"annotations": {}}}),
            2 => json!({"results": [{"result": known, "severity": 7}]}),
            3 => json!({"metadata": {"annotations": {PRUNED: known}}}),
            4 => json!({"summary": known, "metadata": known}),
            5 => json!({"metadata": {"annotations": known}}),
            _ => json!(known),
        };
        let mut report = strange;
        let new: Vec<Value> =
            (1..=4).map(|number| of_alert(&alert(number, priority, &[("k8s.ns.name", &text)]))).collect();
        prop_assert!(add(&mut report, &new, LIMITS));
        prop_assert!(!report["results"].as_array().unwrap().is_empty());
    }
}
