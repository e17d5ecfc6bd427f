//! Rows 5, 6, 7 and 11: programs without a name, run by others, under another's name, and with arguments
//! that are too long.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::guard::{Guard, attack};
use crate::kernel::live::skipped;

const NAMELESS: &str = r"
- rule: program in memory
  desc: the program is on no file system
  condition: evt.type in (execve, execveat) and proc.is_exe_from_memfd = true and proc.args = cadge-nameless
  output: runs %proc.exepath as %proc.exe
  priority: CRITICAL
- rule: program without a name
  desc: nobody can look at the program any more
  condition: >
    evt.type in (execve, execveat) and proc.is_exe_deleted = true and proc.is_exe_from_memfd = false
    and proc.args = cadge-nameless
  output: runs %proc.exepath as %proc.exe
  priority: CRITICAL
";

#[test]
fn a_program_without_a_name_is_seen() {
    let Some(guard) = Guard::start("row 5", NAMELESS) else { return };
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let dir = folder.path().to_str().unwrap();
    for (how, rule) in [
        ("memfd", "program in memory"),
        ("memfd-path", "program in memory"),
        ("tmpfile", "program without a name"),
        ("deleted", "program without a name"),
    ] {
        attack("nameless", &[how, "/bin/true", dir]);
        guard.must_alert(rule, &[("proc.exe", "innocent")]);
    }
}

/// The program that a rule does not want to run: its file, and what is preloaded.
const FORBIDDEN: &str = r"
- rule: forbidden program
  desc: the forbidden program, by itself, by the loader or as a script
  condition: >
    evt.type in (execve, execveat) and
    (proc.exepath endswith /cadge-forbidden or proc.args contains /cadge-forbidden
     or evt.arg.filename endswith /cadge-forbidden)
  output: '%proc.exepath by %proc.cmdline, interpreter %proc.interpreter'
  priority: CRITICAL
- rule: preloaded
  desc: a library comes first
  condition: evt.type in (execve, execveat) and proc.env[LD_PRELOAD] endswith cadge-preloaded.so
  output: '%proc.name preloads %proc.env[LD_PRELOAD]'
  priority: CRITICAL
";

/// The loader of this machine's programs.
fn loader() -> Option<String> {
    let loaders = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    let found = loaders.iter().find(|path| fs::exists(path).unwrap_or(false));
    found.map(|path| fs::canonicalize(path).unwrap().display().to_string())
}

#[test]
fn a_program_that_the_loader_runs_is_seen() {
    let Some(guard) = Guard::start("row 6: the loader", FORBIDDEN) else { return };
    let Some(loader) = loader() else { return skipped("row 6", "there is no known loader") };
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("cadge-forbidden");
    fs::copy("/bin/true", &program).unwrap();
    assert!(Command::new(&loader).arg(&program).status().unwrap().success());
    guard.must_alert("forbidden program", &[("proc.exepath", &loader)]);
}

#[test]
fn a_script_is_seen_and_its_interpreter() {
    let Some(guard) = Guard::start("row 6: a script", FORBIDDEN) else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("cadge-forbidden");
    fs::write(&script, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new(&script).status().unwrap().success());
    guard.must_alert("forbidden program", &[("proc.interpreter", "/bin/sh")]);
}

#[test]
fn a_preloaded_library_is_seen_wherever_it_stands_in_the_environment() {
    let Some(guard) = Guard::start("row 6: LD_PRELOAD", FORBIDDEN) else { return };
    let library = "/nowhere/cadge-preloaded.so";
    let run = |variables: &[(&str, String)]| {
        let mut command = Command::new("true");
        command.env_clear().envs(variables.iter().cloned()).env("LD_PRELOAD", library);
        assert!(command.output().unwrap().status.success());
        guard.must_alert("preloaded", &[("proc.env[LD_PRELOAD]", library)]);
    };
    run(&[]);
    // The variables are sorted: it is in the middle of 100 KiB.
    run(&[("A", "a".repeat(50_000)), ("Z", "z".repeat(50_000))]);
}

/// Names are not to be trusted: this rule trusts a path.
const TRUSTING: &str = r"
- rule: secret read by no trusted program
  desc: only the trusted program may read the secret
  condition: >
    evt.type in (open, openat, openat2) and fd.name endswith /cadge-masquerade-secret
    and not proc.exepath = /usr/sbin/cadge-trusted
  output: read by %proc.name, which is %proc.exepath
  priority: WARNING
- rule: trusted program from elsewhere
  desc: who has the trusted program's name is not it
  condition: >
    evt.type in (execve, execveat) and proc.name = cadge-trusted and proc.exe = /usr/sbin/cadge-trusted
    and not proc.exepath = /usr/sbin/cadge-trusted
  output: '%proc.exe is %proc.exepath'
  priority: WARNING
";

#[test]
fn a_trusted_name_does_not_help() {
    use std::os::unix::process::CommandExt as _;
    let Some(guard) = Guard::start("row 7", TRUSTING) else { return };
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("cadge-masquerade-secret");
    fs::write(&secret, "x").unwrap();
    attack("masquerade", &["cadge-trusted", secret.to_str().unwrap()]);
    guard.must_alert("secret read by no trusted program", &[("proc.name", "cadge-trusted")]);
    // Another program under its name, file's and first argument's.
    let copy = folder.path().join("cadge-trusted");
    fs::copy("/bin/true", &copy).unwrap();
    assert!(Command::new(&copy).arg0("/usr/sbin/cadge-trusted").status().unwrap().success());
    guard.must_alert("trusted program from elsewhere", &[("proc.exepath", copy.to_str().unwrap())]);
}

const LONG: &str = r"
- rule: dangerous flag
  desc: the flag stands somewhere in the arguments
  condition: evt.type in (execve, execveat) and proc.args contains cadge-dangerous-flag
  output: run with the flag, %proc.args_bytes bytes of arguments
  priority: WARNING
- rule: arguments that are hidden
  desc: there are more arguments than can be looked at
  condition: >
    evt.type in (execve, execveat) and proc.args_truncated = true and proc.args startswith cadge-long
  output: run with %proc.args_bytes bytes of arguments
  priority: WARNING
";

#[test]
fn long_arguments_hide_nothing() {
    let Some(guard) = Guard::start("row 11", LONG) else { return };
    let run = |arguments: &[&str]| {
        assert!(Command::new("true").args(arguments).status().unwrap().success());
        let bytes: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
        (bytes + "true\0".len()).to_string()
    };
    let long = "cadge-long".repeat(6_500);
    let bytes = run(&["cadge-long", &long, &long, "cadge-dangerous-flag"]);
    guard.must_alert("dangerous flag", &[("proc.args_bytes", &bytes)]);
    let bytes = run(&["cadge-long", "cadge-dangerous-flag", &long, &long]);
    guard.must_alert("dangerous flag", &[("proc.args_bytes", &bytes)]);
    // In the middle it is not looked at, but that is said.
    let bytes = run(&["cadge-long", &long, "cadge-dangerous-flag", &long]);
    guard.must_alert("arguments that are hidden", &[("proc.args_bytes", &bytes)]);
}
