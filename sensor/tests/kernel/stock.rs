//! The stock rules on the live source: every field and kind of event that they use is answered, or is in
//! the table of what is not.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cadge_engine::fields::{Argument, CLASSES, Type};
use cadge_engine::{EventType, RuleFile, RuleMatching, Ruleset, Scratch, Settings};
use cadge_sensor::source::answers;

use super::live::{Live, PATIENCE, skipped};
use super::script::{Mode, run};

const FILES: &[&str] = &["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

/// Fields that the kernel alone does not answer: container runtimes and the resolver are asked for them, or a
/// rule must name another path of the same file. They have tests of their own.
const ELSEWHERE: &[&str] = &[
    "container.image.repository",
    "container.mount.dest",
    "container.mounts",
    "container.privileged",
    "container.start_ts",
    "fd.cip.name",
    "fd.lip.name",
    "fd.name_opened",
    "fd.rip.name",
    "fd.sip.name",
    "k8s.ns.name",
    "k8s.pod.name",
];

fn load(texts: &[(String, String)], matching: RuleMatching) -> Ruleset {
    let files: Vec<RuleFile<'_>> = texts.iter().map(|(name, text)| RuleFile { name, text }).collect();
    let report = Ruleset::load(&files, &Settings { rule_matching: matching, ..Settings::default() });
    report.ruleset.unwrap_or_else(|| panic!("{:?}", report.errors))
}

/// The stock rules; nothing, said aloud, where they are not there.
fn stock(test: &str) -> Option<Ruleset> {
    let compat = std::env::var_os("CADGE_COMPAT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat")),
        PathBuf::from,
    );
    let mut texts = Vec::new();
    for name in FILES {
        let Ok(rules) = std::fs::read_to_string(compat.join("rules").join(name)) else {
            skipped(test, &format!("no {name} in {}", compat.display()));
            return None;
        };
        texts.push(((*name).to_owned(), rules));
    }
    Some(load(&texts, RuleMatching::First))
}

fn fields(ruleset: &Ruleset) -> BTreeSet<String> {
    ruleset
        .rules()
        .iter()
        .flat_map(|rule| [rule.condition_fields(), rule.output_fields()])
        .flatten()
        .collect()
}

fn types(ruleset: &Ruleset) -> BTreeSet<EventType> {
    ruleset.rules().iter().flat_map(|rule| rule.event_types().collect::<Vec<_>>()).collect()
}

/// The name without its argument.
fn bare(field: &str) -> &str {
    let name = field.split('[').next().unwrap_or_default();
    if name.starts_with("evt.arg.") { "evt.arg" } else { name }
}

#[test]
fn every_event_of_the_stock_rules_is_told_or_has_its_reason() {
    let Some(ruleset) = stock("every_event_of_the_stock_rules_is_told_or_has_its_reason") else { return };
    let used = types(&ruleset);
    let unknown: Vec<&str> = used
        .iter()
        .filter(|kind| !answers::tells(**kind) && answers::why_not_told(**kind).is_none())
        .map(|kind| kind.name())
        .collect();
    assert!(unknown.is_empty(), "neither told nor in the table: {unknown:?}");
    let told: Vec<&str> = used.iter().filter(|kind| answers::tells(**kind)).map(|kind| kind.name()).collect();
    println!("stock rules: {} of {} kinds of event are told", told.len(), used.len());
}

/// Every field that a system call can have; of those with an argument those that have a value without.
fn every_field() -> impl Iterator<Item = String> {
    let classes = CLASSES.iter().filter(|class| CLASS_NAMES.contains(&class.name));
    let fields = classes.flat_map(|class| class.fields);
    let fields = fields
        .filter(|field| field.argument != Argument::Required && !field.is_deprecated && !field.print_only);
    fields.map(|field| field.name.to_owned())
}

/// The classes of fields that the source fills.
const CLASS_NAMES: &[&str] = &["evt", "process", "thread", "user", "group", "fd", "fs.path", "fdlist"];

/// Texts that stand for no value, and the fields for which they are one: nobody has logged in to a machine
/// of tests, nor has any capabilities to pass on.
const NOTHING: &str = "('', '<NA>')";
const NOTHING_IS_A_VALUE: &[&str] = &["thread.cap_inheritable", "user.loginname"];

/// What is wrong with an event whose arguments are not those of the event table, in its order.
const OTHER_ARGUMENTS: &str = "other arguments of";

/// Fields that are compared with kinds of event only.
const KINDS: &[&str] = &["evt.type", "syscall.type"];

