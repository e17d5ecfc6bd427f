//! Every format against the schemas that its authors publish, by a Python program with their packages.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use cadge_integrations::format::{Matches, canonical, cloudevent, cloudevent_headers, ecs, logs, ocsf};
use cadge_proto::Alert;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use prost::Message;
use serde_json::{Value, json};

use super::alerts;
use super::golden::hexadecimal;

fn in_every_format(alert: &Alert) -> Value {
    let kinds = alerts::kinds;
    let (logs, mut matches) = (logs([alert], kinds), Matches::new(1));
    matches.count(alert);
    let metrics = matches.request(2);
    json!({
        "falco": canonical(alert, kinds),
        "cloudevent": cloudevent(alert, kinds),
        "headers": cloudevent_headers(alert).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "ocsf": ocsf(alert, kinds),
        "ecs": ecs(alert, kinds),
        "logs": { "protobuf": hexadecimal(&logs.encode_to_vec()), "json": logs },
        "metrics": { "protobuf": hexadecimal(&metrics.encode_to_vec()), "json": metrics },
    })
}

/// The three that are looked at, and a hundred more. Always the same ones.
fn alerts() -> Vec<Alert> {
    let mut runner = TestRunner::deterministic();
    let any = alerts::any_alert();
    let more = (0..100).map(|_| any.new_tree(&mut runner).unwrap().current());
    alerts::three().into_iter().map(|(_, alert)| alert).chain(more).collect()
}

#[test]
fn formats_keep_to_the_published_schemas() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = here.join("../target");
    let python = target.join("python-formats/bin/python");
    if !python.exists() {
        let why = "target/python-formats is missing: `make setup-test` installs it";
        let _ = writeln!(std::io::stderr(), "SKIPPED formats_keep_to_the_published_schemas: {why}");
        return;
    }
    let lines = tempfile::NamedTempFile::new().unwrap();
    for alert in alerts() {
        writeln!(lines.as_file(), "{}", in_every_format(&alert)).unwrap();
    }
    let output = Command::new(python)
        .arg(here.join("tests/schemas.py"))
        .arg(target.join("ecs"))
        .stdin(File::open(lines.path()).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let (printed, problems) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problems}");
    // What one of its packages is missing for is said aloud.
    for line in printed.lines().filter(|line| line.starts_with("SKIPPED")) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    assert!(printed.contains("checked 103 alerts"), "{printed}");
}
