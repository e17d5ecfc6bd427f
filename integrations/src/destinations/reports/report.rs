//! What a report says of alerts, and what makes room in it.

use std::collections::{BTreeMap, HashSet};

use cadge_proto::Alert;
use cadge_proto::json::MISSING;
use serde_json::{Value, json};

use super::api::{Kind, Place};
use crate::format::uuid;
use crate::text::by_priority;

/// Bytes of a report's results. A cluster's storage takes 1.5 MiB.
const BYTES_MAX: usize = 1 << 20;

/// Bytes of a text in a result.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// How many results a report has lost to newer ones, as an annotation.
const PRUNED: &str = "cadge/pruned";

/// By priority, from `Emergency` on.
const SEVERITIES: [&str; 8] = ["critical", "critical", "critical", "high", "medium", "low", "info", "info"];
const RESULTS: [&str; 8] = ["fail", "fail", "fail", "fail", "warn", "skip", "skip", "skip"];

/// Resources as the API names them, and as what they are.
const RESOURCES: [(&str, &str, &str); 15] = [
    ("clusterrolebindings", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("clusterroles", "rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("configmaps", "v1", "ConfigMap"),
    ("cronjobs", "batch/v1", "CronJob"),
    ("daemonsets", "apps/v1", "DaemonSet"),
    ("deployments", "apps/v1", "Deployment"),
    ("jobs", "batch/v1", "Job"),
    ("namespaces", "v1", "Namespace"),
    ("pods", "v1", "Pod"),
    ("rolebindings", "rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("roles", "rbac.authorization.k8s.io/v1", "Role"),
    ("secrets", "v1", "Secret"),
    ("serviceaccounts", "v1", "ServiceAccount"),
    ("services", "v1", "Service"),
    ("statefulsets", "apps/v1", "StatefulSet"),
];

/// What a report may hold.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) results: usize,
    /// The least severe make room, not the oldest.
    pub(super) by_severity: bool,
}

/// The report that an alert goes into: that of its namespace, if it has one.
pub(super) fn place(alert: &Alert) -> Place {
    let named = ["k8s.ns.name", "ka.target.namespace"].iter().find_map(|name| field(alert, name));
    named.filter(|name| is_namespace(name)).map_or(Place::Cluster, |name| Place::Namespace(name.to_owned()))
}

/// An alert as a result.
pub(super) fn result(alert: &Alert, kind: &Kind) -> Value {
    let time = alert.time.unwrap_or_default();
    let fields = alert.output_fields.iter().filter(|(_, value)| *value != MISSING);
    let mut properties: BTreeMap<&str, String> =
        fields.map(|(name, value)| (name.as_str(), short(value).to_owned())).collect();
    properties.insert("uuid", uuid(alert));
    for (name, value) in [("hostname", alert.hostname.clone()), ("tags", alert.tags.join(","))] {
        if !value.is_empty() {
            properties.entry(name).or_insert(value);
        }
    }
    let mut result = json!({
        "policy": if kind.is_policy_the_source { &alert.source } else { &alert.rule },
        "category": "SI - System and Information Integrity",
        "source": "Falco",
        "scored": false,
        "timestamp": {"seconds": time.seconds, "nanos": time.nanos},
        "severity": by_priority(alert, &SEVERITIES),
        "result": by_priority(alert, &RESULTS),
        "message": short(&alert.output),
        "properties": properties,
    });
    if kind.is_policy_the_source {
        result["rule"] = alert.rule.as_str().into();
    }
    if let Some(resource) = resource(alert) {
        result["resources"] = json!([resource]);
    }
    result
}

/// What an alert is about: a pod, or what a request to the API named.
fn resource(alert: &Alert) -> Option<Value> {
    let (version, kind, name) = if let Some(name) = field(alert, "k8s.pod.name") {
        ("v1", "Pod", name)
    } else {
        let target = field(alert, "ka.target.resource")?;
        let (_, version, kind) = RESOURCES.iter().find(|(resource, ..)| *resource == target)?;
        let name = ["ka.target.name", "ka.resp.name"].iter().find_map(|name| field(alert, name))?;
        (*version, *kind, name)
    };
    let mut resource = json!({"apiVersion": version, "kind": kind, "name": name});
    if let Place::Namespace(namespace) = place(alert) {
        resource["namespace"] = namespace.into();
    }
    Some(resource)
}

/// Adds those results that a report does not have, and makes room. Answers whether it has changed.
pub(super) fn add(report: &mut Value, results: &[Value], limits: Limits) -> bool {
    let mut all = match inner(report, "results").take() {
        Value::Array(known) => known,
        _ => Vec::new(),
    };
    let known: HashSet<Value> = all.iter().map(|result| result["properties"]["uuid"].clone()).collect();
    let new = results.iter().filter(|result| !known.contains(&result["properties"]["uuid"]));
    let before = all.len();
    all.extend(new.cloned());
    let has_changed = all.len() > before;
    let pruned = prune(&mut all, limits);
    if pruned > 0 {
        let count = inner(inner(inner(report, "metadata"), "annotations"), PRUNED);
        let before = count.as_str().and_then(|text| text.parse::<u64>().ok());
        *count = before.unwrap_or(0).saturating_add(pruned).to_string().into();
    }
    let mut summary = json!({"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0});
    for result in &all {
        let count = result["result"].as_str().and_then(|kind| summary.get_mut(kind));
        if let Some(count) = count {
            *count = (count.as_u64().unwrap_or(0) + 1).into();
        }
    }
    *inner(report, "summary") = summary;
    *inner(report, "results") = all.into();
    has_changed
}

/// A part of an object, which is made one if it is none.
fn inner<'a>(of: &'a mut Value, key: &str) -> &'a mut Value {
    if !of.is_object() {
        *of = json!({});
    }
    &mut of[key]
}

/// Takes out as many results as there are too many. Answers how many that were.
fn prune(results: &mut Vec<Value>, limits: Limits) -> u64 {
    let sizes: Vec<usize> = results.iter().map(|result| result.to_string().len() + 1).collect();
    let (mut count, mut bytes) = (results.len(), sizes.iter().sum::<usize>());
    let mut order: Vec<usize> = (0..results.len()).collect();
    if limits.by_severity {
        // The oldest of the least severe first.
        order.sort_by_key(|place| rank(&results[*place]));
    }
    let mut leaving = HashSet::new();
    for place in order {
        if count <= 1 || (count <= limits.results && bytes <= BYTES_MAX) {
            break;
        }
        leaving.insert(place);
        count -= 1;
        bytes -= sizes[place];
    }
    let mut places = 0..;
    results.retain(|_| places.next().is_none_or(|place| !leaving.contains(&place)));
    leaving.len() as u64
}

/// How severe a result is.
fn rank(result: &Value) -> usize {
    let severity = result["severity"].as_str().unwrap_or_default();
    ["info", "low", "medium", "high", "critical"].iter().position(|known| *known == severity).unwrap_or(0)
}

fn field<'a>(alert: &'a Alert, name: &str) -> Option<&'a str> {
    let value = alert.output_fields.get(name)?;
    (!value.is_empty() && value != MISSING).then_some(value)
}

/// As Kubernetes names one.
pub(super) fn is_namespace(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(is_plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
