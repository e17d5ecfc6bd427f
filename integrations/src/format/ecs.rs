//! Elastic Common Schema: an alert as a document for Elasticsearch and `OpenSearch`.

use std::net::IpAddr;

use cadge_proto::json::{self, FieldKinds};
use cadge_proto::{Alert, priority_name};
use serde_json::{Map, Value, json};

use super::attack;
use super::falco::uuid;
use super::fields::{Fields, file_name, object, value};

/// The version that is kept to. The whole of it is also in 9.x, and Elasticsearch 8 and 9 know it.
pub const ECS_VERSION: &str = "8.11.0";

/// One document. What the schema has a place for is there, and every field under `falco.output_fields` too.
pub fn ecs(alert: &Alert, kinds: FieldKinds) -> Value {
    let fields = Fields::new(alert);
    let mut document = Map::new();
    let members = [
        ("@timestamp", Some(json::time(alert).into())),
        ("message", Some(alert.output.clone().into())),
        ("tags", (!alert.tags.is_empty()).then(|| alert.tags.clone().into())),
        ("ecs", Some(json!({ "version": ECS_VERSION }))),
        ("event", Some(event(alert, &fields))),
        ("rule", (!alert.rule.is_empty()).then(|| json!({ "name": alert.rule }))),
        (
            "host",
            (!alert.hostname.is_empty())
                .then(|| json!({ "name": alert.hostname, "hostname": alert.hostname })),
        ),
        ("process", process(&fields)),
        ("user", user(&fields)),
        (
            "group",
            object([("name", value(fields.text("group.name"))), ("id", value(fields.text("group.gid")))]),
        ),
        ("container", container(&fields)),
        ("orchestrator", orchestrator(&fields)),
        ("file", fields.path().map(file)),
        ("source", fields.client().and_then(endpoint)),
        ("destination", fields.server().and_then(endpoint)),
        ("network", object([("transport", fields.protocol().map(Value::from))])),
        ("threat", threat(alert)),
        ("falco", Some(raw(alert, kinds))),
    ];
    document.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(document)
}

/// The severity is the one of `cef`: the higher, the worse.
fn event(alert: &Alert, fields: &Fields<'_>) -> Value {
    let mut event = json!({
        "id": uuid(alert),
        "kind": "alert",
        "module": "falco",
        "dataset": "falco.alerts",
        "provider": alert.source,
        "severity": super::cef::severity(alert.priority),
    });
    if let Some(action) = fields.text("evt.type") {
        event["action"] = action.into();
    }
    event
}

fn process(fields: &Fields<'_>) -> Option<Value> {
    let parent = object([
        ("name", value(fields.text("proc.pname"))),
        ("pid", value(fields.number("proc.ppid"))),
        ("executable", value(fields.text("proc.pexepath"))),
        ("command_line", value(fields.text("proc.pcmdline"))),
    ]);
    object([
        ("name", value(fields.text("proc.name"))),
        ("pid", value(fields.number("proc.pid"))),
        ("executable", value(fields.first(&["proc.exepath", "proc.exe"]))),
        ("command_line", value(fields.text("proc.cmdline"))),
        ("working_directory", value(fields.text("proc.cwd"))),
        ("parent", parent),
    ])
}

fn user(fields: &Fields<'_>) -> Option<Value> {
    object([("name", value(fields.text("user.name"))), ("id", value(fields.text("user.uid")))])
}

fn container(fields: &Fields<'_>) -> Option<Value> {
    let image = object([
        ("name", value(fields.first(&["container.image.repository", "container.image"]))),
        ("tag", fields.text("container.image.tag").map(|tag| json!([tag]))),
    ]);
    object([
        ("id", value(fields.container())),
        ("name", value(fields.container().and_then(|_| fields.text("container.name")))),
        ("image", image),
    ])
}

fn orchestrator(fields: &Fields<'_>) -> Option<Value> {
    let pod = fields.text("k8s.pod.name");
    let id = fields.text("k8s.pod.uid");
    let resource = object([
        ("name", value(pod)),
        ("id", value(id)),
        ("type", (pod.is_some() || id.is_some()).then(|| "pod".into())),
    ]);
    let mut orchestrator = object([
        ("namespace", value(fields.text("k8s.ns.name"))),
        ("cluster", object([("name", value(fields.text("k8s.cluster.name")))])),
        ("resource", resource),
    ])?;
    orchestrator["type"] = "kubernetes".into();
    Some(orchestrator)
}

fn file(path: &str) -> Value {
    let directory =
        path.rsplit_once('/').map(|(directory, _)| if directory.is_empty() { "/" } else { directory });
    json!({ "path": path, "name": file_name(path), "directory": directory })
}

fn endpoint((address, port): (IpAddr, Option<u16>)) -> Option<Value> {
    let address = Some(Value::from(address.to_string()));
    object([("address", address.clone()), ("ip", address), ("port", value(port))])
}

fn threat(alert: &Alert) -> Option<Value> {
    let tactics = attack::tactics(&alert.tags);
    let (parts, whole): (Vec<&str>, Vec<&str>) =
        attack::techniques(&alert.tags).into_iter().partition(|id| attack::whole(id).is_some());
    let mut whole: Vec<&str> = parts.iter().filter_map(|id| attack::whole(id)).chain(whole).collect();
    whole.sort_unstable();
    whole.dedup();
    let ids = |ids: Vec<&str>| (!ids.is_empty()).then(|| json!(ids));
    let names: Vec<&str> = tactics.iter().map(|tactic| tactic.1).collect();
    let tactic = object([("id", ids(tactics.iter().map(|tactic| tactic.0).collect())), ("name", ids(names))]);
    let technique = object([("id", ids(whole)), ("subtechnique", object([("id", ids(parts))]))]);
    let mut threat = object([("tactic", tactic), ("technique", technique)])?;
    threat["framework"] = "MITRE ATT&CK".into();
    Some(threat)
}

/// Everything under Falco's own names. Elasticsearch reads the dots in a name as objects: where one name is the
/// beginning of another, the shorter gets `_`, or the document would be refused.
fn raw(alert: &Alert, kinds: FieldKinds) -> Value {
    let mut fields = Map::new();
    for (name, value) in json::fields(alert, kinds) {
        let is_object = alert
            .output_fields
            .keys()
            .any(|other| other.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.')));
        let name = if is_object { name.replace('.', "_") } else { name };
        fields.insert(name, value);
    }
    json!({ "priority": priority_name(alert.priority), "output_fields": fields })
}
