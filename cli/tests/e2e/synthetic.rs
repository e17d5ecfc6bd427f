//! A sensor without a kernel: hands in alerts that are made up, of every kind there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cadge_proto::Alert;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::ingest_client::IngestClient;
use cadge_proto::raw::v1::{self, IngestRequest, IngestResponse, ingest_request, ingest_response};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

/// Alerts in one batch.
const BATCH: u64 = 200;

/// Falco's own sources, and two of plugins.
const SOURCES: [&str; 5] = ["syscall", "k8s_audit", "internal", "aws_cloudtrail", "okta"];

/// Priorities, as clients name them.
const PRIORITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// The number of the alert that a text comes from.
pub(crate) fn number(output: &str) -> Option<u64> {
    output.strip_prefix("alert ")?.split(' ').next()?.parse().ok()
}

/// Alert `number`: all priorities and sources in turn, text of many scripts, now and then none of what
/// can be left out, now and then a large one.
fn alert(number: u64) -> Alert {
    let turn = |length: usize| usize::try_from(number).unwrap() % length;
    let mut alert = Alert {
        rule: format!("Synthetic rule {}", turn(5)),
        output: format!("alert {number} žluťoučký 隼 🦅 \"quoted\" back\\slash\ttab\nline"),
        priority: i32::try_from(turn(8)).unwrap(),
        source: SOURCES[turn(SOURCES.len())].to_owned(),
        // As Falco has them: 3 for plugins. Its own client for Python cannot read that.
        source_deprecated: i32::try_from(turn(SOURCES.len()).min(3)).unwrap(),
        sensor: "synthetic".to_owned(),
        epoch: 1,
        sequence: number,
        ..Alert::default()
    };
    if turn(7) == 0 {
        return alert;
    }
    alert.time = Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 999_999_999 });
    "node-1".clone_into(&mut alert.hostname);
    alert.tags = vec!["container".to_owned(), "mitre_execution".to_owned()];
    let length = if turn(500) == 1 { 200 << 10 } else { 20 };
    let mut fields = vec![("proc.cmdline", "é".repeat(length / 2)), ("proc.pid", number.to_string())];
    if turn(3) == 0 {
        fields.push(("k8s.ns.name", "default".to_owned()));
        fields.push(("k8s.pod.name", format!("nginx-5d59d67564-{}", turn(2))));
    }
    alert.output_fields = fields.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    alert
}

/// What a client that prints everything says of alert `number`.
pub(crate) fn expected(number: u64) -> Value {
    let alert = alert(number);
    json!({
        "rule": alert.rule,
        "output": alert.output,
        "priority": PRIORITIES[usize::try_from(alert.priority).unwrap()],
        "fields": alert.output_fields,
        "hostname": alert.hostname,
        "tags": alert.tags,
        "source": alert.source,
        "source_kind": i32::from(cadge_proto::source_number(&alert.source)),
        "time": alert.time.map_or([0, 0], |time| [time.seconds, i64::from(time.nanos)]),
    })
}

/// What falco-exporter's page says of the alerts up to `last`, by its rules: labels sorted by name, the
/// priority as a number, tags between commas, what is not there as nothing.
pub(crate) fn exported(last: u64) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for alert in (1..=last).map(alert) {
        let field = |name: &str| alert.output_fields.get(name).cloned().unwrap_or_default();
        let labels = format!(
            "hostname=\"{}\",k8s_ns_name=\"{}\",k8s_pod_name=\"{}\",priority=\"{}\",rule=\"{}\",source=\"{}\",tags=\",{},\"",
            alert.hostname,
            field("k8s.ns.name"),
            field("k8s.pod.name"),
            alert.priority,
            alert.rule,
            alert.source,
            alert.tags.join(",")
        );
        *counts.entry(labels).or_default() += 1;
    }
    counts.into_iter().map(|(labels, count)| format!("falco_events{{{labels}}} {count}")).collect()
}

/// The sensor.
pub(crate) struct Sensor {
    runtime: Runtime,
    requests: mpsc::Sender<IngestRequest>,
    responses: tonic::Streaming<IngestResponse>,
    /// The last alert that the hub has on disk.
    pub(crate) acknowledged: u64,
}

impl Sensor {
    /// Connects by the hub's socket, and goes on where it was.
    pub(crate) fn connect(socket: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (requests, outgoing) = mpsc::channel(1);
        let hello = v1::Hello {
            sensor: "synthetic".to_owned(),
            hostname: "node-1".to_owned(),
            version: "0.1.0".to_owned(),
            kernel: "6.1.0".to_owned(),
            rules_digest: "1a2b3c4d".to_owned(),
            sources: vec!["ebpf".to_owned()],
            epoch: 1,
            ..v1::Hello::default()
        };
        requests.try_send(IngestRequest { kind: Some(ingest_request::Kind::Hello(hello)) }).unwrap();
        let (responses, acknowledged) = runtime.block_on(async {
            let path = socket.to_owned();
            let connect = tower::service_fn(move |_: tonic::transport::Uri| {
                let path = path.clone();
                async move { UnixStream::connect(path).await.map(TokioIo::new) }
            });
            let endpoint = Endpoint::from_static("http://localhost");
            let channel = endpoint.connect_with_connector(connect).await.unwrap();
            let outgoing = ReceiverStream::new(outgoing);
            let mut responses = IngestClient::new(channel).stream(outgoing).await.unwrap().into_inner();
            let welcome = responses.message().await.unwrap().unwrap().kind;
            let Some(ingest_response::Kind::Welcome(welcome)) = welcome else { panic!("no welcome") };
            (responses, welcome.acknowledged)
        });
        Self { runtime, requests, responses, acknowledged }
    }

    /// Gives a sign of life, with counters as a sensor has them.
    pub(crate) fn heartbeat(&self) {
        let counters = [
            ("events_total{class=\"bulk\"}", 1000),
            ("dropped_total{class=\"bulk\",cause=\"ring_full\"}", 7),
            ("dropped_total{class=\"alert\",cause=\"queue_full\"}", 0),
            ("alerts_raised_total", 210),
            ("processes", 12),
        ];
        let counters = counters.map(|(name, count)| (name.to_owned(), count)).into();
        let beat = v1::Heartbeat { counters, spooled: 3, ..v1::Heartbeat::default() };
        let request = IngestRequest { kind: Some(ingest_request::Kind::Heartbeat(beat)) };
        self.runtime.block_on(self.requests.send(request)).unwrap();
    }

    /// Hands in the alerts up to `last`, and waits until they are on disk.
    pub(crate) fn send_up_to(&mut self, last: u64) {
        while self.acknowledged < last {
            let first = self.acknowledged + 1;
            let numbers = first..=last.min(self.acknowledged + BATCH);
            let alerts = numbers.map(|number| RawAlert::new(alert(number).encode_to_vec())).collect();
            let batch = ingest_request::Kind::Batch(v1::Batch { first_sequence: first, alerts });
            let request = IngestRequest { kind: Some(batch) };
            let answer = self.runtime.block_on(async {
                self.requests.send(request).await.unwrap();
                self.responses.message().await.unwrap().unwrap()
            });
            let Some(ingest_response::Kind::Acknowledgement(answer)) = answer.kind else {
                panic!("no acknowledgement")
            };
            self.acknowledged = answer.sequence;
        }
    }
}
