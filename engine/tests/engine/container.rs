//! `container.*` and `k8s.*`, and events whose container is still being looked up.

use std::cell::Cell;

use cadge_engine::{
    Alert, Container, ContainerState, KeptEvent, Mount, Outcome, Pod, RuleFile, RuleMatching, Ruleset,
    Scratch, Settings,
};
use proptest::prelude::*;

use super::build::{Scene, ruleset};

fn text(text: &str) -> String {
    text.to_owned()
}

fn container() -> Container {
    let labels =
        |labels: &[(&str, &str)]| labels.iter().map(|(key, value)| (text(key), text(value))).collect();
    let mount = |source: &str, destination: &str, is_writable| Mount {
        source: text(source),
        destination: text(destination),
        is_writable,
        propagation: text("private"),
        ..Mount::default()
    };
    Container {
        full_id: "0123456789abcdef".repeat(4),
        name: text("web"),
        runtime: text("containerd"),
        image: text("docker.io/library/nginx:1"),
        repository: text("docker.io/library/nginx"),
        tag: text("1"),
        privileged: Some(true),
        mounts: vec![mount("/proc/sys", "/host/proc", false), mount("/etc", "/host/etc", true)],
        labels: labels(&[
            ("io.kubernetes.pod.name", "web-1"),
            ("b", "2"),
            ("a", "1"),
            ("annotation.x", "y"),
            ("long", &"x".repeat(101)),
        ]),
        start_ns: 1_700_000_000_000_000_000,
        pod: Pod {
            name: text("web-1"),
            namespace: text("shop"),
            uid: text("u-1"),
            sandbox_id: "fedcba9876543210".repeat(4),
            labels: labels(&[("app", "web")]),
            ..Pod::default()
        },
        ..Container::default()
    }
}

fn scene(container: &str) -> Scene {
    let mut scene = Scene::read("cat", "/etc/shadow");
    scene.process().container_id = container.into();
    scene
}

fn rule(name: &str, condition: &str, output: &str) -> String {
    format!(
        "- {{rule: {name}, desc: d, priority: INFO, condition: 'evt.type = openat and {condition}', output: '{output}'}}\n"
    )
}

fn output(container: ContainerState<'_>, id: &str, output: &str) -> String {
    let rules = ruleset(&rule("R", "proc.name = cat", output));
    let mut alerts = Vec::new();
    scene(id).with_container(container, |event| rules.evaluate(event, &mut Scratch::default(), &mut alerts));
    alerts.remove(0).message
}

#[test]
fn every_field_says_what_the_runtime_said() {
    let container = container();
    for (field, expected) in [
        ("container.id", "0123456789ab"),
        ("container.image.repository", "docker.io/library/nginx"),
        ("container.image.digest", "<NA>"),
        ("container.privileged", "true"),
        ("container.host_pid", "<NA>"),
        ("container.labels", "a:1, b:2"),
        ("container.label[io.kubernetes.pod.name]", "web-1"),
        ("container.label[long]", "<NA>"),
        ("container.mounts", "/proc/sys:/host/proc::false:private,/etc:/host/etc::true:private"),
        ("container.mount[1]", "/etc:/host/etc::true:private"),
        ("container.mount.dest[/proc*]", "/host/proc"),
        ("container.mount.dest[/pro]", "<NA>"),
        ("container.mount.source[/host/etc]", "/etc"),
        ("container.mount.rdwr[/etc]", "true"),
        ("container.mount.mode[7]", "<NA>"),
        ("container.start_ts", "1700000000000000000"),
        ("container.duration", "1"),
        ("k8s.pod.name", "web-1"),
        ("k8s.ns.name", "shop"),
        ("k8s.pod.id", "u-1"),
        ("k8s.pod.sandbox_id", "fedcba987654"),
        ("k8s.pod.labels", "app:web"),
        ("k8s.pod.label[app]", "web"),
    ] {
        let known = ContainerState::Known(&container);
        assert_eq!(output(known, "0123456789ab", &format!("%{field}")), expected, "{field}");
    }
}

#[test]
fn a_container_that_nobody_knows_has_its_id() {
    assert_eq!(
        output(ContainerState::Unknown, "x", "%container.id %container.name %k8s.ns.name"),
        "x <NA> <NA>"
    );
    assert_eq!(
        output(ContainerState::Unknown, "", "%container.id %container.name %container.image"),
        "host host <NA>"
    );
}

#[test]
fn the_first_process_of_the_container_says_when_it_started() {
    let mut scene = scene("x");
    let parent = scene.processes.get_mut(&20).unwrap();
    (parent.vpid, parent.start_ns, parent.container_id) = (1, 7, "x".into());
    let rules = ruleset(&rule("R", "proc.name = cat", "%container.start_ts"));
    assert_eq!(scene.alerts(&rules)[0].message, "7");
}

fn evaluate(rules: &Ruleset, container: ContainerState<'_>) -> (Outcome, Vec<Alert>) {
    let mut alerts = Vec::new();
    let outcome = scene("x")
        .with_container(container, |event| rules.evaluate(event, &mut Scratch::default(), &mut alerts));
    (outcome, alerts)
}

