//! Row 10: a file or a process is changed by calls that classic rules do not list.

use std::process::Command;

use super::guard::Guard;
use crate::kernel::live::skipped;
use crate::kernel::programs::{Build, compiled};

/// As the stock rules have it.
const CLASSIC: &str = r"
- macro: open_write
  condition: (evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.typechar = 'f' and fd.num >= 0)
- rule: secret written
  desc: somebody opens the secret for writing
  condition: open_write and fd.name endswith /cadge-written
  output: opened by %proc.pid as %evt.type
  priority: WARNING
- rule: memory written
  desc: somebody opens the memory of a process for writing
  condition: open_write and fd.name glob /proc/*/mem and proc.name startswith writes-
  output: opened by %proc.pid as %evt.type
  priority: WARNING
";

/// What a macro needs to cover every other way.
const MODERN: &str = r"
- macro: file_modify
  condition: >
    (evt.type in (truncate, ftruncate, fallocate, sendfile, copy_file_range, splice) and evt.failed = false
    and (fd.name endswith /cadge-written or fs.path.name endswith /cadge-written))
- macro: process_modify
  condition: (evt.type in (process_vm_writev, pidfd_getfd) and proc.name startswith writes-)
- rule: secret changed
  desc: the secret is changed without being written
  condition: file_modify
  output: changed by %proc.pid as %evt.type
  priority: WARNING
- rule: process changed
  desc: somebody reaches into another process
  condition: process_modify
  output: reached by %proc.pid as %evt.type
  priority: WARNING
";

/// Each way, the rule that must raise an alert, and the event's type in it.
#[track_caller]
fn must_alert(rules: &str, ways: &[(&str, &str, &str)]) {
    let Some(guard) = Guard::start("row 10", rules) else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().canonicalize().unwrap().join("cadge-written");
    let program = compiled("bypass/writes", Build::Native).unwrap_or_else(|problem| panic!("{problem}"));
    for (way, rule, kind) in ways {
        std::fs::write(&file, "secret").unwrap();
        let output = Command::new(&program).arg(way).arg(&file).output().unwrap();
        if output.status.code() == Some(77) {
            skipped(&format!("row 10 {way}"), "the kernel or the file system does not have it");
            continue;
        }
        assert!(output.status.success(), "{way}: {output:?}");
        guard.must_alert(rule, &[("evt.type", kind)]);
    }
}

#[test]
fn whatever_opens_a_file_is_an_open_for_unmodified_rules() {
    must_alert(
        CLASSIC,
        &[
            ("openat2", "secret written", "openat2"),
            ("o_path", "secret written", "openat"),
            ("handle", "secret written", "openat"),
            #[cfg(target_arch = "x86_64")]
            ("creat", "secret written", "open"),
            ("mem", "memory written", "openat"),
        ],
    );
}

#[test]
fn what_changes_a_file_or_a_process_without_an_open_is_an_event() {
    must_alert(
        MODERN,
        &[
            ("truncate", "secret changed", "truncate"),
            ("ftruncate", "secret changed", "ftruncate"),
            ("fallocate", "secret changed", "fallocate"),
            ("sendfile", "secret changed", "sendfile"),
            ("copy_file_range", "secret changed", "copy_file_range"),
            ("splice", "secret changed", "splice"),
            ("process_vm_writev", "process changed", "process_vm_writev"),
            ("pidfd_getfd", "process changed", "pidfd_getfd"),
        ],
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_call_that_rules_ask_for_by_both_names_is_told_by_both() {
    let rules = r"
- rule: created
  desc: d
  condition: evt.type = creat and fd.name endswith /cadge-written
  output: created by %proc.pid as %evt.type
  priority: WARNING
";
    must_alert(
        &format!("{CLASSIC}{rules}"),
        &[("creat", "created", "creat"), ("creat", "secret written", "open")],
    );
}
