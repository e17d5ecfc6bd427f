//! Alerts as log records.

use std::collections::HashMap;

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};
use serde_json::Value;

use super::wire::{
    Any, AnyValue, KeyValue, LogRecord, LogsRequest, ResourceLogs, ScopeLogs, attribute, resource, scope,
    text,
};
use crate::format::falco::uuid;
use crate::format::fields::unix_time;

/// One request for several alerts. Those of one host stand together, in their order.
pub fn logs<'a>(alerts: impl IntoIterator<Item = &'a Alert>, kinds: FieldKinds) -> LogsRequest {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut hosts: Vec<(&str, Vec<LogRecord>)> = Vec::new();
    for alert in alerts {
        let place = *places.entry(&alert.hostname).or_insert_with(|| {
            hosts.push((&alert.hostname, Vec::new()));
            hosts.len() - 1
        });
        hosts[place].1.push(record(alert, kinds));
    }
    let resource_logs = hosts.into_iter().map(|(hostname, log_records)| ResourceLogs {
        resource: Some(resource(hostname)),
        scope_logs: vec![ScopeLogs { scope: Some(scope()), log_records }],
    });
    LogsRequest { resource_logs: resource_logs.collect() }
}

fn record(alert: &Alert, kinds: FieldKinds) -> LogRecord {
    LogRecord {
        time_unix_nano: unix_time(alert),
        severity_number: severity(alert.priority),
        severity_text: priority_name(alert.priority).to_owned(),
        body: Some(AnyValue { value: Some(Any::Text(alert.output.clone())) }),
        attributes: attributes(alert, kinds),
    }
}

/// As OpenTelemetry's specification maps syslog's severities.
fn severity(priority: i32) -> i32 {
    match priority_name(priority) {
        "Emergency" => 21,
        "Alert" => 19,
        "Critical" => 18,
        "Error" => 17,
        "Warning" => 13,
        "Notice" => 10,
        "Informational" => 9,
        _ => 5,
    }
}

/// falcosidekick's attributes, the id by which a repetition is known, and each field under its own name.
fn attributes(alert: &Alert, kinds: FieldKinds) -> Vec<KeyValue> {
    let tags = alert.tags.join(",");
    let id = uuid(alert);
    let texts = [
        ("log.record.uid", id.as_str()),
        ("rule", &alert.rule),
        ("source", &alert.source),
        ("priority", priority_name(alert.priority)),
        ("hostname", &alert.hostname),
        ("tags", &tags),
    ];
    let mut attributes: Vec<KeyValue> =
        texts.iter().filter(|(_, text)| !text.is_empty()).map(|(key, value)| text(key, value)).collect();
    for (name, value) in json::fields(alert, kinds) {
        // A key stands once.
        if texts.iter().all(|(key, _)| *key != name)
            && let Some(value) = any(value)
        {
            attributes.push(attribute(&name, value));
        }
    }
    attributes
}

/// A missing value is no attribute. A number that no 64 bits hold stays text.
fn any(value: Value) -> Option<Any> {
    match value {
        Value::String(text) => Some(Any::Text(text)),
        Value::Bool(truth) => Some(Any::Bool(truth)),
        Value::Number(number) => {
            Some(match (number.as_i64(), number.is_f64().then(|| number.as_f64()).flatten()) {
                (Some(number), _) => Any::Int(number),
                (None, Some(number)) => Any::Double(number),
                (None, None) => Any::Text(number.to_string()),
            })
        }
        _ => None,
    }
}
