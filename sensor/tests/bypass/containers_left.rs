//! Row 13: who leaves a container's cgroup is still from there; root in a user namespace of one's own is
//! nobody's root.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::guard::{Guard, attack};
use crate::kernel::process::unified;

const RULES: &str = r"
- rule: secret read in a container
  desc: no container may read the secret
  condition: evt.type in (open, openat, openat2) and fd.name endswith /cadge-cgroup-secret and container.id != host
  output: read in %container.id by %proc.name
  priority: WARNING
- rule: container left
  desc: a process moved out of its container's cgroup
  condition: evt.type = cgroup_attach and evt.arg.from = badc0ffee0dd and evt.arg.to = host
  output: left %evt.arg.from for %evt.arg.cgroup
  priority: CRITICAL
- rule: secret read by another user
  desc: only root may read the secret
  condition: evt.type in (open, openat, openat2) and fd.name endswith /cadge-newuser-secret and user.uid != 0
  output: read by %user.uid, which is %user.ns_uid in %proc.ns.user
  priority: WARNING
";

#[test]
fn who_leaves_the_cgroup_of_a_container_is_still_in_it() {
    let Some(guard) = Guard::start("row 13: cgroups", RULES) else { return };
    let Some(root) = unified() else { return };
    let id = format!("badc0ffee0dd{}", "0".repeat(52));
    let container = format!("{root}/cadge-bypass/{id}");
    fs::create_dir_all(&container).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("cadge-cgroup-secret");
    fs::write(&secret, "x").unwrap();
    // Moves itself out, then runs another program, and that one a child.
    let script = r#"echo $$ > "$1/cgroup.procs"; echo $$ > "$2/cgroup.procs"; exec sh -c 'cat "$0"; :' "$3""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", &container, root]).arg(&secret);
    let output = command.output();
    let _ = fs::remove_dir(&container);
    let _ = fs::remove_dir(format!("{root}/cadge-bypass"));
    assert_eq!(output.unwrap().stdout, b"x");
    guard.must_alert("container left", &[("evt.arg.cgroup", "/")]);
    guard.must_alert("secret read in a container", &[("proc.name", "cat"), ("container.id", &id[..12])]);
}

#[test]
fn root_in_a_namespace_of_ones_own_is_not_root() {
    let Some(guard) = Guard::start("row 13: users", RULES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("cadge-newuser-secret");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    attack("newuser", &["12345", secret.to_str().unwrap()]);
    guard.must_alert("secret read by another user", &[("user.uid", "12345"), ("user.ns_uid", "0")]);
}
