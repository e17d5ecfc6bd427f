//! Falco's own clients, unmodified, and others that use its API as they do.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::access::Python;
use crate::falco_clients::{Way, assert_each_once, go, had, has_go, has_python, pki, python, site};
use crate::support::{Process, Site, stderr, stdout, wait_for};
use crate::synthetic::Sensor;

/// Alerts of a test.
const ALERTS: u64 = 2500;

/// The ways in which client-go is used to subscribe; `exporter` is falco-exporter's.
const GO_SUBSCRIBES: [&str; 4] = ["sub", "sub-one", "sub-watch", "exporter"];

/// Waits for the clients that stay to have subscribed.
fn wait_for_subscribers(site: &Site, count: usize) {
    let line = format!("cadge_hub_subscribers{{api=\"falco\"}} {count}");
    wait_for(&line, || site.page("/metrics").lines().any(|found| found == line).then_some(()));
}

fn wait_for_alerts(client: &str, process: &Process, count: u64) {
    wait_for(&format!("{count} alerts at {client}"), || {
        let lines = process.stdout.count() as u64;
        (lines >= count).then_some(())
    });
}

#[test]
fn old_clients_of_every_kind_get_every_alert_at_the_same_time() {
    let test = "old_clients_of_every_kind_get_every_alert_at_the_same_time";
    let names = ["go-sub", "go-sub-one", "go-sub-watch", "go-exporter", "py", "stubs", "go-get", "py-get"];
    let site = site("", &names);
    let _hub = site.hub();
    let mut commands = Vec::new();
    let (has_go, has_python) = (has_go(test), has_python(test));
    if has_go {
        for method in GO_SUBSCRIBES {
            let name = format!("go-{method}");
            commands.push((format!("{name} by TLS"), go(&site, method, Way::Tls(&name))));
            commands.push((format!("{name} by socket"), go(&site, method, Way::Socket)));
        }
    }
    if has_python {
        commands.push(("py by TLS".to_owned(), python(&site, "sub", Way::Tls("py"))));
        commands.push(("py by socket".to_owned(), python(&site, "sub", Way::Socket)));
    }
    let stubs = Python::new(test);
    if let Some(stubs) = &stubs {
        let target = format!("localhost:{}", site.grpc);
        let files = [pki(&site, "ca.crt"), pki(&site, "stubs.crt"), pki(&site, "stubs.key")];
        let args = ["sub", &target, "0", &files[0], &files[1], &files[2]];
        commands.push(("stubs by TLS".to_owned(), stubs.command(&args)));
    }
    let clients: Vec<_> =
        commands.iter_mut().map(|(name, command)| (name.clone(), Process::start(command))).collect();
    wait_for_subscribers(&site, clients.len());
    Sensor::connect(&site.path("cadge.sock")).send_up_to(ALERTS);
    for (name, process) in &clients {
        wait_for_alerts(name, process, ALERTS);
        assert_each_once(name, &had(&process.stdout.all()), 1..=ALERTS);
    }
    // What those have had is nobody else's loss.
    for (is_there, mut command) in [
        (has_go, go(&site, "get", Way::Tls("go-get"))),
        (has_python, python(&site, "get", Way::Tls("py-get"))),
    ] {
        if is_there {
            assert_each_once("get by TLS", &gotten(&mut command), 1..=ALERTS);
            assert_eq!(gotten(&mut command), BTreeMap::new(), "what was had comes once");
        }
    }
}

/// What a client prints until it ends.
fn gotten(command: &mut Command) -> BTreeMap<u64, usize> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    had(&stdout(&output).lines().map(ToString::to_string).collect::<Vec<_>>())
}

#[test]
fn get_by_socket_goes_on_where_the_user_was() {
    let test = "get_by_socket_goes_on_where_the_user_was";
    let site = site("", &[]);
    let _hub = site.hub();
    let mut sensor = Sensor::connect(&site.path("cadge.sock"));
    let mut first = 1;
    for (is_there, mut command) in
        [(has_go(test), go(&site, "get", Way::Socket)), (has_python(test), python(&site, "get", Way::Socket))]
    {
        if is_there {
            let last = first + ALERTS - 1;
            sensor.send_up_to(last);
            assert_each_once("get by socket", &gotten(&mut command), first..=last);
            first = last + 1;
        }
    }
}