/// A rule for each field, which is true of the events that have a value for it.
fn asking(fields: &[String]) -> Ruleset {
    let rule = |field: &String| {
        let may_be_nothing = KINDS.contains(&field.as_str()) || NOTHING_IS_A_VALUE.contains(&field.as_str());
        // Of ancestors one that has something is enough: others may have nothing.
        let more = if is_text(field) && field.starts_with("proc.a") {
            format!(" and {field} != ''")
        } else if is_text(field) && !may_be_nothing {
            format!(" and not {field} in {NOTHING}")
        } else {
            String::new()
        };
        let condition = format!("evt.num >= 0 and {field} exists{more}");
        format!("- rule: '{field}'\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
    };
    let rules = fields.iter().map(rule).collect::<Vec<_>>().concat();
    load(&[("fields.yaml".to_owned(), rules)], RuleMatching::All)
}

fn is_text(field: &str) -> bool {
    let field = cadge_engine::fields::all().find(|row| row.name == bare(field)).unwrap();
    matches!(field.ty, Type::Charbuf | Type::Fspath)
}

#[test]
fn every_field_of_the_stock_rules_has_a_value_or_its_reason() {
    let test = "every_field_of_the_stock_rules_has_a_value_or_its_reason";
    let Some(ruleset) = stock(test) else { return };
    let mut used = fields(&ruleset);
    let stock = used.len();
    used.extend(every_field());
    let used: Vec<String> = used.into_iter().collect();
    let asking = asking(&used);
    let mut scratch = Scratch::default();
    let mut known = BTreeSet::new();
    let types = EventType::all().filter(|kind| answers::tells(*kind)).collect();
    let Some(live) = Live::start(test, types, move |event, keep| {
        let names: Vec<&str> = event.args.iter().map(|arg| arg.name).collect();
        let is_whole = answers::tells_all(event.kind) && names == event.kind.info().args;
        if !is_whole && (answers::tells_all(event.kind) || names.len() > 1) {
            keep(format!("{OTHER_ARGUMENTS} {}: {names:?}", event.kind.name()));
        }
        asking.matches(event, &mut scratch, &mut |rule| {
            if known.insert(rule.name.to_string()) {
                keep(rule.name.to_string());
            }
        });
    }) else {
        return;
    };
    let missing_at_last: BTreeSet<String> = used
        .iter()
        .filter(|field| ELSEWHERE.contains(&bare(field)) || answers::why_missing(bare(field)).is_some())
        .cloned()
        .collect();
    let mut missing: BTreeSet<String> = used.iter().cloned().collect();
    let deadline = Instant::now() + PATIENCE;
    while missing != missing_at_last && Instant::now() < deadline {
        act();
        while let Some(field) = live.next(Instant::now() + Duration::from_millis(200)) {
            assert!(!field.starts_with(OTHER_ARGUMENTS), "{field}");
            missing.remove(&field);
        }
    }
    let without: Vec<_> = missing.difference(&missing_at_last).collect();
    assert!(without.is_empty(), "no event has a value, and there is no reason: {without:?}");
    let superfluous: Vec<_> = missing_at_last.difference(&missing).collect();
    assert!(superfluous.is_empty(), "there is a value, and a reason why there is none: {superfluous:?}");
    println!(
        "stock rules: {stock} fields; with all others of calls {} of {} fields have a value in an event of the live source, {} are looked up elsewhere",
        used.len() - missing.len(),
        used.len(),
        missing.iter().filter(|field| ELSEWHERE.contains(&bare(field))).count(),
    );
}

/// Starts itself in a shell below, so often, and reads a file at last.
const NESTED: &str =
    "if [ $1 -gt 0 ]; then sh -c \"$2\" sh $(($1 - 1)) \"$2\" \"$3\"; else cat \"$3\" > /dev/null; fi; :";

/// Does something of everything that the rules ask about, in other processes: the source's own is not told.
fn act() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let file = path("file");
    std::fs::write(&file, "x").unwrap();
    let mut nested = Command::new("sh");
    nested.args(["-c", NESTED, "sh", "8", NESTED, &file]).env("CADGE", "1");
    assert!(nested.status().unwrap().success());
    let script = path("script");
    std::fs::write(&script, "#!/bin/sh\ntrue\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new(&script).status().unwrap().success());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"something").unwrap());
    let steps = [
        "socket 2 1 0".to_owned(),
        format!("connect $0 sin:127.0.0.1:{port} 16"),
        "recvfrom $0 b:16 16 0 0 0".to_owned(),
        format!("openat -100 s:{file} 0 0"),
        format!("symlinkat s:{file} -100 s:{}", path("linked")),
        format!("linkat -100 s:{file} -100 s:{} 0", path("hard")),
        format!("mkdirat -100 s:{} 448", path("made")),
        format!("renameat -100 s:{} -100 s:{}", path("made"), path("moved")),
        format!("unlinkat -100 s:{} 0x200", path("moved")),
        format!("fchmodat -100 s:{file} 511"),
        format!("unlinkat -100 s:{} 0", path("hard")),
        "mprotect 0 4096 4".to_owned(),
        "shutdown $0 99".to_owned(),
        "bpf 5 0 0".to_owned(),
        "setuid 0".to_owned(),
        "dup 0".to_owned(),
        "ptrace 16 0x7fffffff 0 0".to_owned(),
        "unshare 0x20000".to_owned(),
    ];
    run(Mode::Native, &steps.iter().map(String::as_str).collect::<Vec<_>>());
    server.join().unwrap();
}
