//! Who may do what, and what everybody else is told.

use std::process::Command;

use crate::support::{Site, cadge, run, stderr, stdout};

/// Runs `cadge get` with some certificate files.
fn get(site: &Site, flags: &[String]) -> (Option<i32>, String) {
    let output = cadge().arg("get").args(flags).output().unwrap();
    assert_eq!(stdout(&output), "", "nothing but the refusal");
    let _ = site;
    (output.status.code(), stderr(&output))
}

#[test]
fn the_wrong_role_is_told_which_it_needs() {
    let site = Site::new("");
    let _hub = site.hub();
    let (code, text) = get(&site, &site.client("sensor"));
    assert_eq!(code, Some(1));
    assert!(text.contains("permission denied"), "{text}");
    assert!(text.contains("consumer"), "{text}");
    // The same call with the right role succeeds: the refusal was the role's.
    assert_eq!(get(&site, &site.client("consumer")).0, Some(0));
}

#[test]
fn another_authoritys_certificate_is_refused() {
    let site = Site::new("");
    let _hub = site.hub();
    let other = Site::new("");
    let mut flags = other.client("consumer");
    flags[1] = format!("https://localhost:{}", site.grpc);
    let ca = flags.len() - 1;
    flags[ca] = site.path("pki/ca.crt").display().to_string();
    let (code, text) = get(&site, &flags);
    assert_eq!(code, Some(1));
    assert!(text.contains("connect") || text.contains("certificate"), "{text}");
}

#[test]
fn python_sees_grpcs_own_status_codes() {
    let Some(python) = Python::new("python_sees_grpcs_own_status_codes") else { return };
    let site = Site::new("");
    let _hub = site.hub();
    let other = Site::new("");
    let target = format!("localhost:{}", site.grpc);
    let file = |site: &Site, name: &str| site.path("pki").join(name).display().to_string();
    let ca = file(&site, "ca.crt");
    let status = |cert: &str, key: &str| python.status(&["get", &target, "0", &ca, cert, key]);

    assert_eq!(status(&file(&site, "consumer.crt"), &file(&site, "consumer.key")), "OK");
    assert_eq!(status(&file(&site, "sensor.crt"), &file(&site, "sensor.key")), "PERMISSION_DENIED");
    assert_eq!(status(&file(&other, "consumer.crt"), &file(&other, "consumer.key")), "UNAVAILABLE");
    assert_eq!(status("-", "-"), "UNAVAILABLE");
}

/// Python with stubs made from the .proto files, as the users of Falco's API have them.
pub(crate) struct Python {
    stubs: tempfile::TempDir,
}

impl Python {
    const BIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python");
    const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/client.py");
    const PROTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");

    /// Makes the stubs. Says aloud where Python's gRPC is not there.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if !std::path::Path::new(Self::BIN).exists() {
            crate::support::skip(test, "Python's gRPC is missing: run `make setup-test`");
            return None;
        }
        let stubs = tempfile::tempdir().unwrap();
        let out = stubs.path().display();
        let made = Command::new(Self::BIN)
            .args(["-m", "grpc_tools.protoc", "-I", Self::PROTOS])
            .args([format!("--python_out={out}"), format!("--grpc_python_out={out}")])
            .args(["falco/schema.proto", "falco/outputs.proto", "falco/version.proto"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", stderr(&made));
        Some(Self { stubs })
    }

    /// Runs the client to its end: its lines.
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<String> {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).lines().map(ToString::to_string).collect()
    }

    /// The client as a command.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(Self::BIN);
        command.arg(Self::CLIENT).arg(self.stubs.path()).args(args);
        command
    }

    fn status(&self, args: &[&str]) -> String {
        self.lines(args).pop().unwrap()
    }
}

#[test]
fn python_reads_the_version() {
    let Some(python) = Python::new("python_reads_the_version") else { return };
    let site = Site::new("");
    let _hub = site.hub();
    let lines = python.lines(&["version", &format!("unix://{}", site.path("cadge.sock").display()), "0"]);
    assert!(lines[0].contains(env!("CARGO_PKG_VERSION")), "{lines:?}");
    assert_eq!(lines[1], "OK");
    assert!(run(&["--version"]).status.success());
}
