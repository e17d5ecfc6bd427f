//! Every example in every language does exactly what it says, by mutual TLS and by the Unix socket.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;

use cadge_proto::Alert;
use cadge_proto::cadge::v1::Entry;

use crate::language::Language;
use crate::log;
use crate::program::{Program, assert_same, output};
use crate::stage::{ALERTS, Stage, Way, lines, priority};
use crate::support::PATIENCE;

fn get(stage: &Stage) {
    let entries = stage.entries();
    assert_eq!(entries.len() as u64, ALERTS);
    let line = |entry: &Entry, alert: &Alert| format!("{} {}", entry.position, alert.output);
    assert_same("get", &output(&mut stage.example("get")), &lines(&entries, line));
    let (before, behind) = entries.split_at(200);
    let after = before.last().unwrap().position.to_string();
    assert_same("get AFTER", &output(stage.example("get").arg(after)), &lines(behind, line));
    let last = behind.last().unwrap().position.to_string();
    assert_eq!(output(stage.example("get").arg(last)), "");
}

fn filter(stage: &mut Stage) {
    let condition = "alert.rule = \"Synthetic rule 3\" and not proc.pid = 13";
    let mut program = Program::start(stage.example("filter").arg(condition));
    let expected = |stage: &Stage| {
        let is_meant = |alert: &Alert| {
            alert.rule == "Synthetic rule 3"
                && alert.output_fields.get("proc.pid").is_none_or(|pid| pid != "13")
        };
        let entries = stage.entries();
        let meant = entries.iter().filter(|entry| is_meant(entry.alert.as_ref().unwrap()));
        lines(meant, |entry, alert| format!("{} {} {}", entry.position, priority(alert), alert.rule))
    };
    let first = expected(stage);
    assert!(first.contains(" Informational ") && first.contains(" Emergency "), "{first}");
    let has = |text: String| move |program: &Program| (program.stdout().len() >= text.len()).then_some(());
    program.wait_for("filtered alerts", has(first));
    // Each line comes when its alert does.
    stage.more(20);
    let all = expected(stage);
    program.wait_for("further filtered alerts", has(all.clone()));
    program.end(Signal::SIGINT);
    assert_same("filter", &program.stdout(), &all);
}

fn tail(stage: &mut Stage) {
    let mut program = Program::start(&mut stage.example("tail"));
    stage.wait_for_subscribers(1);
    let had = stage.entries().len();
    stage.more(250);
    let expected = lines(&stage.entries()[had..], |_, alert| alert.output.clone());
    program.wait_for("new alerts", |program| (program.stdout().len() >= expected.len()).then_some(()));
    program.end(Signal::SIGTERM);
    assert_same("tail", &program.stdout(), &expected);
}

/// What `count` prints of the alerts that were raised since 1970.
fn counts(alerts: &[Alert]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| alert.time.is_some_and(|time| time.seconds > 0)) {
        *counts.entry(&alert.rule).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(rule, count)| (u64::MAX - count, *rule));
    counts.iter().fold(String::new(), |text, (rule, count)| format!("{text}{count} {rule}\n"))
}

/// Waits until the hub's index has come so far that an example prints this.
fn wait_for_output(expected: &str, command: impl Fn() -> Command) {
    let deadline = Instant::now() + PATIENCE;
    let mut last = output(&mut command());
    while last != expected && Instant::now() < deadline {
        last = output(&mut command());
    }
    assert_same("count", &last, expected);
}

fn count(stage: &Stage) {
    wait_for_output(&counts(&stage.alerts()), || {
        let mut command = stage.example("count");
        command.arg("400000");
        command
    });
}

/// An event that is handed in is in the log, once; and then, as it is of these hours, it is counted.
fn push(stage: &Stage) {
    let before = stage.entries().len();
    let connection = stage.way.to(&stage.site, "sensor");
    let mut command = stage.language.example("push", &connection);
    command.args(["Door opened", "the door 隼 is open", "door.name=north = \"1\"", "door.empty="]);
    assert_eq!(output(&mut command), "kept\n");
    let entries = stage.entries();
    assert_eq!(entries.len(), before + 1);
    let alert = entries[before].alert.as_ref().unwrap();
    assert_eq!((alert.rule.as_str(), priority(alert)), ("Door opened", "Notice"));
    assert!(alert.output.ends_with("the door 隼 is open"), "{}", alert.output);
    let fields: BTreeMap<_, _> = alert.output_fields.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(fields, BTreeMap::from([("door.name", "north = \"1\""), ("door.empty", "")]));
    let age = jiff::Timestamp::now().as_second() - alert.time.unwrap().seconds;
    assert!((0..3600).contains(&age), "{age} s");
    wait_for_output("1 Door opened\n", || stage.example("count"));
}

/// The whole lines in a file that `resume` writes.
fn ids(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).collect()
}

fn resume(stage: &mut Stage) {
    let file = stage.site.path("received");
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    let start = |stage: &Stage| Program::start(stage.example("resume").arg("shift").arg(&file));
    let reached = |wanted: usize| move |text: &str| (ids(text).len() >= wanted).then_some(());
    for _ in 0..3 {
        let wanted = ids(&read()).len() + 100;
        let mut program = start(stage);
        program.wait_for("alerts before it is killed", |_| reached(wanted)(&read()));
        program.kill();
        stage.more(200);
    }
    let mut program = start(stage);
    let all: BTreeSet<String> = stage.alerts().iter().map(log::id).collect();
    let have = || ids(&read()).iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    program.wait_for("all alerts", |_| all.is_subset(&have()).then_some(()));
    program.end(Signal::SIGTERM);
    let wrong: Vec<_> = have().symmetric_difference(&all).take(5).cloned().collect();
    assert!(wrong.is_empty(), "resume: missing or foreign are {wrong:?} and perhaps others");
    // What was acknowledged by the end does not come again.
    let before = read();
    stage.more(1);
    let mut program = start(stage);
    let newest = log::id(stage.alerts().last().unwrap());
    program.wait_for("the newest alert", |_| read().contains(&format!("{newest}\n")).then_some(()));
    program.end(Signal::SIGINT);
    assert_same("resume", &read(), &format!("{before}{newest}\n"));
}

fn all(test: &str, language: Language, way: Way) {
    if !language.is_here(test) {
        return;
    }
    let mut stage = Stage::new(language, way);
    get(&stage);
    filter(&mut stage);
    tail(&mut stage);
    resume(&mut stage);
    count(&stage);
    push(&stage);
}

#[test]
fn rust_by_tls() {
    all("rust_by_tls", Language::Rust, Way::Tls);
}

#[test]
fn rust_by_socket() {
    all("rust_by_socket", Language::Rust, Way::Socket);
}

#[test]
fn python_by_tls() {
    all("python_by_tls", Language::Python, Way::Tls);
}

#[test]
fn python_by_socket() {
    all("python_by_socket", Language::Python, Way::Socket);
}

#[test]
fn go_by_tls() {
    all("go_by_tls", Language::Go, Way::Tls);
}

#[test]
fn go_by_socket() {
    all("go_by_socket", Language::Go, Way::Socket);
}
