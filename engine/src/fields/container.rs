//! `container.*` and `k8s.*`: the container in which the process runs, and its pod.
//!
//! `container.id` follows from the process. All else is what the container's runtime says, and may still be
//! on its way: whoever reads it asks for it.

use super::accessor::ancestors;
use super::evt_arg::print;
use super::row::{made, nobody, number, text, truth};
use super::{Field, FieldArg, Type, Value};
use crate::graph::Glob;
use crate::{Container, Event, Labels, Mount, Pod};

/// The keys of labels that lists of labels leave out begin so.
const HIDDEN_LABELS: &[&str] = &["annotation.", "io.kubernetes."];

/// Characters that are shown of an id.
const SHORT: usize = 12;

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    text("container.cni.json", "what the network plugin answered, as JSON", |e| known(&of(e)?.cni_json)),
    number("container.duration", Type::Reltime, "nanoseconds since the container started", |e| {
        Some(Value::number(e.time_ns.saturating_sub(start_ns(e)?)))
    }),
    text("container.full_id", "the whole id of the container", |e| known(&of(e)?.full_id)),
    nobody("container.healthcheck", Type::Charbuf, "never there: kept for rules that name it").deprecated(),
    truth("container.host_ipc", "it shares the IPC namespace of the host", |e| {
        of(e)?.host_ipc.map(Value::Bool)
    }),
    truth("container.host_network", "it shares the network of the host", |e| {
        of(e)?.host_network.map(Value::Bool)
    }),
    truth("container.host_pid", "it shares the pid namespace of the host", |e| {
        of(e)?.host_pid.map(Value::Bool)
    }),
    text("container.id", "the first 12 digits of the container's id; `host` outside of containers", |e| {
        let id = &e.process?.container_id;
        Some(Value::text(if id.is_empty() { "host" } else { id }))
    })
    .suggested(),
    text("container.image", "the image, as repository:tag", |e| known(&of(e)?.image)),
    text("container.image.digest", "the digest of the image", |e| known(&of(e)?.digest)),
    text("container.image.id", "the id of the image", |e| known(&of(e)?.image_id)),
    text("container.image.repository", "the image without its tag", |e| known(&of(e)?.repository))
        .suggested(),
    text("container.image.tag", "the tag of the image", |e| known(&of(e)?.tag)).suggested(),
    made("container.info", "always empty: outputs get their container by the suggested fields", |_, _, _| {
        Some(Value::text(""))
    })
    .deprecated(),
    text("container.ip", "the first address of the container", |e| known(&of(e)?.ip)),
    made("container.label", "a label of the container: container.label[NAME]", |e, arg, _| {
        of(e)?.labels.get(&arg.text).map(Value::text)
    })
    .needs_arg(),
    made("container.labels", "every label of the container", |e, _, out| {
        Some(all_labels(&of(e)?.labels, out))
    }),
    nobody("container.liveness_probe", Type::Charbuf, "never there: kept for rules that name it")
        .deprecated(),
    made(
        "container.mount",
        "a mount, as source:dest:mode:rw:propagation: by index or source",
        |e, arg, out| {
            add_mount(mount_from(e, arg)?, out);
            Some(Value::Text(out))
        },
    )
    .needs_arg(),
    made("container.mount.dest", "the destination of a mount, by its source", |e, arg, _| {
        known(&mount_from(e, arg)?.destination)
    })
    .needs_arg(),
    made("container.mount.mode", "the mode of a mount", |e, arg, _| {
        Some(Value::text(&mount_from(e, arg)?.mode))
    })
    .needs_arg(),
    made("container.mount.propagation", "the propagation of a mount", |e, arg, _| {
        Some(Value::text(&mount_from(e, arg)?.propagation))
    })
    .needs_arg(),
    made("container.mount.rdwr", "whether a mount can be written", |e, arg, _| {
        Some(Value::text(mount_from(e, arg)?.rdwr()))
    })
    .needs_arg(),
    made("container.mount.source", "the source of a mount, by its destination", |e, arg, _| {
        known(&mount(e, arg, |mount| &mount.destination)?.source)
    })
    .needs_arg(),
    made("container.mounts", "every mount, joined by commas", |e, _, out| {
        for (at, mount) in of(e)?.mounts.iter().enumerate() {
            out.extend((at > 0).then_some(b','));
            add_mount(mount, out);
        }
        Some(Value::Text(out))
    }),
    text("container.name", "the name of the container; `host` outside of containers", |e| {
        if is_host(e)? { Some(Value::text("host")) } else { known(&of(e)?.name) }
    })
    .suggested(),
    truth("container.privileged", "it runs with all privileges", |e| of(e)?.privileged.map(Value::Bool)),
    nobody("container.readiness_probe", Type::Charbuf, "never there: kept for rules that name it")
        .deprecated(),
    number("container.start_ts", Type::Abstime, "when the container started", |e| {
        start_ns(e).map(Value::number)
    }),
    text(
        "container.type",
        "what runs the container, such as docker or containerd; `host` outside of containers",
        |e| if is_host(e)? { Some(Value::text("host")) } else { known(&of(e)?.runtime) },
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
    text("k8s.ns.name", "the namespace of the pod", |e| known(&pod(e)?.namespace)).suggested(),
    text("k8s.pod.cni.json", "what the network plugin answered for the pod, as JSON", |e| {
        pod(e)?;
        known(&of(e)?.cni_json)
    }),
    text("k8s.pod.full_sandbox_id", "the whole id of the sandbox of the pod", |e| known(&pod(e)?.sandbox_id)),
    text("k8s.pod.id", "the unique id of the pod", |e| known(&pod(e)?.uid)),
    text("k8s.pod.ip", "the address of the pod", |e| known(&pod(e)?.ip)),
    made("k8s.pod.label", "a label of the pod: k8s.pod.label[NAME]", |e, arg, _| {
        pod(e)?.labels.get(&arg.text).map(Value::text)
    })
    .needs_arg(),
    made("k8s.pod.labels", "every label of the pod", |e, _, out| Some(all_labels(&pod(e)?.labels, out))),
    text("k8s.pod.name", "the name of the pod", |e| known(&pod(e)?.name)).suggested(),
    text("k8s.pod.sandbox_id", "the first 12 digits of the id of the sandbox of the pod", |e| {
        let id = &pod(e)?.sandbox_id;
        known(id.get(..SHORT).unwrap_or(id))
    }),
    text("k8s.pod.uid", "the unique id of the pod", |e| known(&pod(e)?.uid)),
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

/// The container, as far as somebody knows it.
fn of<'a>(event: &Event<'a>) -> Option<&'a Container> {
    event.container.ask()
}

