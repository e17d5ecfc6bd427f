//! A real rsyslog.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::counterpart::{Counterpart, find, skip};
use super::feed::{Log, alert};
use super::pki::Pki;
use super::server::wait_for_metric;

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

const OK: &str = "falcosecurity_falcosidekick_outputs_total{destination=\"syslog\",status=\"ok\"}";

/// It comes up again when it ends, until the shell is told to end.
const AGAIN: &str = r#"trap 'kill $!; exit' TERM; while :; do "$@" & wait $!; done"#;

/// It writes what it understands of each line into a file. By UDP it listens first: it is waited for by TCP.
fn settings(dir: &Path, port: u16, is_tls: bool) -> String {
    let dir = dir.display();
    let driver = if is_tls {
        " StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.Authmode=\"anon\""
    } else {
        ""
    };
    format!(
        r#"global(workDirectory="{dir}" maxMessageSize="64k" defaultNetstreamDriverCAFile="{dir}/ca.crt"
  defaultNetstreamDriverCertFile="{dir}/server.crt" defaultNetstreamDriverKeyFile="{dir}/server.key")
module(load="imudp")
module(load="imtcp"{driver})
input(type="imudp" address="127.0.0.1" port="{port}")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="parts" type="string" string="%protocol-version%|%pri%|%hostname%|%app-name%|%procid%|%msgid%|%structured-data%|%timestamp:::date-rfc3339%|%msg%\n")
action(type="omfile" file="{dir}/alerts" template="parts")
"#
    )
}

fn rsyslog(test: &str, is_tls: bool) -> Option<Counterpart> {
    let Some(program) = find("rsyslogd") else { return skip(test, "rsyslogd") };
    // Its parts are where they are beside it.
    let libraries = program.ancestors().nth(2).unwrap().join("lib");
    let modules = libraries.join(format!("{}-linux-gnu/rsyslog", std::env::consts::ARCH));
    if is_tls && !modules.join("lmnsd_gtls.so").exists() {
        return skip(test, "rsyslog-gnutls");
    }
    Counterpart::start(test, "sh", |command, dir, port| {
        Pki::new().write(dir, &["server"]);
        std::fs::write(dir.join("rsyslog.conf"), settings(dir, port, is_tls)).unwrap();
        command.args(["-c", AGAIN, "sh"]).arg(&program).args(["-n", "-C", "-M"]).arg(modules);
        command.arg("-f").arg(dir.join("rsyslog.conf")).arg("-i").arg(dir.join("pid"));
    })
}

