//! Google Cloud: tokens for signed requests, checked by another program, and a server of Storage's protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_integrations::{Config, DeadLetters};
use prometheus::Registry;
use serde_json::Value;

use super::counterpart::{self, Counterpart};
use super::feed::{Log, alert};
use super::restart::{assert_all_in_order, deliver_over_a_restart, number};
use super::secrets;
use super::server::wait_for_metric;

/// `make setup-test` puts it there. It has what checks RSA signatures.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python-aws/bin/python");

/// And this.
const STORAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/clients/fake-gcs-server");

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn start(test: &str) -> Option<Counterpart> {
    Counterpart::start(test, PYTHON, |command, dir, port| {
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/google_server.py"));
        command.arg(port.to_string()).arg(dir);
    })
}

async fn ask(server: &Counterpart, path: &str) -> Value {
    let url = format!("http://{}{path}", server.address());
    let client = client();
    let request = if path == "/revoke" { client.post(url) } else { client.get(url) };
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

fn account(server: &Counterpart) -> String {
    std::fs::read_to_string(server.dir.path().join("account.json")).unwrap()
}

fn section(server: &Counterpart, credentials: &str) -> String {
    let address = server.address();
    format!(
        "gcp:\n  {credentials}\n  pubsub:\n    projectid: fleet\n    topic: alerts\n    customattributes: {{team: blue}}\n    ordered: true\n    endpoint: http://{address}\n"
    )
}

async fn delivered(registry: &Registry, label: &str, count: f64) {
    let line = format!("falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"ok\"}}");
    wait_for_metric(registry, &line, count).await;
}

#[tokio::test]
async fn a_signed_request_gets_one_token_for_all_and_another_once_that_is_revoked() {
    let Some(server) = start("a_signed_request_gets_one_token_for_all") else { return };
    secrets::listen();
    let log = Log::default();
    for sequence in 1..=1500 {
        log.push(alert(sequence, 4));
    }
    let credentials = format!("credentials: {}", STANDARD.encode(account(&server)));
    let (_running, stop, registry) = log.start(&section(&server, &credentials));
    delivered(&registry, "gcppubsub", 1500.0).await;
    ask(&server, "/revoke").await;
    for sequence in 1501..=1510 {
        log.push(alert(sequence, 4));
    }
    delivered(&registry, "gcppubsub", 1510.0).await;
    stop.cancel();
    let seen = ask(&server, "/seen").await;
    let scope = "https://www.googleapis.com/auth/pubsub";
    assert_eq!((&seen["grants"], &seen["unauthorized"]), (&serde_json::json!([scope, scope]), &1.into()));
    let published = seen["published"].as_array().unwrap();
    assert_eq!(published.len(), 1510);
    assert!(!secrets::is_logged("ya29."));
    for (sequence, entry) in (1..).zip(published) {
        assert!(entry[0].as_str().unwrap().ends_with(&format!(" #{sequence}")), "{sequence}: {entry}");
        assert_eq!((&entry[1]["team"], &entry[2]), (&"blue".into(), &"s1".into()));
    }
}

#[tokio::test]
async fn alerts_wait_while_no_token_can_be_had_and_no_secret_is_shown() {
    let Some(server) = start("alerts_wait_while_no_token_can_be_had") else { return };
    secrets::listen();
    let (log, dead) = (Log::default(), DeadLetters::open(None, 10).unwrap());
    // Another account signs with this key.
    let wrong = account(&server).replace("hub@fleet", "other@fleet");
    let yaml = section(&server, &format!("credentials: {}", STANDARD.encode(&wrong)));
    let config: Config = serde_saphyr::from_str(&yaml).unwrap();
    let (running, stop, registry) = log.start_config(&config, dead.clone()).unwrap();
    log.push(alert(1, 4));
    wait_for_metric(&registry, "cadge_integration_retries_total{destination=\"gcppubsub\"}", 1.0).await;
    stop.cancel();
    let shown = format!("{:?} {config:?}", running.live().states());
    assert!(shown.contains("invalid_grant: AssertionError claims"), "{shown}");
    let key: Value = serde_json::from_str(&wrong).unwrap();
    let line = key["private_key"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
    for secret in [&line, &STANDARD.encode(&wrong), "ya29."] {
        assert!(!shown.contains(secret) && !secrets::is_logged(secret), "{shown}");
    }
    assert!(secrets::is_logged("invalid_grant: AssertionError claims"));
    assert!(dead.list(None, 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_machines_own_account_is_asked_for_where_the_environment_says() {
    let name = "the_machines_own_account_is_asked_for_where_the_environment_says";
    if let Ok(address) = std::env::var("GCE_METADATA_HOST") {
        let log = Log::default();
        let yaml = format!(
            "gcp:\n  workloadidentity: true\n  pubsub: {{projectid: fleet, topic: alerts, endpoint: 'http://{address}'}}\n"
        );
        log.push(alert(1, 4));
        let (_running, stop, registry) = log.start(&yaml);
        delivered(&registry, "gcppubsub", 1.0).await;
        return stop.cancel();
    }
    let Some(server) = start(name) else { return };
    counterpart::again(&format!("google::{name}"), &[("GCE_METADATA_HOST", &server.address())]);
    let seen = ask(&server, "/seen").await;
    assert_eq!((&seen["grants"], &seen["unauthorized"]), (&serde_json::json!(["metadata"]), &0.into()));
    assert_eq!(seen["published"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_bucket_has_every_alert_as_an_object_also_when_its_server_was_stopped() {
    let name = "a_bucket_has_every_alert_as_an_object_also_when_its_server_was_stopped";
    let server = Counterpart::start(name, STORAGE, |command, dir, port| {
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]);
        command.args(["-backend", "filesystem", "-filesystem-root"]).arg(dir.join("buckets"));
    });
    let Some(mut server) = server else { return };
    let (url, client) = (format!("http://{}", server.address()), client());
    let made = client.post(format!("{url}/storage/v1/b")).body(r#"{"name":"alerts"}"#);
    let made = made.header("content-type", "application/json").send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    let yaml = format!("gcp:\n  storage: {{bucket: alerts, prefix: fleet a, endpoint: '{url}'}}\n");
    deliver_over_a_restart(&mut server, "gcpstorage", &yaml).await;
    let list = client.get(format!("{url}/storage/v1/b/alerts/o?maxResults=5000")).send().await.unwrap();
    let list: Value = serde_json::from_str(&list.text().await.unwrap()).unwrap();
    let mut numbers = Vec::new();
    for object in list["items"].as_array().unwrap() {
        let name = object["name"].as_str().unwrap();
        assert!(name.starts_with("fleet a/2024-06-12/2024-06-12T13:46:40.123456789Z-"), "{name}");
        assert_eq!(object["contentType"], "application/json");
        let mut address = reqwest::Url::parse(&url).unwrap();
        address.path_segments_mut().unwrap().extend(["storage", "v1", "b", "alerts", "o", name]);
        address.set_query(Some("alt=media"));
        numbers.push(number(&client.get(address).send().await.unwrap().text().await.unwrap()));
    }
    // By their names, which have the ids of alerts in them.
    assert_all_in_order(numbers);
}
