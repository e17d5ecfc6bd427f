//! The container in which a process runs, by the path of its cgroup.

/// Digits of a container's id.
const ID_DIGITS: usize = 64;

/// Digits that Falco shows of it.
const SHORT_DIGITS: usize = 12;

/// The first 12 digits of the id in a cgroup's path, or nothing on the host. Docker, containerd,
/// CRI-O and Podman all put the 64 hexadecimal digits at the end of a name, some with their own
/// name before it (`docker-`, `crio-`, `libpod-`, `…:cri-containerd:`) and `.scope` behind it.
pub(crate) fn container_id(path: &[u8]) -> Option<&str> {
    path.rsplit(|byte| *byte == b'/').find_map(|name| {
        let name = name.strip_suffix(b".scope").unwrap_or(name);
        let id = name.rsplit(|byte| matches!(byte, b'-' | b':')).next()?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let whole = id.len() == ID_DIGITS && id.iter().all(is_digit);
        if whole { std::str::from_utf8(&id[..SHORT_DIGITS]).ok() } else { None }
    })
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
        ] {
            assert_eq!(container_id(path.as_bytes()), Some("0123456789ab"), "{path}");
        }
    }

    #[test]
    fn the_host_is_no_container() {
        for path in ["/", "", "/user.slice/user-0.slice/session-1.scope", "/init.scope", "/docker-abc.scope"]
        {
            assert_eq!(container_id(path.as_bytes()), None, "{path}");
        }
    }
}
