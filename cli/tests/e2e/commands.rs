//! What the commands say, and with which exit code they end.

use std::fs;
use std::process::Command;

use crate::support::{cadge, run, stderr, stdout};

#[test]
fn a_typo_in_a_rule_gets_a_caret_and_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("local.yaml");
    let rule = "- rule: R\n  desc: d\n  condition: evt.type = execve and proc.nmae = bash\n  output: o %proc.name\n  priority: INFO\n";
    fs::write(&path, rule).unwrap();
    let output = run(&["rules", "check", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("local.yaml:3:36"), "{text}");
    assert!(text.contains("proc.nmae"), "{text}");
    let mut lines = text.lines().skip_while(|line| !line.contains("condition:"));
    let (source, caret) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(source.find("proc.nmae"), caret.find("^^^^^^^^^"), "{text}");
    assert!(caret.contains("did you mean `proc.name`?"), "{text}");
}

#[test]
fn our_own_rules_have_no_mistakes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/cadge_rules.yaml");
    let output = run(&["rules", "check", path]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert!(!stdout(&output).contains("warning: "), "{}", stdout(&output));
}

#[test]
fn a_broken_configuration_gets_a_suggestion_and_exit_code_64() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hub.yaml");
    for (text, expected) in [
        ("grcp:\n  bind_address: 127.0.0.1:0\n", "did you mean `grpc`?"),
        ("webserver:\n  listen_port: many\n", "hub.yaml:2"),
        ("webserver: [\n", "hub.yaml:"),
        ("integrations:\n  slak:\n    webhookurl: http://x\n", "did you mean `slack`?"),
    ] {
        fs::write(&path, text).unwrap();
        let output = cadge().arg("hub").arg("--config").arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let output = run(&["hub", "--config", "/nowhere/hub.yaml"]);
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
}

#[test]
fn without_privileges_the_sensor_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("sensor.yaml");
    fs::write(&config, format!("spool:\n  path: {}/spool\n", dir.path().display())).unwrap();
    let mut command = cadge();
    if nix::unistd::geteuid().is_root() {
        // As nobody, from a copy of the binary that nobody may read.
        use std::os::unix::fs::PermissionsExt as _;
        use std::os::unix::process::CommandExt as _;
        let copy = dir.path().join("cadge");
        fs::copy(env!("CARGO_BIN_EXE_cadge"), &copy).unwrap();
        for path in [dir.path(), &copy] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        command = std::process::Command::new(copy);
        command.uid(65534).gid(65534);
    }
    let output = command.arg("sensor").arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stderr(&output);
    assert!(text.contains("CAP_BPF"), "{text}");
    assert!(text.contains("root"), "{text}");
}

#[test]
fn help_has_examples_and_completions_know_every_command() {
    let help = stdout(&run(&["--help"]));
    for command in ["up", "hub", "sensor", "tail", "get", "rules", "pki", "completions"] {
        assert!(help.contains(&format!("  {command} ")), "{help}");
    }
    assert!(help.contains("Examples:"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(&["completions", shell])).contains("print-config"), "{shell}");
    }
}

#[test]
fn bash_completes_the_names_of_destinations() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cadge.bash");
    fs::write(&file, run(&["completions", "bash"]).stdout).unwrap();
    let complete = |words: &str| {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _cadge cadge ${{COMP_WORDS[-1]}} ${{COMP_WORDS[-2]}}; echo ${{COMPREPLY[*]}}",
            file.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).trim().to_owned()
    };
    for command in ["test", "dead", "replay", "discard", "list"] {
        assert_eq!(complete(&format!("cadge integrations {command} sla")), "slack", "{command}");
    }
    assert!(complete("cadge integrations test aws.").contains("aws.s3"));
}
