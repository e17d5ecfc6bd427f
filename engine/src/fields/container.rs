//! `container.*` and `k8s.*`: the container in which the process runs, and its pod.

use super::row::{made, nobody, text};
use super::{Field, Type, Value};

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    nobody("container.cni.json", Type::Charbuf, "what the network plugin answered, as JSON"),
    nobody("container.duration", Type::Reltime, "nanoseconds since the container started"),
    nobody("container.full_id", Type::Charbuf, "the whole id of the container"),
    nobody("container.healthcheck", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("container.host_ipc", Type::Bool, "it shares the IPC namespace of the host"),
    nobody("container.host_network", Type::Bool, "it shares the network of the host"),
    nobody("container.host_pid", Type::Bool, "it shares the pid namespace of the host"),
    text("container.id", "the first 12 digits of the container's id; `host` outside of containers", |e| {
        let id = &e.process?.container_id;
        Some(Value::text(if id.is_empty() { "host" } else { id }))
    })
    .suggested(),
    nobody("container.image", Type::Charbuf, "the image, as repository:tag"),
    nobody("container.image.digest", Type::Charbuf, "the digest of the image"),
    nobody("container.image.id", Type::Charbuf, "the id of the image"),
    nobody("container.image.repository", Type::Charbuf, "the image without its tag").suggested(),
    nobody("container.image.tag", Type::Charbuf, "the tag of the image").suggested(),
    made("container.info", "always empty: outputs get their container by the suggested fields", |_, _, _| {
        Some(Value::text(""))
    })
    .deprecated(),
    nobody("container.ip", Type::Charbuf, "the first address of the container"),
    nobody("container.label", Type::Charbuf, "a label of the container: container.label[NAME]").needs_arg(),
    nobody("container.labels", Type::Charbuf, "every label of the container"),
    nobody("container.liveness_probe", Type::Charbuf, "never there: kept for rules that name it")
        .deprecated(),
    nobody(
        "container.mount",
        Type::Charbuf,
        "a mount, as source:dest:mode:rw:propagation: by index or source",
    )
    .needs_arg(),
    nobody("container.mount.dest", Type::Charbuf, "the destination of a mount, by its source").needs_arg(),
    nobody("container.mount.mode", Type::Charbuf, "the mode of a mount").needs_arg(),
    nobody("container.mount.propagation", Type::Charbuf, "the propagation of a mount").needs_arg(),
    nobody("container.mount.rdwr", Type::Charbuf, "whether a mount can be written").needs_arg(),
    nobody("container.mount.source", Type::Charbuf, "the source of a mount, by its destination").needs_arg(),
    nobody("container.mounts", Type::Charbuf, "every mount, joined by commas"),
    text("container.name", "the name of the container; `host` outside of containers", |e| {
        e.process?.container_id.is_empty().then(|| Value::text("host"))
    })
    .suggested(),
    nobody("container.privileged", Type::Bool, "it runs with all privileges"),
    nobody("container.readiness_probe", Type::Charbuf, "never there: kept for rules that name it")
        .deprecated(),
    nobody("container.start_ts", Type::Abstime, "when the container started"),
    text(
        "container.type",
        "what runs the container, such as docker or containerd; `host` outside of containers",
        |e| e.process?.container_id.is_empty().then(|| Value::text("host")),
    ),
];

/// Sorted by name.
pub(super) const K8S: &[Field] = &[
    nobody("k8s.deployment.id", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.deployment.label", Type::Charbuf, "never there: kept for rules that name it")
        .arg()
        .deprecated(),
    nobody("k8s.deployment.labels", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.deployment.name", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.ns.id", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.ns.label", Type::Charbuf, "never there: kept for rules that name it").arg().deprecated(),
    nobody("k8s.ns.labels", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.ns.name", Type::Charbuf, "the namespace of the pod").suggested(),
    nobody("k8s.pod.cni.json", Type::Charbuf, "what the network plugin answered for the pod, as JSON"),
    nobody("k8s.pod.full_sandbox_id", Type::Charbuf, "the whole id of the sandbox of the pod"),
    nobody("k8s.pod.id", Type::Charbuf, "the unique id of the pod"),
    nobody("k8s.pod.ip", Type::Charbuf, "the address of the pod"),
    nobody("k8s.pod.label", Type::Charbuf, "a label of the pod: k8s.pod.label[NAME]").needs_arg(),
    nobody("k8s.pod.labels", Type::Charbuf, "every label of the pod"),
    nobody("k8s.pod.name", Type::Charbuf, "the name of the pod").suggested(),
    nobody("k8s.pod.sandbox_id", Type::Charbuf, "the first 12 digits of the id of the sandbox of the pod"),
    nobody("k8s.pod.uid", Type::Charbuf, "the unique id of the pod"),
    nobody("k8s.rc.id", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.rc.label", Type::Charbuf, "never there: kept for rules that name it").arg().deprecated(),
    nobody("k8s.rc.labels", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.rc.name", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.rs.id", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.rs.label", Type::Charbuf, "never there: kept for rules that name it").arg().deprecated(),
    nobody("k8s.rs.labels", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.rs.name", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.svc.id", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.svc.label", Type::Charbuf, "never there: kept for rules that name it").arg().deprecated(),
    nobody("k8s.svc.labels", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    nobody("k8s.svc.name", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
];
