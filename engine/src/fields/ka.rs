//! `ka.*`: the audit log of Kubernetes (`audit.k8s.io/v1`).

use serde_json::Value as Json;

use super::row::{nobody, row};
use super::{Field, FieldArg, Get, Type, Value, json};
use crate::Event;

/// Sorted by name.
pub(super) const FIELDS: &[Field] = &[
    row("ka.auditid", Type::Charbuf, "the id of the audit event", Get::Json("/auditID")),
    row(
        "ka.auth.decision",
        Type::Charbuf,
        "whether the request was allowed",
        Get::Json("/annotations/authorization.k8s.io~1decision"),
    ),
    row(
        "ka.auth.openshift.decision",
        Type::Charbuf,
        "whether OpenShift allowed the login",
        Get::Json("/annotations/authorization.openshift.io~1decision"),
    ),
    row(
        "ka.auth.openshift.username",
        Type::Charbuf,
        "who logged in to OpenShift",
        Get::Json("/annotations/authentication.openshift.io~1username"),
    ),
    row(
        "ka.auth.reason",
        Type::Charbuf,
        "why the request was allowed or not",
        Get::Json("/annotations/authorization.k8s.io~1reason"),
    ),
    nobody("ka.cluster.name", Type::Charbuf, "the name of the cluster"),
    row(
        "ka.impuser.name",
        Type::Charbuf,
        "the user who is impersonated",
        Get::Json("/impersonatedUser/username"),
    ),
    row(
        "ka.req.binding.role",
        Type::Charbuf,
        "the role that is bound",
        Get::Json("/requestObject/roleRef/name"),
    ),
    row(
        "ka.req.binding.subject.has_name",
        Type::Charbuf,
        "`true` if a subject has the name in brackets",
        Get::Made(|e, which, _| {
            let mut found = false;
            json::each(e.json?, "/requestObject/subjects/*/name", &mut |name| {
                found |= name.as_str() == Some(&*which.text);
            });
            Some(Value::text(if found { "true" } else { "false" }))
        }),
    )
    .needs_arg(),
    row(
        "ka.req.binding.subjects",
        Type::Charbuf,
        "whom the role is bound to, as JSON",
        Get::Json("/requestObject/subjects/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.binding.subjects.group_names",
        Type::Charbuf,
        "names of the subjects of kind Group",
        Get::Many(|e, which, see| subjects(e, "Group", "name", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.binding.subjects.serviceaccount_names",
        Type::Charbuf,
        "names of the subjects of kind ServiceAccount",
        Get::Many(|e, which, see| subjects(e, "ServiceAccount", "name", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.binding.subjects.serviceaccount_ns_names",
        Type::Charbuf,
        "service accounts among the subjects, as namespace:name",
        Get::Many(|e, which, see| subjects(e, "ServiceAccount", "", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.binding.subjects.user_names",
        Type::Charbuf,
        "names of the subjects of kind User",
        Get::Many(|e, which, see| subjects(e, "User", "name", which, see)),
    )
    .arg()
    .list(),
    row("ka.req.configmap.name", Type::Charbuf, "the name of the config map", Get::Json("/objectRef/name")),
    row(
        "ka.req.configmap.obj",
        Type::Charbuf,
        "the data of the config map, as JSON",
        Get::Json("/requestObject/data"),
    ),
    row(
        "ka.req.container.host_network",
        Type::Charbuf,
        "the pod shares the network of the node",
        Get::Json("/requestObject/spec/hostNetwork"),
    ),
    row(
        "ka.req.container.image",
        Type::Charbuf,
        "the images of the containers",
        Get::Json("/requestObject/spec/containers/*/image"),
    )
    .arg()
    .list(),
    row(
        "ka.req.container.image.repository",
        Type::Charbuf,
        "images of the containers, without tags",
        Get::Many(|e, which, see| repositories(e, "containers", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.container.privileged",
        Type::Charbuf,
        "which containers are privileged",
        Get::Json("/requestObject/spec/containers/*/securityContext/privileged"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.add_capabilities",
        Type::Charbuf,
        "capabilities that are added to the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/capabilities/add/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.allow_privilege_escalation",
        Type::Charbuf,
        "whether privileges can grow in the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/allowPrivilegeEscalation"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.args",
        Type::Charbuf,
        "arguments of the containers",
        Get::Json("/requestObject/spec/containers/*/args/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.command",
        Type::Charbuf,
        "commands of the containers",
        Get::Json("/requestObject/spec/containers/*/command/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.eff_run_as_group",
        Type::Charbuf,
        "groups that the containers have in the end: their own, else that of the pod, else 0",
        Get::Many(|e, which, see| effective(e, "containers", "runAsGroup", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.eff_run_as_user",
        Type::Charbuf,
        "users that the containers have in the end: their own, else that of the pod, else 0",
        Get::Many(|e, which, see| effective(e, "containers", "runAsUser", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.host_port",
        Type::Charbuf,
        "ports of the node that are taken by the containers",
        Get::Json("/requestObject/spec/containers/*/ports/*/hostPort"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.image",
        Type::Charbuf,
        "images of the containers",
        Get::Json("/requestObject/spec/containers/*/image"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.image.repository",
        Type::Charbuf,
        "images of the containers, without tags",
        Get::Many(|e, which, see| repositories(e, "containers", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.name",
        Type::Charbuf,
        "names of the containers",
        Get::Json("/requestObject/spec/containers/*/name"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.privileged",
        Type::Charbuf,
        "privileged state of the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/privileged"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.proc_mount",
        Type::Charbuf,
        "mounts of /proc in the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/procMount"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.read_only_fs",
        Type::Charbuf,
        "whether the root file system cannot be written in the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/readOnlyRootFilesystem"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.run_as_group",
        Type::Charbuf,
        "groups of the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/runAsGroup"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.containers.run_as_user",
        Type::Charbuf,
        "users of the containers",
        Get::Json("/requestObject/spec/containers/*/securityContext/runAsUser"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.add_capabilities",
        Type::Charbuf,
        "capabilities that are added to the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/capabilities/add/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.allow_privilege_escalation",
        Type::Charbuf,
        "whether privileges can grow in the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/allowPrivilegeEscalation"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.args",
        Type::Charbuf,
        "arguments of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/args/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.command",
        Type::Charbuf,
        "commands of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/command/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.eff_run_as_group",
        Type::Charbuf,
        "groups that the ephemeral containers have in the end: their own, else that of the pod, else 0",
        Get::Many(|e, which, see| effective(e, "ephemeralContainers", "runAsGroup", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.eff_run_as_user",
        Type::Charbuf,
        "users that the ephemeral containers have in the end: their own, else that of the pod, else 0",
        Get::Many(|e, which, see| effective(e, "ephemeralContainers", "runAsUser", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.host_port",
        Type::Charbuf,
        "ports of the node that are taken by the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/ports/*/hostPort"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.image",
        Type::Charbuf,
        "images of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/image"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.image.repository",
        Type::Charbuf,
        "images of the ephemeral containers, without tags",
        Get::Many(|e, which, see| repositories(e, "ephemeralContainers", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.name",
        Type::Charbuf,
        "names of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/name"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.privileged",
        Type::Charbuf,
        "privileged state of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/privileged"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.proc_mount",
        Type::Charbuf,
        "mounts of /proc in the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/procMount"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.read_only_fs",
        Type::Charbuf,
        "whether the root file system cannot be written in the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/readOnlyRootFilesystem"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.run_as_group",
        Type::Charbuf,
        "groups of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/runAsGroup"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.ephemeralContainers.run_as_user",
        Type::Charbuf,
        "users of the ephemeral containers",
        Get::Json("/requestObject/spec/ephemeralContainers/*/securityContext/runAsUser"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.fs_group",
        Type::Charbuf,
        "the group of the volumes of the pod",
        Get::Json("/requestObject/spec/securityContext/fsGroup"),
    ),
    row(
        "ka.req.pod.host_ipc",
        Type::Charbuf,
        "the pod shares the IPC namespace of the node",
        Get::Json("/requestObject/spec/hostIPC"),
    ),
    row(
        "ka.req.pod.host_network",
        Type::Charbuf,
        "the pod shares the network of the node",
        Get::Json("/requestObject/spec/hostNetwork"),
    ),
    row(
        "ka.req.pod.host_pid",
        Type::Charbuf,
        "the pod shares the pid namespace of the node",
        Get::Json("/requestObject/spec/hostPID"),
    ),
    row(
        "ka.req.pod.initContainers.add_capabilities",
        Type::Charbuf,
        "capabilities that are added to the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/capabilities/add/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.allow_privilege_escalation",
        Type::Charbuf,
        "whether privileges can grow in the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/allowPrivilegeEscalation"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.args",
        Type::Charbuf,
        "arguments of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/args/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.command",
        Type::Charbuf,
        "commands of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/command/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.eff_run_as_group",
        Type::Charbuf,
        "groups that the init containers have in the end: their own, else that of the pod, else 0",
        Get::Many(|e, which, see| effective(e, "initContainers", "runAsGroup", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.eff_run_as_user",
        Type::Charbuf,
        "users that the init containers have in the end: their own, else that of the pod, else 0",
        Get::Many(|e, which, see| effective(e, "initContainers", "runAsUser", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.host_port",
        Type::Charbuf,
        "ports of the node that are taken by the init containers",
        Get::Json("/requestObject/spec/initContainers/*/ports/*/hostPort"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.image",
        Type::Charbuf,
        "images of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/image"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.image.repository",
        Type::Charbuf,
        "images of the init containers, without tags",
        Get::Many(|e, which, see| repositories(e, "initContainers", which, see)),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.name",
        Type::Charbuf,
        "names of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/name"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.privileged",
        Type::Charbuf,
        "privileged state of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/privileged"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.proc_mount",
        Type::Charbuf,
        "mounts of /proc in the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/procMount"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.read_only_fs",
        Type::Charbuf,
        "whether the root file system cannot be written in the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/readOnlyRootFilesystem"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.run_as_group",
        Type::Charbuf,
        "groups of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/runAsGroup"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.initContainers.run_as_user",
        Type::Charbuf,
        "users of the init containers",
        Get::Json("/requestObject/spec/initContainers/*/securityContext/runAsUser"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.run_as_group",
        Type::Charbuf,
        "the group of the pod",
        Get::Json("/requestObject/spec/securityContext/runAsGroup"),
    ),
    row(
        "ka.req.pod.run_as_user",
        Type::Charbuf,
        "the user of the pod",
        Get::Json("/requestObject/spec/securityContext/runAsUser"),
    ),
    row(
        "ka.req.pod.supplemental_groups",
        Type::Charbuf,
        "further groups of the pod",
        Get::Json("/requestObject/spec/securityContext/supplementalGroups/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.volumes.flexvolume_driver",
        Type::Charbuf,
        "the drivers of flex volumes",
        Get::Json("/requestObject/spec/volumes/*/flexVolume/driver"),
    )
    .arg()
    .list(),
    row(
        "ka.req.pod.volumes.hostpath",
        Type::Charbuf,
        "the paths of the node that are mounted",
        Get::Json("/requestObject/spec/volumes/*/hostPath/path"),
    )
    .arg()
    .list(),
    row("ka.req.pod.volumes.volume_type", Type::Charbuf, "the types of the volumes", Get::Many(volume_types))
        .arg()
        .list(),
    row(
        "ka.req.role.rules",
        Type::Charbuf,
        "the rules of the role, as JSON",
        Get::Json("/requestObject/rules/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.role.rules.apiGroups",
        Type::Charbuf,
        "the API groups of the role",
        Get::Json("/requestObject/rules/*/apiGroups/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.role.rules.nonResourceURLs",
        Type::Charbuf,
        "the addresses of the role that are no objects",
        Get::Json("/requestObject/rules/*/nonResourceURLs/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.role.rules.resources",
        Type::Charbuf,
        "the kinds of object of the role",
        Get::Json("/requestObject/rules/*/resources/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.role.rules.verbs",
        Type::Charbuf,
        "the verbs of the role",
        Get::Json("/requestObject/rules/*/verbs/*"),
    )
    .arg()
    .list(),
    row(
        "ka.req.service.ports",
        Type::Charbuf,
        "the ports of the service",
        Get::Json("/requestObject/spec/ports/*/port"),
    )
    .arg()
    .list(),
    row(
        "ka.req.service.type",
        Type::Charbuf,
        "the type of the service",
        Get::Json("/requestObject/spec/type"),
    ),
    row(
        "ka.req.volume.hostpath",
        Type::Charbuf,
        "the paths of the node that are mounted",
        Get::Json("/requestObject/spec/volumes/*/hostPath/path"),
    )
    .arg()
    .list(),
    row("ka.resp.name", Type::Charbuf, "the name in the answer", Get::Json("/responseObject/metadata/name")),
    row("ka.response.code", Type::Charbuf, "the code of the answer", Get::Json("/responseStatus/code")),
    row("ka.response.reason", Type::Charbuf, "the reason in the answer", Get::Json("/responseStatus/reason")),
    row(
        "ka.security.pod.violations",
        Type::Charbuf,
        "what the pod violates of the security standards",
        Get::Json("/annotations/pod-security.kubernetes.io~1audit-violations"),
    ),
    row("ka.sourceips", Type::Charbuf, "where the request came from", Get::Json("/sourceIPs/*")).arg().list(),
    row("ka.stage", Type::Charbuf, "the stage of the request", Get::Json("/stage")),
    row("ka.target.name", Type::Charbuf, "the name of the object", Get::Json("/objectRef/name")),
    row(
        "ka.target.namespace",
        Type::Charbuf,
        "the namespace of the object",
        Get::Json("/objectRef/namespace"),
    ),
    row(
        "ka.target.pod.name",
        Type::Charbuf,
        "the name of the pod",
        Get::Made(|e, _, _| {
            let json = e.json?;
            let target = json.get("objectRef")?;
            let is_pod = target.get("resource")?.as_str()? == "pods";
            is_pod.then_some(Value::text(target.get("name")?.as_str()?))
        }),
    ),
    row(
        "ka.target.resource",
        Type::Charbuf,
        "the kind of the object, such as pods",
        Get::Json("/objectRef/resource"),
    ),
    row(
        "ka.target.subresource",
        Type::Charbuf,
        "the part of the object, such as exec",
        Get::Json("/objectRef/subresource"),
    ),
    row("ka.uri", Type::Charbuf, "the address of the request", Get::Json("/requestURI")),
    row(
        "ka.uri.param",
        Type::Charbuf,
        "a parameter of the address of the request: ka.uri.param[NAME]",
        Get::Made(|e, which, out| parameter(e.json?.get("requestURI")?.as_str()?, &which.text, out)),
    )
    .needs_arg(),
    row("ka.user.groups", Type::Charbuf, "the groups of who made the request", Get::Json("/user/groups/*"))
        .arg()
        .list(),
    row("ka.user.name", Type::Charbuf, "who made the request", Get::Json("/user/username")),
    row("ka.useragent", Type::Charbuf, "the program that made the request", Get::Json("/userAgent")),
    row(
        "ka.validations.admission.policy.failure",
        Type::Charbuf,
        "which admission policies failed",
        Get::Json("/annotations/validation.policy.admission.k8s.io~1validation_failure"),
    ),
    row("ka.verb", Type::Charbuf, "what was done, such as create", Get::Json("/verb")),
];

type See<'a> = &'a mut dyn FnMut(Value<'_>);

/// Counts values, and lets only the one through that the argument asks for, if it asks for one.
fn chosen<'a>(which: &'a FieldArg, see: See<'a>) -> impl FnMut(Value<'_>) + 'a {
    let mut count = 0;
    move |value| {
        if which.index.is_none_or(|index| index == count) {
            see(value);
        }
        count += 1;
    }
}

/// Every value at a path.
pub(super) fn at(event: &Event<'_>, path: &str, which: &FieldArg, see: See<'_>) -> bool {
    let Some(object) = event.json else { return false };
    let mut see = chosen(which, see);
    json::each(object, path, &mut |value| {
        let mut out = Vec::new();
        if let Some(value) = json::written(value, &mut out) {
            see(value);
        }
    })
}

/// An image without its tag and digest. A colon before the last `/` is a port.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rfind(':') {
        Some(at) if !image[at..].contains('/') => &image[..at],
        _ => image,
    }
}

fn repositories(event: &Event<'_>, containers: &str, which: &FieldArg, see: See<'_>) -> bool {
    let Some(object) = event.json else { return false };
    let mut see = chosen(which, see);
    json::each(object, &format!("/requestObject/spec/{containers}/*/image"), &mut |image| {
        see(Value::text(repository(image.as_str().unwrap_or_default())));
    })
}

fn effective(event: &Event<'_>, containers: &str, key: &str, which: &FieldArg, see: See<'_>) -> bool {
    let Some(object) = event.json else { return false };
    let pod = object.pointer(&format!("/requestObject/spec/securityContext/{key}"));
    let mut see = chosen(which, see);
    json::each(object, &format!("/requestObject/spec/{containers}/*"), &mut |container| {
        let own = container.pointer(&format!("/securityContext/{key}"));
        let id = own.or(pod).and_then(Json::as_i64).unwrap_or(0);
        see(Value::text(&id.to_string()));
    })
}

/// The names of the subjects of a kind, as namespace:name if no key says otherwise.
fn subjects(event: &Event<'_>, kind: &str, key: &str, which: &FieldArg, see: See<'_>) -> bool {
    let Some(object) = event.json else { return false };
    let mut see = chosen(which, see);
    json::each(object, "/requestObject/subjects/*", &mut |subject| {
        let text = |key: &str| subject.get(key).and_then(Json::as_str).unwrap_or_default();
        if text("kind") == kind {
            match key {
                "" => see(Value::text(&format!("{}:{}", text("namespace"), text("name")))),
                key => see(Value::text(text(key))),
            }
        }
    })
}

fn volume_types(event: &Event<'_>, which: &FieldArg, see: See<'_>) -> bool {
    let Some(object) = event.json else { return false };
    let mut see = chosen(which, see);
    json::each(object, "/requestObject/spec/volumes/*", &mut |volume| {
        for key in volume.as_object().into_iter().flat_map(serde_json::Map::keys).filter(|key| *key != "name")
        {
            see(Value::text(key));
        }
    })
}

/// A parameter behind the `?`, its `%XX` and `+` resolved.
fn parameter<'a>(uri: &str, name: &str, out: &'a mut Vec<u8>) -> Option<Value<'a>> {
    let (_, query) = uri.split_once('?')?;
    let (_, value) =
        query.split('&').filter_map(|part| part.split_once('=')).find(|(key, _)| *key == name)?;
    let bytes = value.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
        at += 1;
    }
    Some(Value::Text(out))
}
