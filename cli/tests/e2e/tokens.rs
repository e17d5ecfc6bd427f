//! The command line with a bearer token in place of a certificate.

use std::fs;

use crate::support::{Process, Site, cadge, stderr, stdout};
use crate::synthetic::Sensor;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A hub that knows the token.
fn site() -> (Site, Process) {
    let site = Site::new("");
    let tokens = site.path("tokens");
    fs::write(&tokens, format!("consumer/web-1:{TOKEN}\n")).unwrap();
    fs::write(site.path("token"), format!("{TOKEN}\n")).unwrap();
    let yaml = fs::read_to_string(site.path("hub.yaml")).unwrap();
    let yaml = yaml.replacen("grpc:\n", &format!("grpc:\n  token_file: {}\n", tokens.display()), 1);
    fs::write(site.path("hub.yaml"), yaml).unwrap();
    let hub = site.hub();
    Sensor::connect(&site.path("cadge.sock")).send_up_to(3);
    (site, hub)
}

#[test]
fn a_token_is_enough_by_file_or_environment() {
    let (site, _hub) = site();
    let hub = format!("https://localhost:{}", site.grpc);
    let ca = site.path("pki").join("ca.crt");
    let command = |name: &str| {
        let mut command = cadge();
        command.arg(name).args(["--hub", &hub, "--ca"]).arg(&ca).env_remove("CADGE_TOKEN");
        command
    };
    let lines = |output: &std::process::Output| {
        assert!(output.status.success(), "{}", stderr(output));
        stdout(output).lines().count()
    };
    let by_file = command("get").arg("--token-file").arg(site.path("token")).output().unwrap();
    assert!(lines(&by_file) >= 3);
    let by_variable = command("get").args(["--after", "2", "--json"]).env("CADGE_TOKEN", TOKEN).output();
    assert_eq!(lines(&by_variable.unwrap()), 1);
    let mut tail = Process::start(
        command("tail").args(["--from", "beginning", "--json", "--token-file"]).arg(site.path("token")),
    );
    tail.stdout.wait("alert 3");
    assert!(tail.interrupt().success());

    let refused = |command: &mut std::process::Command, text: &str| {
        let output = command.output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(text), "{}", stderr(&output));
    };
    refused(&mut command("get"), "--token-file FILE, or CADGE_TOKEN");
    refused(command("get").env("CADGE_TOKEN", "another-token-0123456789"), "not one of `grpc.token_file`");
    refused(command("get").arg("--token-file").arg(site.path("none")), "reading");
    refused(command("history").env("CADGE_TOKEN", TOKEN).arg("--cert").arg(&ca), "--key");
    // On the socket it counts before the user does.
    let mut status = cadge();
    status.args(["hub", "status", "--socket"]).arg(site.path("cadge.sock"));
    assert!(status.env_remove("CADGE_TOKEN").output().unwrap().status.success());
    refused(status.env("CADGE_TOKEN", TOKEN), "the token `web-1` has the role consumer");
}
