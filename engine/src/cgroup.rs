//! The container in which a process runs, by the path of its cgroup: what `container.id` says.
//!
//! Each runtime names cgroups in its own way. They are tried in the order of Falco's container plugin; the
//! first that fits wins.

/// Digits of the ids that most runtimes give.
const ID_DIGITS: usize = 64;

/// Characters that Falco shows of an id.
const SHORT: usize = 12;

/// What stands before and behind an id of 64 hexadecimal digits: Podman, Docker, and what CRI runs.
const AROUND: &[(&str, &str)] = &[
    ("/libpod-", ".scope"),
    ("/libpod-", ".scope/container"),
    ("/libpod-", ""),
    ("/libpod-payload-", ".scope"),
    ("/libpod-payload-", ".scope/container"),
    ("/libpod-payload-", ""),
    ("/", ""),
    ("/docker-", ".scope"),
    ("/crio-", ""),
    ("/cri-containerd-", ".scope"),
    ("/crio-", ".scope"),
    (":cri-containerd:", ""),
    ("/nerdctl-", ".scope"),
];

/// What systemd calls its own: no ids of containers.
const UNITS: &[&str] = &[".service", ".slice", ".scope"];

/// The id of the container, at most 12 characters; `None` on the host.
pub fn container_id(path: &[u8]) -> Option<&str> {
    let path = std::str::from_utf8(path).ok()?;
    around(path).or_else(|| containerd(path)).or_else(|| named(path)).and_then(short)
}

/// The same of a path in a hierarchy of version 1, where others than runtimes make cgroups too: only names
/// that no one else gives count.
pub fn container_id_of_v1(path: &[u8]) -> Option<&str> {
    let path = std::str::from_utf8(path).ok()?;
    around(path).or_else(|| named(path)).and_then(short)
}

/// Names may have any characters: what is shown ends where one begins.
fn short(id: &str) -> Option<&str> {
    (0..=SHORT.min(id.len())).rev().find_map(|end| id.get(..end)).filter(|id| !id.is_empty())
}

fn around(path: &str) -> Option<&str> {
    AROUND.iter().find_map(|(before, behind)| between(path, before, behind))
}

fn named(path: &str) -> Option<&str> {
    lxc(path).or_else(|| libvirt(path)).or_else(|| bpm(path)).or_else(|| above(path))
}

fn between<'a>(path: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let start = path.rfind(before)? + before.len();
    let id = path.get(start..)?.strip_suffix(behind)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (id.len() == ID_DIGITS && id.bytes().all(is_digit)).then_some(id)
}

/// A container may have cgroups of its own: the innermost one above that is a container's counts.
fn above(path: &str) -> Option<&str> {
    let parents = std::iter::successors(Some(path), |path| Some(path.rsplit_once('/')?.0)).skip(1);
    let mut parents = parents.filter(|path| !path.is_empty());
    parents.find_map(around)
}

/// `/NAMESPACE/ID`.
fn containerd(path: &str) -> Option<&str> {
    let (namespace, id) = path.strip_prefix('/')?.split_once('/')?;
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_id = !id.is_empty() && id.len() <= ID_DIGITS && !id.contains('/');
    let is_unit = UNITS.iter().any(|unit| id.ends_with(unit));
    (namespace.split(['.', '_', '-']).all(is_word) && is_id && !is_unit).then_some(id)
}

fn lxc(path: &str) -> Option<&str> {
    let rest = ["/lxc/", "/lxc.payload/", "/lxc.payload."]
        .iter()
        .find_map(|before| Some(&path[path.find(before)? + before.len()..]))?;
    rest.split('/').next().filter(|id| !id.is_empty())
}

/// systemd writes a hyphen in a name so.
const ESCAPED: &str = "-lxc\\x2d";

fn libvirt(path: &str) -> Option<&str> {
    if let Some(rest) = path.strip_suffix(".libvirt-lxc") {
        return rest.rsplit('/').next().filter(|id| !id.is_empty());
    }
    if let Some(at) = path.find(ESCAPED) {
        let rest = &path[at + ESCAPED.len()..];
        return rest.split_once(".scope").map(|(id, _)| id).filter(|id| !id.is_empty());
    }
    path.split_once("/libvirt/lxc/").map(|(_, id)| id).filter(|id| !id.is_empty())
}

fn bpm(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("bpm-")?;
    let id = rest.split(".scope").next()?;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (!id.is_empty() && id.bytes().all(is_id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runtime_is_known() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("/system.slice/docker-{id}.scope"),
            format!("/docker/{id}"),
            format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
            format!("/kubepods/burstable/pod1/{id}"),
            format!("/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:{id}"),
            format!("/machine.slice/libpod-{id}.scope/container"),
            format!("/kubepods.slice/crio-{id}.scope"),
            format!("/docker/{id}/system.slice/cron.service"),
            format!("/docker/{}/docker/{id}/init", "f".repeat(64)),
        ] {
            assert_eq!(container_id(path.as_bytes()), Some("0123456789ab"), "{path}");
        }
        for (path, expected) in [
            ("/lxc.payload.web/init.scope", "web"),
            ("/machine.slice/machine-lxc\\x2ddb.scope/libvirt", "db"),
            ("/machine/x/web.libvirt-lxc", "web"),
            ("/x/y/bpm-job.scope", "job"),
        ] {
            assert_eq!(container_id(path.as_bytes()), Some(expected), "{path}");
        }
    }

    #[test]
    fn the_host_is_no_container() {
        for path in ["/", "", "/user.slice/user-0.slice/session-1.scope", "/init.scope", "/docker-abc.scope"]
        {
            assert_eq!(container_id(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn in_version_1_only_names_of_runtimes_count() {
        let id = "0123456789abcdef".repeat(4);
        let docker = format!("/docker/{id}");
        assert_eq!(container_id_of_v1(docker.as_bytes()), Some("0123456789ab"));
        assert_eq!(container_id(b"/jobs/1234"), Some("1234"));
        assert_eq!(container_id_of_v1(b"/jobs/1234"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_path_has_an_id_or_none(path in "[/a-c0-9.é:-]{0,90}") {
            let _ = container_id(path.as_bytes());
        }
    }
}
