//! The definition of a kind of reports, as a cluster is told it.

use serde_json::{Value, json};

/// What the published definition says of the fields that are written here.
pub(super) fn definition([group, name]: [&str; 2], kind: &str, plural: &str, scope: &str) -> Value {
    let text = json!({"type": "string"});
    let one_of = |known: &[&str]| json!({"type": "string", "enum": known});
    let results = json!({"type": "array", "items": {"type": "object", "required": ["policy"], "properties": {
        "policy": text, "rule": text, "category": text, "source": text, "message": text, "scored": {"type": "boolean"},
        "severity": one_of(&["critical", "high", "low", "medium", "info"]),
        "result": one_of(&["pass", "fail", "warn", "error", "skip"]),
        "timestamp": {"type": "object", "required": ["nanos", "seconds"], "properties": {
            "seconds": {"type": "integer", "format": "int64"}, "nanos": {"type": "integer", "format": "int32"},
        }},
        "properties": {"type": "object", "additionalProperties": text},
        "resources": {"type": "array", "items": {"type": "object", "properties": {
            "apiVersion": text, "kind": text, "name": text, "namespace": text,
        }}},
    }}});
    let count = json!({"type": "integer"});
    let summary = json!({"type": "object", "properties": {
        "pass": count, "fail": count, "warn": count, "error": count, "skip": count,
    }});
    let schema = json!({"type": "object", "properties": {"results": results, "summary": summary}});
    let version = json!({
        "name": name, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
    });
    json!({
        "metadata": {
            "name": format!("{plural}.{group}"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {"group": group, "scope": scope, "versions": [version], "names": {
            "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List"),
        }},
    })
}
