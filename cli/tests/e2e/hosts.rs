//! Rules that name hosts: what addresses those have is looked up in the background. And the stock rules as
//! they are, which do.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Process, Site, cadge, is_root, wait_for};

#[test]
fn a_connection_has_the_name_of_its_server() {
    if !is_root("a_connection_has_the_name_of_its_server") {
        return;
    }
    let site = Site::new("");
    let _hub = site.hub();
    let tail = Process::start(
        cadge().args(["tail", "--json", "--from", "beginning", "--socket"]).arg(site.path("cadge.sock")),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let rule = |name: &str, condition: &str| {
        format!(
            "- rule: {name}\n  desc: d\n  condition: evt.type = connect and fd.sport = {} and {condition}\n  \
             output: \"{name} server=%fd.sip.name\"\n  priority: WARNING\n",
            address.port()
        )
    };
    let rules = rule("Connected elsewhere", "fd.sip.name exists and not fd.sip.name in (localhost)")
        + &rule("Connected to a named host", "fd.sip.name in (localhost, no.such.host.invalid)");
    let _sensor = site.sensor(&rules);
    // Before the first answer of the resolver there is no name.
    wait_for("alert with the server's name", || {
        drop(TcpStream::connect(address).unwrap());
        tail.stdout.all().iter().any(|line| line.contains("Connected to a named host")).then_some(())
    });
    let line = tail.stdout.wait("Connected to a named host");
    assert!(line.contains("server=localhost"), "{line}");
    assert!(!tail.stdout.all().iter().any(|line| line.contains("Connected elsewhere")));
}

#[test]
fn all_stock_rules_run() {
    let test = "all_stock_rules_run";
    let rules = std::env::var_os("CADGE_COMPAT").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compat/rules")),
        |compat| PathBuf::from(compat).join("rules"),
    );
    let files = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let files = files.map(|name| rules.join(name));
    if let Some(missing) = files.iter().find(|file| !file.exists()) {
        eprintln!("SKIPPED {test}: no {}", missing.display());
        return;
    }
    if !is_root(test) {
        return;
    }
    let site = Site::new("");
    let _hub = site.hub();
    let tail = Process::start(
        cadge().args(["tail", "--json", "--from", "beginning", "--socket"]).arg(site.path("cadge.sock")),
    );
    let sensor = Process::start(
        cadge().arg("sensor").arg("--config").arg(site.path("sensor.yaml")).arg("--rules").args(&files),
    );
    sensor.stderr.wait("cadge sensor:");
    let unanswered: Vec<String> =
        sensor.stderr.all().into_iter().filter(|line| line.contains("is never answered")).collect();
    assert!(unanswered.is_empty(), "{unanswered:?}");
    assert!(Command::new("cat").arg("/etc/shadow").output().unwrap().status.success());
    let line = tail.stdout.wait("Read sensitive file untrusted");
    assert!(line.contains("cat /etc/shadow"), "{line}");
}
