//! Row 2: an `io_uring` does the work of system calls, which are never made.

use super::guard::Guard;
use crate::kernel::script::{HIDDEN, Mode, URING, run};

const RULES: &str = r"
- rule: secret read
  desc: somebody reads the secret
  condition: evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.name endswith /cadge-uring-secret
  output: read by %proc.pid as %fd.nameraw
  priority: WARNING

- rule: secret touched
  desc: somebody removes or renames or links the secret
  condition: >
    evt.type in (unlink, unlinkat, rename, renameat, renameat2, link, linkat)
    and (fs.path.name endswith /cadge-uring-secret or fs.path.source endswith /cadge-uring-secret
    or evt.arg.oldpath endswith /cadge-uring-secret)
  output: '%evt.type by %proc.pid'
  priority: WARNING

- rule: goes out
  desc: somebody connects
  condition: evt.type=connect and fd.typechar=4 and fd.sip=127.0.0.77
  output: to %fd.name by %proc.pid
  priority: WARNING
";

fn each_mode(script: &[&str], mut check: impl FnMut(Mode, i64)) {
    for mode in URING.iter().filter(|mode| mode.fits(script) && mode.exists()) {
        check(*mode, run(*mode, script).pid);
    }
}

#[test]
fn an_io_uring_reads_no_secret_unseen() {
    let Some(guard) = Guard::start("row 2: open", RULES) else { return };
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("cadge-uring-secret");
    let link = dir.path().join("harmless");
    std::fs::write(&secret, "x").unwrap();
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    // Not by its name either.
    for path in [&secret, &link] {
        for call in ["openat -100 s:PATH 0 0", "openat2 -100 s:PATH { u64:0 u64:0 u64:0 } 24"] {
            let step = call.replace("PATH", &path.display().to_string());
            each_mode(&[&step], |_, pid| {
                guard.must_alert("secret read", &[("proc.pid", &pid.to_string())]);
            });
            for mode in HIDDEN.iter().filter(|mode| mode.exists()) {
                let pid = run(*mode, &[&step]).pid;
                guard.must_alert("secret read", &[("proc.pid", &pid.to_string())]);
            }
        }
    }
}

#[test]
fn an_io_uring_touches_no_secret_unseen() {
    let Some(guard) = Guard::start("row 2: names", RULES) else { return };
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("cadge-uring-secret");
    let path = secret.display();
    for (kind, step) in [
        ("linkat", format!("linkat -100 s:{path} -100 s:{path}.new 0")),
        ("renameat", format!("renameat2 -100 s:{path} -100 s:{path}.new 0")),
        ("unlinkat", format!("unlinkat -100 s:{path} 0")),
    ] {
        each_mode(&[&step], |_, pid| {
            guard.must_alert("secret touched", &[("proc.pid", &pid.to_string()), ("evt.type", kind)]);
            std::fs::write(&secret, "x").unwrap();
            let _ = std::fs::remove_file(format!("{path}.new"));
        });
    }
}

#[test]
fn an_io_uring_connects_nowhere_unseen() {
    let Some(guard) = Guard::start("row 2: connect", RULES) else { return };
    let listener = std::net::TcpListener::bind("127.0.0.77:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = ["socket 2 1 0", &format!("connect $0 sin:127.0.0.77:{port} 16")];
    each_mode(&script, |mode, pid| {
        // Nobody told this one which descriptor its socket has.
        if !mode.skips() {
            guard.must_alert("goes out", &[("proc.pid", &pid.to_string())]);
        }
    });
}