/// What it has written, once there are so many lines.
async fn lines(server: &Counterpart, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(server.dir.path().join("alerts")).unwrap_or_default();
        if text.lines().count() >= count {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(Instant::now() < deadline, "{} of {count}: {}", text.lines().count(), server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every line is an alert, in order, beginning with the first.
fn check(lines: &[String], count: u64) {
    assert_eq!(lines.len() as u64, count);
    for (sequence, line) in (1..=count).zip(lines) {
        let parts: Vec<&str> = line.splitn(9, '|').collect();
        assert_eq!(parts[..4], ["1", "4", "node-1", "Falco"], "{line}");
        assert_eq!(parts[4], std::process::id().to_string());
        assert_eq!(parts[5..8], ["syscall", "-", "2024-06-12T13:46:40.123456Z"], "{line}");
        let body: serde_json::Value = serde_json::from_str(parts[8].trim()).unwrap();
        assert_eq!(body["output"], format!("13:46:40.123456789: Warning Sensitive file #{sequence}"));
    }
}

fn push(log: &Log, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        log.push(alert(sequence, 4));
    }
}

#[tokio::test]
async fn a_syslog_server_gets_lines_in_order_also_when_it_was_stopped() {
    let Some(server) = rsyslog("a_syslog_server_gets_lines_in_order", false) else { return };
    let log = Log::default();
    let (_running, stop, registry) = log.start(&format!("syslog:\n  host: {}\n", server.address()));
    push(&log, 1..=1000);
    check(&lines(&server, 1000).await, 1000);
    wait_for_metric(&registry, OK, 1000.0).await;
    let pid = || std::fs::read_to_string(server.dir.path().join("pid")).unwrap_or_default();
    let before = pid();
    assert!(Command::new("kill").arg(before.trim()).status().unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    while ["", &before].contains(&pid().as_str()) {
        assert!(Instant::now() < deadline, "it does not come up again: {}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    push(&log, 1001..=2000);
    check(&lines(&server, 2000).await, 2000);
    stop.cancel();
}

#[tokio::test]
async fn a_syslog_server_that_knows_no_lengths_gets_cef() {
    let Some(server) = rsyslog("a_syslog_server_that_knows_no_lengths", false) else { return };
    let log = Log::default();
    push(&log, 1..=100);
    let more = "format: cef\n  framing: traditional\n  facility: 16";
    let (_running, stop, _) = log.start(&format!("syslog:\n  host: {}\n  {more}\n", server.address()));
    for (sequence, line) in (1..).zip(lines(&server, 100).await) {
        assert!(line.starts_with("1|132|node-1|Falco|"), "{line}");
        assert!(line.contains("CEF:0|Falcosecurity|Falco|1.0|Falco Event|Sensitive file|6|"), "{line}");
        assert!(line.contains(&format!("Sensitive file #{sequence} source")), "{line}");
    }
    stop.cancel();
}

#[tokio::test]
async fn a_syslog_server_gets_datagrams() {
    let Some(server) = rsyslog("a_syslog_server_gets_datagrams", false) else { return };
    let log = Log::default();
    // So many find room where they wait to be read.
    push(&log, 1..=50);
    let (_running, stop, registry) =
        log.start(&format!("syslog:\n  host: 127.0.0.1\n  port: {}\n  protocol: UDP\n", server.port));
    check(&lines(&server, 50).await, 50);
    wait_for_metric(&registry, OK, 50.0).await;
    stop.cancel();
    // Too long for any datagram, and nobody there to take one.
    let too_long = cadge_proto::Alert { output: "x".repeat(70_000), ..alert(1, 4) };
    let (log, dead) = (Log::default(), cadge_integrations::DeadLetters::open(None, 10).unwrap());
    log.push(too_long);
    log.push(alert(2, 4));
    let port = server.port;
    drop(server);
    let yaml = format!("syslog:\n  host: 127.0.0.1:{port}\n  protocol: udp\n");
    let (_running, stop, registry) = log.start_with(&yaml, dead.clone());
    wait_for_metric(&registry, &OK.replace("\"ok\"", "\"error\""), 1.0).await;
    let letters = dead.list(None, 0, 10).await.unwrap();
    assert!(letters[0].cause.contains("a datagram cannot have"), "{}", letters[0].cause);
    let retries = "cadge_integration_retries_total{destination=\"syslog\"}";
    wait_for_metric(&registry, retries, 1.0).await;
    stop.cancel();
}

#[tokio::test]
async fn a_syslog_server_with_tls_gets_lines_if_it_is_trusted() {
    let Some(server) = rsyslog("a_syslog_server_with_tls", true) else { return };
    let yaml = format!("syslog:\n  host: {}\n  protocol: tls\n", server.address());
    let stranger = Log::default();
    stranger.push(alert(7, 4));
    let (_running, stop, registry) = stranger.start(&yaml);
    let retries = "cadge_integration_retries_total{destination=\"syslog\"}";
    wait_for_metric(&registry, retries, 1.0).await;
    stop.cancel();
    let log = Log::default();
    push(&log, 1..=1000);
    let authority = server.dir.path().join("ca.crt");
    let (_running, stop, _) = log.start(&format!("{yaml}  cacertfile: {}\n", authority.display()));
    check(&lines(&server, 1000).await, 1000);
    stop.cancel();
}
