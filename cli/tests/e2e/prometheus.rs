//! The metrics page, the alert rules and the dashboard, before a real Prometheus.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::pipeline::sink;
use crate::support::{Process, Site, free_port, skip, stderr, stdout, wait_for};
use crate::synthetic::{Sensor, exported};

/// Alerts that the workload has.
const ALERTS: u64 = 210;

/// Names that are Falco's, falco-exporter's or falcosidekick's: `promtool` would have chosen others.
const THEIRS: [&str; 2] = ["falco_events", "falcosecurity_"];

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// A command of Prometheus, as `scripts/setup.sh` has put it below `target/` or as it is installed.
fn tool(test: &str, name: &str) -> Option<Command> {
    let ours = file("target/prometheus/usr/bin").join(name);
    let command = if ours.exists() { ours } else { name.into() };
    let found = Command::new(&command).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        skip(test, &format!("`{name}` is not installed"));
    }
    found.then(|| Command::new(command))
}

/// A hub with alerts of every kind, a sensor with all its counters, and an integration.
fn fleet() -> (Site, Process, Sensor) {
    let (port, _) = sink();
    let site = Site::new(&format!("integrations:\n  webhook:\n    address: http://127.0.0.1:{port}/\n"));
    let hub = site.hub();
    let mut sensor = Sensor::connect(&site.path("cadge.sock"));
    sensor.heartbeat();
    sensor.send_up_to(ALERTS);
    (site, hub, sensor)
}

/// The metrics page once everything of the workload is on it.
fn page(site: &Site) -> String {
    wait_for("complete metrics page", || {
        let answer = site.page("/metrics");
        let (_, page) = answer.split_once("\r\n\r\n").unwrap();
        let is_read = page.contains("cadge_consumer_lag_alerts{consumer=\"exporter\"} 0\n");
        (is_read && page.contains("cadge_sensor_dropped_total{")).then(|| page.to_owned())
    })
}

#[test]
fn falco_events_are_falco_exporters_line_by_line() {
    let (site, _hub, _sensor) = fleet();
    let page = page(&site);
    let lines: Vec<&str> = page.lines().collect();
    // Go's client writes an empty help where a metric has none.
    let head = lines.iter().position(|line| *line == "# HELP falco_events ").expect("the empty help");
    assert_eq!(lines[head + 1], "# TYPE falco_events counter");
    let ours: BTreeSet<String> =
        lines[head + 2..].iter().take_while(|line| !line.starts_with('#')).map(ToString::to_string).collect();
    assert_eq!(ours, exported(ALERTS));
}

#[test]
fn the_metrics_page_is_as_prometheus_wants_it() {
    let Some(mut promtool) = tool("the_metrics_page_is_as_prometheus_wants_it", "promtool") else { return };
    let (site, _hub, _sensor) = fleet();
    let page = page(&site);
    for sensors in [
        "cadge_sensor_info{sensor=\"synthetic\",hostname=\"node-1\",version=\"0.1.0\",kernel=\"6.1.0\",rules=\"1a2b3c4d\",sources=\"ebpf\"} 1",
        "cadge_sensor_up{sensor=\"synthetic\",hostname=\"node-1\"} 1",
        "cadge_sensor_dropped_total{sensor=\"synthetic\",hostname=\"node-1\",class=\"bulk\",cause=\"ring_full\"} 7",
        "falcosecurity_scap_n_drops_total{sensor=\"synthetic\",hostname=\"node-1\"} 7",
    ] {
        assert!(page.lines().any(|line| line == sensors), "{sensors} in {page}");
    }
    let mut check = promtool.args(["check", "metrics"]);
    check = check.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = check.spawn().unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = stdout(&output) + &stderr(&output);
    for line in told.lines() {
        assert!(THEIRS.iter().any(|name| line.starts_with(name)), "promtool: {line}");
    }
}

#[test]
fn the_alert_rules_pass_their_tests() {
    for (command, name) in [("check", "cadge.rules.yaml"), ("test", "cadge.rules.test.yaml")] {
        let Some(mut promtool) = tool("the_alert_rules_pass_their_tests", "promtool") else { return };
        let folder = file("deploy/prometheus");
        let output = promtool.current_dir(folder).args([command, "rules", name]).output().unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    }
}

/// A Prometheus that scrapes a hub every second.
struct Prometheus {
    port: u16,
    _dir: tempfile::TempDir,
    _process: Process,
}

impl Prometheus {
    fn start(mut command: Command, hub: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files: [{}]\nscrape_configs:\n  \
             - job_name: cadge-hub\n    static_configs:\n      - targets: ['127.0.0.1:{hub}']\n",
            file("deploy/prometheus/cadge.rules.yaml").display()
        );
        fs::write(&config, text).unwrap();
        let port = free_port();
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let prometheus = Self { port, _dir: dir, _process: Process::start(&mut command) };
        wait_for("Prometheus", || prometheus.get("/-/ready").filter(|text| text.contains("200 OK")));
        prometheus
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.get(path).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// How many series an expression has now. One that can't be evaluated fails the test.
    fn query(&self, expr: &str) -> usize {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in expr.bytes() {
            path.push_str(&format!("%{byte:02x}"));
        }
        let answer = self.json(&path);
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        answer["data"]["result"].as_array().unwrap().len()
    }
}

/// The panels that ask for something.
fn panels() -> Vec<Value> {
    let text = fs::read_to_string(file("deploy/grafana/cadge.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

#[test]
fn prometheus_has_data_for_every_panel_and_evaluates_every_rule() {
    let Some(command) = tool("prometheus_has_data_for_every_panel_and_evaluates_every_rule", "prometheus")
    else {
        return;
    };
    let (site, _hub, _sensor) = fleet();
    page(&site);
    let prometheus = Prometheus::start(command, site.http);
    wait_for("rate, which needs two scrapes", || {
        (prometheus.query("rate(falco_events[1m])") > 0).then_some(())
    });
    let mut asked = 0;
    for panel in panels() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expr = target["expr"].as_str().unwrap();
            let expr =
                expr.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$host", ".*");
            wait_for(&format!("data for `{}`: {expr}", panel["title"]), || {
                (prometheus.query(&expr) > 0).then_some(())
            });
            asked += 1;
        }
    }
    assert!(asked > 20, "only {asked} expressions");
    let rules = wait_for("evaluation of every rule", || {
        let answer = prometheus.json("/api/v1/rules");
        let groups = answer["data"]["groups"].as_array().unwrap().clone();
        let rules: Vec<Value> =
            groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    });
    assert_eq!(rules.len(), 17);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        prometheus.query(rule["query"].as_str().unwrap());
    }
}

#[test]
fn the_dashboard_is_as_grafana_wants_it() {
    let text = fs::read_to_string(file("deploy/grafana/cadge.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    assert!(dashboard["uid"].as_str().unwrap().len() <= 40);
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(
        variables.iter().any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource")
    );
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "the id of {title} stands twice");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("w") > 0 && place("h") > 0 && place("x") + place("w") <= 24, "{title} is too wide");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title} lies upon another panel");
            }
        }
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title} asks for nothing");
        }
    }
}