#[test]
fn old_clients_read_the_version() {
    let test = "old_clients_read_the_version";
    let site = site("", &["old"]);
    let _hub = site.hub();
    for way in [Way::Socket, Way::Tls("old")] {
        for (is_there, mut command) in
            [(has_go(test), go(&site, "version", way)), (has_python(test), python(&site, "version", way))]
        {
            if !is_there {
                continue;
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"), "{way:?}");
            // Both know the engine's version by the number that is the minor one today.
            assert!(answer["engine_version"].as_u64().is_some_and(|version| version > 0), "{answer}");
        }
    }
}

#[test]
fn falco_exporter_ends_well_with_the_stream_and_badly_without() {
    let test = "falco_exporter_ends_well_with_the_stream_and_badly_without";
    if !has_go(test) {
        return;
    }
    let site = site("", &["exporter"]);
    for (is_killed, code) in [(false, 0), (true, 1)] {
        let mut hub = site.hub();
        let mut exporter = Process::start(&mut go(&site, "exporter", Way::Tls("exporter")));
        wait_for_subscribers(&site, 1);
        if is_killed {
            hub.kill();
        } else {
            assert!(hub.interrupt().success());
        }
        assert_eq!(exporter.wait().code(), Some(code), "{:?}", exporter.stderr.all());
    }
}

#[test]
fn a_client_that_redials_misses_nothing_when_the_hub_restarts() {
    let test = "a_client_that_redials_misses_nothing_when_the_hub_restarts";
    if !has_go(test) {
        return;
    }
    let site = site("", &["redial"]);
    let mut hub = site.hub();
    let by_tls = Process::start(&mut go(&site, "redial", Way::Tls("redial")));
    let by_socket = Process::start(&mut go(&site, "redial", Way::Socket));
    wait_for_subscribers(&site, 2);
    let mut last = 0;
    for round in 0..4 {
        let mut sensor = Sensor::connect(&site.path("cadge.sock"));
        last += 300;
        sensor.send_up_to(last);
        drop(sensor);
        if round % 2 == 0 {
            hub.kill();
        } else {
            hub.interrupt();
        }
        hub = site.hub();
        // These come while the clients are away, or are just coming back.
        last += 300;
        Sensor::connect(&site.path("cadge.sock")).send_up_to(last);
    }
    for (name, client) in [("by TLS", &by_tls), ("by socket", &by_socket)] {
        wait_for(&format!("all alerts {name}"), || {
            (had(&client.stdout.all()).len() as u64 == last).then_some(())
        });
    }
    drop(hub);
}

#[test]
fn what_a_client_was_sent_while_it_stood_still_comes_again() {
    let test = "what_a_client_was_sent_while_it_stood_still_comes_again";
    if !has_go(test) {
        return;
    }
    let site = site("", &["still"]);
    let _hub = site.hub();
    for (way, first) in [(Way::Tls("still"), 1), (Way::Socket, 101)] {
        let mut still = Process::start(&mut go(&site, "sub-watch", way));
        wait_for_subscribers(&site, 1);
        still.signal(Signal::SIGSTOP);
        // Few enough for the connection's buffers: the hub is rid of them all.
        Sensor::connect(&site.path("cadge.sock")).send_up_to(first + 99);
        std::thread::sleep(Duration::from_secs(3));
        still.kill();
        wait_for_subscribers(&site, 0);
        let again = Process::start(&mut go(&site, "sub-watch", way));
        wait_for_alerts("the client that came back", &again, 100);
        assert_each_once("the client that came back", &had(&again.stdout.all()), first..=first + 99);
        drop(again);
        wait_for_subscribers(&site, 0);
    }
}

#[test]
fn with_a_shared_queue_old_clients_divide_the_alerts() {
    let test = "with_a_shared_queue_old_clients_divide_the_alerts";
    let site = site("", &["go", "py"]);
    let config = std::fs::read_to_string(site.path("hub.yaml")).unwrap();
    let config = config.replacen("grpc:\n", "grpc:\n  outputs: {shared_queue: true}\n", 1);
    std::fs::write(site.path("hub.yaml"), config).unwrap();
    let _hub = site.hub();
    let mut commands = Vec::new();
    if has_go(test) {
        commands.push(go(&site, "sub-watch", Way::Tls("go")));
        commands.push(go(&site, "sub", Way::Socket));
    }
    if has_python(test) {
        commands.push(python(&site, "sub", Way::Tls("py")));
    }
    let clients: Vec<_> = commands.iter_mut().map(Process::start).collect();
    if clients.is_empty() {
        return;
    }
    wait_for_subscribers(&site, clients.len());
    Sensor::connect(&site.path("cadge.sock")).send_up_to(ALERTS);
    let together = || clients.iter().map(|client| client.stdout.count() as u64).sum::<u64>();
    wait_for("all alerts", || (together() >= ALERTS).then_some(()));
    let lines: Vec<String> = clients.iter().flat_map(|client| client.stdout.all()).collect();
    assert_each_once("all together", &had(&lines), 1..=ALERTS);
    assert!(clients.iter().all(|client| client.stdout.count() > 0), "each has a part");
}
