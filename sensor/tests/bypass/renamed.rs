//! Rows 3 and 4: a file is read by another name than the one that the rule knows.

use super::guard::{Guard, attack};

/// A rule that names one file, as the stock rules do.
fn rules(secret: &str) -> String {
    format!(
        "
- rule: secret read
  desc: somebody reads the secret
  condition: evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name = {secret}
  output: read as %fd.nameraw, opened %fd.name_opened, on the host %fd.name_host, by %proc.pid
  priority: WARNING
"
    )
}

/// Folders for the secret and for the other name.
struct Places {
    _dir: tempfile::TempDir,
    secret: String,
    other: String,
}

impl Places {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        for folder in ["secrets", "other"] {
            std::fs::create_dir(path.join(folder)).unwrap();
        }
        let secret = path.join("secrets/cadge-named-secret").display().to_string();
        std::fs::write(&secret, "secret").unwrap();
        Self { secret, other: path.join("other").display().to_string(), _dir: dir }
    }
}

/// Every way must raise the alert. `fields` are of the alert; `OTHER` stands for the other folder, `SECRET` for the
/// secret's path.
#[track_caller]
fn must_alert(program: &str, ways: &[(&str, &[(&str, &str)])]) {
    for (way, fields) in ways {
        let places = Places::new();
        let Some(guard) = Guard::start(&format!("{program} {way}"), &rules(&places.secret)) else { return };
        assert_eq!(attack(program, &[way, &places.secret, &places.other]).stdout, b"secret", "{way}");
        let texts: Vec<String> = fields
            .iter()
            .map(|(_, text)| text.replace("OTHER", &places.other).replace("SECRET", &places.secret))
            .collect();
        let fields: Vec<(&str, &str)> =
            fields.iter().zip(&texts).map(|((name, _), text)| (*name, text.as_str())).collect();
        guard.must_alert("secret read", &fields);
    }
}

#[test]
fn no_other_name_hides_a_file() {
    must_alert(
        "names",
        &[
            ("symlink", &[("fd.nameraw", "OTHER/link")]),
            ("linked-folder", &[("fd.nameraw", "OTHER/dir/cadge-named-secret")]),
            ("hardlink", &[("fd.name_opened", "OTHER/hard")]),
            ("detour", &[]),
            ("relative", &[("fd.nameraw", "cadge-named-secret")]),
            ("cwd", &[("fd.nameraw", "cadge-named-secret")]),
            ("proc-root", &[]),
            ("proc-fd", &[("fd.nameraw", "/proc/self/fd/3")]),
            ("chroot", &[("fd.name_opened", "/cadge-named-secret"), ("fd.name_host", "SECRET")]),
        ],
    );
}

#[test]
fn no_mount_hides_a_file() {
    must_alert(
        "mounts",
        &[
            ("bind", &[("fd.name_opened", "OTHER/at/cadge-named-secret")]),
            ("move_mount", &[("fd.name_opened", "OTHER/at/cadge-named-secret")]),
            ("overlay", &[("fd.name_opened", "OTHER/at/cadge-named-secret")]),
            ("fsopen", &[("fd.name_opened", "OTHER/at/cadge-named-secret")]),
            ("pivot_root", &[("fd.name_opened", "/cadge-named-secret")]),
        ],
    );
}

#[test]
fn a_hard_link_in_a_container_hides_nothing_that_was_seen_before() {
    let places = Places::new();
    // The name is one of another root's: on the host there is no such file.
    let Some(guard) = Guard::start("names hardlink-inside", &rules("/cadge-named-secret")) else { return };
    let output = attack("names", &["hardlink-inside", &places.secret, &places.other]);
    assert_eq!(output.stdout, b"secret");
    guard.must_alert("secret read", &[("fd.nameraw", "/cadge-named-secret")]);
    guard.must_alert("secret read", &[("fd.nameraw", "/hard"), ("fd.name_opened", "/hard")]);
}
