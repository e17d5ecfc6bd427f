//! OCSF's Detection Finding (class 2004), which Amazon Security Lake and others store.

use std::net::IpAddr;

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};
use serde_json::{Map, Value, json};

use super::attack;
use super::falco::uuid;
use super::fields::{Fields, file_name, object, unix_time, value};

/// The version that is kept to: the first with several `resources`. Later versions only add to it, so a reader of
/// 1.5 or 1.7 takes it too, while one of 1.3 would refuse theirs.
pub const OCSF_VERSION: &str = "1.3.0";

const CLASS: u32 = 2004;
/// `activity_id`: an alert is always a new finding.
const CREATE: u32 = 1;

/// One finding. Fields that the schema has no place for are in `unmapped`.
pub fn ocsf(alert: &Alert, kinds: FieldKinds) -> Value {
    let fields = Fields::new(alert);
    let id = uuid(alert);
    let time = unix_time(alert) / 1_000_000;
    let (severity, severity_id) = severity(alert.priority);
    let mut finding = json!({
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "category_uid": CLASS / 1000,
        "category_name": "Findings",
        "activity_id": CREATE,
        "activity_name": "Create",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "time": time,
        "message": alert.output,
        "metadata": metadata(alert, &id),
        "finding_info": info(alert, &id, time),
    });
    if !alert.hostname.is_empty() {
        finding["device"] = device(&alert.hostname);
    }
    finding["evidences"] = json!([evidence(alert, &fields, &id)]);
    let resources = resources(&fields);
    if !resources.is_empty() {
        finding["resources"] = resources.into();
    }
    let unmapped = unmapped(alert, &fields, kinds);
    if !unmapped.is_empty() {
        finding["unmapped"] = unmapped.into();
    }
    finding
}

/// What is not written as host names are is a name only.
fn device(hostname: &str) -> Value {
    let is_label = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let mut device = json!({ "name": hostname, "type_id": 0 });
    if hostname.split('.').all(is_label) {
        device["hostname"] = hostname.into();
    }
    device
}

fn severity(priority: i32) -> (&'static str, u8) {
    match priority_name(priority) {
        "Emergency" => ("Fatal", 6),
        "Alert" | "Critical" => ("Critical", 5),
        "Error" => ("High", 4),
        "Warning" => ("Medium", 3),
        "Notice" => ("Low", 2),
        _ => ("Informational", 1),
    }
}

fn metadata(alert: &Alert, id: &str) -> Value {
    let mut metadata = json!({
        "version": OCSF_VERSION,
        "uid": id,
        "log_name": alert.source,
        "original_time": json::time(alert),
        "product": { "name": "Falco", "vendor_name": "Falcosecurity" },
        "profiles": ["host", "container"],
    });
    if !alert.tags.is_empty() {
        metadata["labels"] = alert.tags.clone().into();
    }
    metadata
}

fn info(alert: &Alert, id: &str, time: u64) -> Value {
    let mut info = json!({
        "uid": id,
        "title": alert.rule,
        "desc": alert.output,
        "created_time": time,
        "data_sources": [alert.source],
        "analytic": { "name": alert.rule, "type_id": 1, "type": "Rule" },
    });
    let attacks = attacks(alert);
    if !attacks.is_empty() {
        info["attacks"] = attacks.into();
    }
    info
}

/// A tag does not say which technique belongs to which tactic, so each stands alone.
fn attacks(alert: &Alert) -> Vec<Value> {
    let tactics = attack::tactics(&alert.tags);
    let tactics = tactics.into_iter().map(|(id, name)| json!({ "tactic": { "uid": id, "name": name } }));
    let techniques = attack::techniques(&alert.tags).into_iter().map(|id| match attack::whole(id) {
        Some(whole) => json!({ "technique": { "uid": whole }, "sub_technique": { "uid": id } }),
        None => json!({ "technique": { "uid": id } }),
    });
    tactics.chain(techniques).collect()
}