#[test]
fn only_what_matters_is_waited_for() {
    let asked = Cell::new(false);
    let container = container();
    for (condition, output, expected) in [
        ("container.id = x", "o", Outcome::Final),
        ("container.id = x", "%container.id", Outcome::Final),
        ("container.id = x", "%container.name", Outcome::Pending),
        ("container.image contains nginx", "o", Outcome::Pending),
        ("container.image.repository = docker.io/library/nginx", "o", Outcome::Pending),
        ("not container.privileged = true", "o", Outcome::Pending),
        ("container.image contains nginx and proc.name = dog", "o", Outcome::Final),
        ("(container.image contains nginx or proc.name = cat)", "o", Outcome::Final),
        ("container.mount.dest[/proc*] exists", "o", Outcome::Pending),
        ("toupper(container.name) = WEB", "o", Outcome::Pending),
        ("k8s.ns.name in (shop)", "o", Outcome::Pending),
        ("proc.name = dog", "%container.name", Outcome::Final),
    ] {
        let rules = ruleset(&rule("R", condition, output));
        let (outcome, alerts) = evaluate(&rules, ContainerState::Pending(&asked));
        assert_eq!(outcome, expected, "{condition}");
        assert!(outcome == Outcome::Final || alerts.is_empty());
        assert_eq!(evaluate(&rules, ContainerState::Known(&container)).0, Outcome::Final);
    }
}

#[test]
fn an_event_that_is_kept_says_the_same() {
    let fields: Vec<String> = cadge_engine::fields::all()
        .filter(|field| field.argument != cadge_engine::fields::Argument::Required && !field.filter_only)
        .filter(|field| {
            ["evt.", "proc.", "fd.", "user.", "container."].iter().any(|start| field.name.starts_with(start))
        })
        .map(|field| format!("{0}=%{0}", field.name))
        .collect();
    let extra = "%evt.arg.name %evt.arg.flags %evt.rawarg.name %proc.aname[1] %proc.aname[2] %proc.sname";
    let rules = ruleset(&rule("R", "container.name = web", &format!("{} {extra}", fields.join(" "))));
    let (container, asked) = (container(), Cell::new(false));
    let mut scene = scene("x");
    scene.process().sid = 10;
    let mut alerts = Vec::new();
    let mut evaluate =
        |event: &cadge_engine::Event<'_>| rules.evaluate(event, &mut Scratch::default(), &mut alerts);
    scene.with_container(ContainerState::Known(&container), &mut evaluate);
    let kept = scene.with_container(ContainerState::Pending(&asked), |event| {
        assert_eq!(evaluate(event), Outcome::Pending);
        KeptEvent::new(event)
    });
    drop(scene);
    assert_eq!(kept.container_id(), "x");
    kept.with(ContainerState::Known(&container), &mut evaluate);
    assert_eq!(alerts.len(), 2);
    assert!(alerts[0].message.contains("/etc/shadow"));
    assert_eq!(alerts[0], alerts[1]);
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "proc.name = cat",
        "proc.name = dog",
        "container.id != host",
        "container.image.repository = a",
        "container.image.repository startswith b",
        "container.name exists",
        "container.privileged = true",
        "k8s.ns.name in (a, b)",
        "container.image.repository = val(k8s.ns.name)",
        "container.start_ts > 5",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts.clone().prop_map(|parts| format!("({})", parts.join(" and "))),
            parts.prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn any_container() -> impl Strategy<Value = Option<Container>> {
    let word = || prop::sample::select(vec!["", "a", "b", "bc"]).prop_map(str::to_owned);
    let container = (word(), word(), word(), any::<Option<bool>>(), 0..9_u64);
    prop::option::of(container.prop_map(|(repository, name, namespace, privileged, start_ns)| Container {
        repository,
        name,
        privileged,
        start_ns,
        pod: Pod { name: text("p"), namespace, ..Pod::default() },
        ..Container::default()
    }))
}

proptest! {
    #[test]
    fn what_is_final_before_the_answer_is_so_behind_it(
        conditions in prop::collection::vec((condition(), prop::bool::ANY), 1..5),
        containers in prop::collection::vec(any_container(), 1..6),
        all in prop::bool::ANY,
    ) {
        let rule_text = |(at, (condition, names)): (usize, &(String, bool))| {
            rule(&format!("R{at}"), condition, if *names { "%container.name" } else { "o" })
        };
        let text: String = conditions.iter().enumerate().map(rule_text).collect();
        let rule_matching = if all { RuleMatching::All } else { RuleMatching::First };
        let settings = Settings { rule_matching, ..Settings::default() };
        let rules = Ruleset::load(&[RuleFile { name: "r", text: &text }], &settings).ruleset.unwrap();
        let asked = Cell::new(false);
        let (outcome, before) = evaluate(&rules, ContainerState::Pending(&asked));
        if outcome == Outcome::Pending {
            prop_assert!(before.is_empty());
            return Ok(());
        }
        for container in &containers {
            let state = container.as_ref().map_or(ContainerState::Unknown, ContainerState::Known);
            prop_assert_eq!(&evaluate(&rules, state).1, &before);
        }
    }
}