/// The pod of the container, if it is in one.
fn pod<'a>(event: &Event<'a>) -> Option<&'a Pod> {
    of(event).map(|container| &container.pod).filter(|pod| !pod.name.is_empty())
}

/// `None` if there is no process.
fn is_host(event: &Event<'_>) -> Option<bool> {
    Some(event.process?.container_id.is_empty())
}

/// What a runtime does not say is missing.
fn known(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then(|| Value::text(text))
}

/// When the first process of the container's pid namespace started, else what the runtime says.
fn start_ns(event: &Event<'_>) -> Option<u64> {
    let container = &event.process?.container_id;
    if container.is_empty() {
        return None;
    }
    let first = ancestors(event)
        .take_while(|process| process.container_id == *container)
        .find(|process| process.vpid == 1 && process.start_ns != 0);
    match first {
        Some(process) => Some(process.start_ns),
        None => Some(of(event)?.start_ns).filter(|start_ns| *start_ns != 0),
    }
}

/// The mount of an index or, by a pattern, of a source.
fn mount_from<'a>(event: &Event<'a>, arg: &FieldArg) -> Option<&'a Mount> {
    mount(event, arg, |mount| &mount.source)
}

/// The mount of an index, or the first of which `end` fits a pattern.
fn mount<'a>(event: &Event<'a>, arg: &FieldArg, end: fn(&Mount) -> &String) -> Option<&'a Mount> {
    let mounts = &of(event)?.mounts;
    if let Some(index) = arg.index {
        return mounts.get(index);
    }
    let pattern = Glob::new(arg.text.as_bytes(), false);
    mounts.iter().find(|mount| pattern.is_match(end(mount).as_bytes()))
}

fn add_mount(mount: &Mount, out: &mut Vec<u8>) {
    let Mount { source, destination, mode, propagation, .. } = mount;
    let rdwr = mount.rdwr();
    print(out, format_args!("{source}:{destination}:{mode}:{rdwr}:{propagation}"));
}

/// Each label as key:value, but for those that are the runtime's own.
fn all_labels<'a>(labels: &Labels, out: &'a mut Vec<u8>) -> Value<'a> {
    let is_shown = |key: &str| !HIDDEN_LABELS.iter().any(|hidden| key.starts_with(hidden));
    for (key, value) in labels.iter().filter(|(key, _)| is_shown(key)) {
        let comma = if out.is_empty() { "" } else { ", " };
        print(out, format_args!("{comma}{key}:{value}"));
    }
    Value::Text(out)
}
