//! A real Alertmanager.

use std::collections::BTreeSet;
use std::process::Command;

use cadge_proto::Alert;

use super::counterpart::{Counterpart, UNPACKED, find, skip};
use super::feed::{Log, alert};
use super::server::wait_for_metric;

/// Alertmanager knows an alert by its labels: each of these has a rule of its own.
const COUNT: u16 = 300;

#[tokio::test]
async fn alertmanager_has_every_alert_with_its_labels() {
    let Some(server) = start() else { return };
    let log = Log::default();
    for number in 1..=COUNT {
        log.push(Alert { rule: format!("Rule {number}"), ..alert(number.into(), 4) });
    }
    let yaml = format!(
        "alertmanager:\n  hostport: ['http://{}']\n  extralabels: {{team: infra}}\n",
        server.address()
    );
    let (_running, stop, registry) = log.start(&yaml);
    let line = "falcosecurity_falcosidekick_outputs_total{destination=\"alertmanager\",status=\"ok\"}";
    wait_for_metric(&registry, line, COUNT.into()).await;
    stop.cancel();
    let url = format!("http://{}/api/v2/alerts?filter=team%3Dinfra", server.address());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let alerts: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let rules: BTreeSet<&str> = alerts.iter().filter_map(|alert| alert["labels"]["rule"].as_str()).collect();
    assert_eq!((alerts.len(), rules.len()), (COUNT.into(), COUNT.into()), "{}", server.log());
    let one = alerts.iter().find(|alert| alert["labels"]["rule"] == "Rule 7").unwrap();
    assert_eq!(one["labels"]["hostname"], "node-1");
    assert_eq!(one["labels"]["severity"], "warning");
    assert_eq!(one["status"]["state"], "active");
    assert!(one["annotations"]["description"].as_str().unwrap().ends_with("#7"), "{one}");
}

/// Debian's looks for its templates below `/usr/share` and nowhere else: an unpacked one is shown that as its own.
const SHOWN: &str = r#"[ ! -d "$1" ] || mount --rbind "$1" /usr/share; shift; exec "$@""#;

fn start() -> Option<Counterpart> {
    let (test, name) = ("alertmanager_has_every_alert_with_its_labels", "prometheus-alertmanager");
    let Some(program) = find(name) else { return skip(test, name) };
    let allowed = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return skip(test, "unshare, and leave to use it");
    }
    let unpacked = if program.starts_with(UNPACKED) { "usr/share" } else { "nowhere" };
    Counterpart::start(test, "unshare", |command, dir, port| {
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SHOWN, "sh"]);
        command.arg(std::path::Path::new(UNPACKED).join(unpacked)).arg(&program);
        let config = dir.join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.path={}", dir.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
    })
}
