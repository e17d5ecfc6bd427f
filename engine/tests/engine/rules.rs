//! Cadge's own rules: each fires on what it is for, and not on what looks like it.

use cadge_engine::{Priority, Ruleset};

use super::build::{Scene, ruleset};

const OWN: &str = include_str!("../../../rules/cadge_rules.yaml");

#[track_caller]
fn fires(rules: &Ruleset, scene: &Scene, rule: &str) {
    let alerts = scene.alerts(rules);
    let names: Vec<&str> = alerts.iter().map(|alert| &*alert.rule).collect();
    assert_eq!(names, [rule]);
    assert!(!alerts[0].message.contains('%'), "{}", alerts[0].message);
}

#[track_caller]
fn is_silent(rules: &Ruleset, scene: &Scene) {
    assert_eq!(scene.alerts(rules), []);
}

#[test]
fn files() {
    let rules = ruleset(OWN);
    fires(&rules, &Scene::read("cat", "/etc/shadow"), "Sensitive file read by an unexpected program");
    is_silent(&rules, &Scene::read("sshd", "/etc/shadow"));
    is_silent(&rules, &Scene::read("cat", "/etc/shadow.txt"));
    let mut failed = Scene::read("cat", "/etc/shadow");
    failed.result = -13;
    is_silent(&rules, &failed);
    fires(
        &rules,
        &Scene::read("cp", "/home/a/.ssh/id_ed25519"),
        "SSH private key read by an unexpected program",
    );
    is_silent(&rules, &Scene::read("ssh", "/home/a/.ssh/id_ed25519"));
    is_silent(&rules, &Scene::read("cp", "/home/a/.ssh/id_ed25519.pub"));
    fires(&rules, &Scene::write("cp", "/usr/bin/ls"), "File written below a binary directory");
    is_silent(&rules, &Scene::write("dpkg", "/usr/bin/ls"));
    is_silent(&rules, &Scene::write("cp", "/usr/binary"));
    is_silent(&rules, &Scene::read("cp", "/usr/bin/ls"));
    fires(&rules, &Scene::write("tee", "/etc/passwd"), "Account database written by an unexpected program");
    is_silent(&rules, &Scene::write("useradd", "/etc/passwd"));
    fires(
        &rules,
        &Scene::write("tee", "/root/.ssh/authorized_keys"),
        "SSH key authorised by an unexpected program",
    );
    is_silent(&rules, &Scene::write("tee", "/root/.ssh/known_hosts"));
    fires(&rules, &Scene::write("python3", "/root/.bash_history"), "Shell history emptied");
    is_silent(&rules, &Scene::write("bash", "/root/.bash_history"));
}

#[test]
fn processes() {
    let rules = ruleset(OWN);
    fires(&rules, &Scene::exec("sh", "nginx"), "Shell started by a server");
    is_silent(&rules, &Scene::exec("sh", "sshd"));
    let mut scene = Scene::exec("x", "sh");
    scene.process().exe_path = (*b"/tmp/x").into();
    fires(&rules, &scene, "Program run from a temporary directory");
    scene.process().exe_path = (*b"/tmpx/x").into();
    is_silent(&rules, &scene);
    scene.process().exe_from_memfd = true;
    fires(&rules, &scene, "Program run from memory");
    let mut scene = Scene::exec("apt-get", "sh");
    is_silent(&rules, &scene);
    scene.process().container_id = "0123456789ab".into();
    fires(&rules, &scene, "Package manager run in a container");
}

#[test]
fn connections() {
    let rules = ruleset(OWN);
    fires(&rules, &Scene::connect("x", "198.51.100.1:3333"), "Connection to a mining pool port");
    is_silent(&rules, &Scene::connect("x", "198.51.100.1:443"));
    is_silent(&rules, &Scene::connect("x", "10.1.2.3:3333"));
    let mut refused = Scene::connect("x", "198.51.100.1:3333");
    refused.result = -111;
    is_silent(&rules, &refused);
}

#[test]
fn every_rule_is_tagged_and_says_who() {
    for rule in ruleset(OWN).rules() {
        assert!(rule.tags.iter().any(|tag| tag.starts_with("mitre_")), "{}", rule.name);
        assert!(rule.tags.iter().any(|tag| tag.starts_with('T')), "{}", rule.name);
        assert!(rule.priority <= Priority::Notice, "{}", rule.name);
        assert!(rule.event_types().count() <= 5, "{}", rule.name);
    }
}

#[test]
fn an_alert_names_file_command_parent_and_user() {
    let alert = Scene::read("cat", "/etc/shadow").alerts(&ruleset(OWN)).remove(0);
    for part in ["file=/etc/shadow", "command=cat arg", "parent=sh", "user=root", "grandparent=init"] {
        assert!(alert.message.contains(part), "{part} in {}", alert.message);
    }
    assert!(alert.output_fields.iter().any(|(key, value)| &**key == "proc.aname[2]" && value == "init"));
}