/// What the event was about. There is always the system call or, without one, the source.
fn evidence(alert: &Alert, fields: &Fields<'_>, id: &str) -> Value {
    let user = object([("name", value(fields.text("user.name"))), ("uid", value(fields.text("user.uid")))]);
    let process = process(fields, id, user.clone());
    let members = [
        ("api", fields.text("evt.type").map(|call| json!({ "operation": call }))),
        ("user", if process.is_none() { user } else { None }),
        ("process", process),
        ("file", fields.path().map(file)),
        ("src_endpoint", fields.client().and_then(endpoint)),
        ("dst_endpoint", fields.server().and_then(endpoint)),
        (
            "connection_info",
            fields.protocol().map(|name| json!({ "direction_id": 0, "protocol_name": name })),
        ),
    ];
    let evidence = object(members).unwrap_or_else(|| json!({ "data": { "source": alert.source } }));
    let Some(container) = container(fields) else { return evidence };
    let mut evidence = evidence;
    evidence["container"] = container;
    evidence
}

/// The schema wants a process id or an id of our own, and Falco's stock rules name no process id.
fn process(fields: &Fields<'_>, id: &str, user: Option<Value>) -> Option<Value> {
    let named = |number: Option<u32>, id: String, members: Option<Value>| match number {
        Some(number) => {
            let mut process = members.unwrap_or_else(|| json!({}));
            process["pid"] = number.into();
            Some(process)
        }
        None => members.map(|mut process| {
            process["uid"] = id.into();
            process
        }),
    };
    let parent = object([
        ("name", value(fields.text("proc.pname"))),
        ("cmd_line", value(fields.text("proc.pcmdline"))),
        ("file", fields.text("proc.pexepath").map(file)),
    ]);
    let process = object([
        ("name", value(fields.text("proc.name"))),
        ("cmd_line", value(fields.text("proc.cmdline"))),
        ("file", fields.text("proc.exepath").map(file)),
        ("parent_process", named(fields.number("proc.ppid"), format!("{id}/parent"), parent)),
    ]);
    let mut process = named(fields.number("proc.pid"), id.to_owned(), process)?;
    if let Some(user) = user {
        process["user"] = user;
    }
    Some(process)
}

fn file(path: &str) -> Value {
    json!({ "path": path, "name": file_name(path), "type_id": 0 })
}

fn endpoint((address, port): (IpAddr, Option<u16>)) -> Option<Value> {
    object([("ip", Some(address.to_string().into())), ("port", value(port))])
}

fn container(fields: &Fields<'_>) -> Option<Value> {
    let id = fields.container()?;
    let name = fields.first(&["container.image.repository", "container.image"]);
    let image_id = fields.first(&["container.image.digest", "container.image.id"]).or(name);
    let image = image_id.and_then(|image| {
        object([
            ("uid", Some(image.into())),
            ("name", value(name)),
            ("tag", value(fields.text("container.image.tag"))),
        ])
    });
    object([
        ("uid", Some(id.into())),
        ("name", value(fields.text("container.name"))),
        ("image", image),
        ("orchestrator", fields.text("k8s.pod.name").map(|_| "kubernetes".into())),
    ])
}

/// The Kubernetes side: the pod and its namespace.
fn resources(fields: &Fields<'_>) -> Vec<Value> {
    let pod =
        object([("name", value(fields.text("k8s.pod.name"))), ("uid", value(fields.text("k8s.pod.uid")))]);
    let namespace = fields.text("k8s.ns.name");
    let mut resources = Vec::new();
    if let Some(mut pod) = pod {
        pod["type"] = "pod".into();
        if let Some(namespace) = namespace {
            pod["namespace"] = namespace.into();
        }
        resources.push(pod);
    } else if let Some(namespace) = namespace {
        resources.push(json!({ "name": namespace, "type": "namespace" }));
    }
    resources
}

/// What is left, as typed as Falco has it. Missing values are left out.
fn unmapped(alert: &Alert, fields: &Fields<'_>, kinds: FieldKinds) -> Map<String, Value> {
    let all = json::fields(alert, kinds).into_iter();
    all.filter(|(name, value)| !value.is_null() && !fields.is_taken(name)).collect()
}
