//! Files of a data lake, read by another program: as they are written, and as they arrive in Amazon Security Lake.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use cadge_integrations::format::{lake_file, ocsf};
use cadge_proto::Alert;
use cadge_proto::json::FieldKind;
use serde_json::Value;

use super::counterpart;
use super::feed::{Log, alert};
use super::format::alerts::{any_alert, kinds, three};
use super::moto::Moto;
use super::server::wait_for_metric;

const OK: &str = "falcosecurity_falcosidekick_outputs_total{destination=\"awssecuritylake\",status=\"ok\"}";

/// A Python with `DuckDB`, if it is there.
fn python(name: &str) -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-parquet/bin/python");
    if python.exists() { Some(python) } else { counterpart::skip(name, "target/python-parquet") }
}

/// Compares a lake with findings. Answers what was found.
fn read(python: &Path, lake: &Path, findings: &[Value]) -> String {
    let lines = tempfile::NamedTempFile::new().unwrap();
    for finding in findings {
        writeln!(lines.as_file(), "{finding}").unwrap();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parquet.py");
    let mut command = Command::new(python);
    let output = command.arg(script).arg(lake).stdin(File::open(lines.path()).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_file_has_every_member_of_every_finding() {
    let Some(python) = python("a_file_has_every_member_of_every_finding") else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut any = || {
        use proptest::strategy::{Strategy as _, ValueTree as _};
        any_alert().new_tree(&mut runner).unwrap().current()
    };
    let mut alerts: Vec<Alert> = three().into_iter().map(|(_, alert)| alert).collect();
    alerts.extend((0..500).map(|_| any()));
    let findings: Vec<Value> = alerts.iter().map(|alert| ocsf(alert, kinds)).collect();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("all.parquet"), lake_file(&findings).unwrap()).unwrap();
    assert_eq!(read(&python, folder.path(), &findings), "503 rows in 1 files, 0 in their place");
}

/// What speaks S3's protocol, and keeps objects in a folder.
#[derive(Clone)]
struct Store {
    folder: PathBuf,
    /// What it answers to the first requests, each after it has stored the object or not.
    answers: Arc<Mutex<Vec<(bool, StatusCode)>>>,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Store {
    async fn start(folder: &Path, answers: &[(bool, StatusCode)]) -> (Self, String) {
        let answers = answers.iter().rev().copied().collect();
        let store =
            Self { folder: folder.to_owned(), answers: Arc::new(Mutex::new(answers)), keys: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = store.clone();
        let put = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
            this.put(&method, &uri, &headers, &body)
        };
        // As S3 itself, which takes objects of any size in a request.
        let routes = Router::new().fallback(put).layer(axum::extract::DefaultBodyLimit::max(64 << 20));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (store, url)
    }

    fn put(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (StatusCode, String) {
        let digest = ring::digest::digest(&ring::digest::SHA256, body);
        let digest: String =
            digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
        if method != Method::PUT || header("x-amz-content-sha256") != digest {
            return (StatusCode::BAD_REQUEST, "<Code>XAmzContentSHA256Mismatch</Code>".to_owned());
        }
        let scope = "/eu-west-1/s3/aws4_request";
        if !header("authorization").contains(scope) || header("x-amz-acl") != "bucket-owner-full-control" {
            return (StatusCode::FORBIDDEN, "<Code>AccessDenied</Code>".to_owned());
        }
        let key = uri.path().replace("%3D", "=");
        let key = key.strip_prefix("/aws-security-data-lake/").unwrap().to_owned();
        assert!(!key.contains(['%', ' ']), "{key}");
        let (is_stored, answer) = self.answers.lock().unwrap().pop().unwrap_or((true, StatusCode::OK));
        if is_stored {
            let path = self.folder.join(&key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        self.keys.lock().unwrap().push(key);
        (answer, if answer.is_success() { String::new() } else { "<Code>SlowDown</Code>".to_owned() })
    }
}

/// Alerts of three days, not in the order of their time.
fn of_days(count: u64) -> Vec<Alert> {
    let of_day = |sequence: u64| {
        let seconds = 1_718_200_000 + i64::try_from(sequence % 3 * 86_400 + (count - sequence) % 7).unwrap();
        Alert { time: Some(prost_types::Timestamp { seconds, nanos: 0 }), ..alert(sequence, 4) }
    };
    (1..=count).map(of_day).collect()
}

fn feed_kinds(name: &str) -> FieldKind {
    if matches!(name, "proc.pid" | "evt.time") { FieldKind::Number } else { FieldKind::Text }
}

fn section(url: &str) -> String {
    let kind = cadge_integrations::Destination::named("aws.securitylake").unwrap();
    format!("{}    batchsize: 400\n", kind.example.replace("URL", url))
}

#[tokio::test]
async fn every_alert_is_in_the_lake_once() {
    let (folder, log, alerts) = (tempfile::tempdir().unwrap(), Log::default(), of_days(2500));
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    // Taken, and not said so; not taken; and in between, a batch of which one of three days is missing.
    let answers = [(true, busy), (false, busy), (true, StatusCode::OK), (false, busy)];
    let (store, url) = Store::start(folder.path(), &answers).await;
    let (first, second) = alerts.split_at(1000);
    for alert in first {
        log.push(alert.clone());
    }
    // Batches come again: the cursor could not be moved behind them.
    log.fail(2);
    let (running, stop, _) = log.start(&section(&url));
    while log.cursor("integration/awssecuritylake") != Some(1000) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.stopped().await;
    for alert in second {
        log.push(alert.clone());
    }
    let (running, stop, registry) = log.start(&section(&url));
    wait_for_metric(&registry, OK, 1500.0).await;
    stop.cancel();
    running.stopped().await;
    let keys = store.keys.lock().unwrap().clone();
    let once: BTreeSet<&String> = keys.iter().collect();
    assert!(keys.len() >= once.len() + answers.len() - 1, "{} objects, {} sent", once.len(), keys.len());
    let Some(python) = python("every_alert_is_in_the_lake_once") else { return };
    let findings: Vec<Value> = alerts.iter().map(|alert| ocsf(alert, feed_kinds)).collect();
    let objects = once.len();
    let told = format!("2500 rows in {objects} files, {objects} in their place");
    assert_eq!(read(&python, folder.path(), &findings), told);
}

#[tokio::test]
async fn alerts_wait_for_a_batch_and_the_cursor_waits_with_them() {
    let (folder, log, alerts) = (tempfile::tempdir().unwrap(), Log::default(), of_days(400));
    let (store, url) = Store::start(folder.path(), &[]).await;
    let yaml = section(&url).replace("interval: 0", "interval: 60");
    let (first, second) = alerts.split_at(399);
    for alert in first {
        log.push(alert.clone());
    }
    for _ in 0..2 {
        // What waits when delivering ends comes again.
        let (running, stop, _) = log.start(&yaml);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        stop.cancel();
        running.stopped().await;
        assert_eq!(log.cursor("integration/awssecuritylake"), Some(0));
    }
    assert!(store.keys.lock().unwrap().is_empty());
    let (running, stop, registry) = log.start(&yaml);
    log.push(second[0].clone());
    wait_for_metric(&registry, OK, 400.0).await;
    stop.cancel();
    running.stopped().await;
    assert_eq!(store.keys.lock().unwrap().len(), 3);
    assert_eq!(log.cursor("integration/awssecuritylake"), Some(400));
}

#[tokio::test]
async fn a_server_that_checks_signatures_has_every_alert_once() {
    let name = "a_server_that_checks_signatures_has_every_alert_once";
    let (Some(python), Some(moto)) = (python(name), Moto::start(name)) else { return };
    let section = moto.section(
        "  securitylake: {bucket: aws-security-data-lake, prefix: ext/falco/1.0, accountid: external, interval: 0, endpoint: URL}\n",
    );
    Moto::deliver(&section, &["awssecuritylake"]).await;
    let folder = tempfile::tempdir().unwrap();
    moto.ask(&["lake", folder.path().to_str().unwrap()]);
    let findings: Vec<Value> = (1..=200).map(|sequence| ocsf(&alert(sequence, 4), feed_kinds)).collect();
    let told = read(&python, folder.path(), &findings);
    assert!(told.starts_with("200 rows in ") && !told.ends_with(" 0 in their place"), "{told}");
}
