//! A sensor that sends without an end, so many alerts a second: it reconnects, and sends again what was not
//! acknowledged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cadge_proto::Alert;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::ingest_client::IngestClient;
use cadge_proto::raw::v1::{self, IngestRequest, IngestResponse, ingest_request, ingest_response};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::log;

/// Bytes of an alert, and its output fields.
const ALERT_BYTES: usize = 800;
const FIELDS: [&str; 10] = [
    "proc.name",
    "proc.pid",
    "proc.pname",
    "proc.cmdline",
    "user.name",
    "user.uid",
    "fd.name",
    "container.id",
    "container.image.repository",
    "evt.res",
];

/// Alerts in one batch at most, and on their way at most.
const BATCH: u64 = 500;
const UNDER_WAY: u64 = 16 * BATCH;

/// New alerts are sent so often; a lost hub is asked for again so often.
const STEP: Duration = Duration::from_millis(10);
const AGAIN: Duration = Duration::from_millis(50);

/// Alert `number`: ten output fields, 800 bytes or a few more.
fn alert(number: u64) -> Alert {
    let mut alert = Alert {
        time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 5 }),
        priority: i32::try_from(number % 8).unwrap(),
        rule: format!("Fed rule {}", number % 20),
        output: format!("fed alert {number} (file=/etc/shadow program=cat user=root)"),
        hostname: "node-1".to_owned(),
        tags: vec!["container".to_owned(), "mitre_execution".to_owned()],
        source: "syscall".to_owned(),
        sensor: "fed".to_owned(),
        epoch: 1,
        sequence: number,
        ..Alert::default()
    };
    for name in FIELDS {
        alert.output_fields.insert(name.to_owned(), format!("{name} {number}"));
    }
    let left = ALERT_BYTES.saturating_sub(alert.encoded_len());
    alert.output_fields.get_mut("proc.cmdline").unwrap().push_str(&"x".repeat(left));
    alert
}

/// The sensor, in a thread of its own.
pub(crate) struct Feed {
    acknowledged: Arc<AtomicU64>,
    /// Send no alert after this one.
    last: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts it: `rate` alerts a second, `last` at most.
    pub(crate) fn start(socket: &Path, rate: u64, last: u64) -> Self {
        let (acknowledged, last) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(last)));
        let mut sender = Sender {
            socket: socket.to_owned(),
            rate,
            started: Instant::now(),
            acknowledged: acknowledged.clone(),
            last: last.clone(),
        };
        let thread = std::thread::spawn(move || log::runtime().block_on(sender.run()));
        Self { acknowledged, last, thread: Some(thread) }
    }

    /// How many alerts are on the hub's disk, as far as the sensor knows.
    pub(crate) fn acknowledged(&self) -> u64 {
        assert!(!self.thread.as_ref().unwrap().is_finished() || self.is_done(), "the sensor gave up");
        self.acknowledged.load(Ordering::Acquire)
    }

    fn is_done(&self) -> bool {
        self.acknowledged.load(Ordering::Acquire) >= self.last.load(Ordering::Acquire)
    }

    /// Has it send so many alerts in all, or what it has sent already, and waits until they are on the hub's
    /// disk. Answers how many that are.
    pub(crate) fn finish(mut self, at_least: u64) -> u64 {
        // What may be under way is the end.
        let last = at_least.max(self.acknowledged() + UNDER_WAY);
        self.last.fetch_min(last, Ordering::AcqRel);
        self.thread.take().unwrap().join().unwrap();
        self.acknowledged.load(Ordering::Acquire)
    }
}

/// The thread's part.
struct Sender {
    socket: PathBuf,
    rate: u64,
    started: Instant,
    acknowledged: Arc<AtomicU64>,
    last: Arc<AtomicU64>,
}

impl Sender {
    async fn run(&mut self) {
        while !self.is_done() {
            if self.connection().await.is_none() {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    fn is_done(&self) -> bool {
        self.acknowledged.load(Ordering::Acquire) >= self.last()
    }

    /// One connection's life. `None`: it broke.
    async fn connection(&mut self) -> Option<()> {
        let (requests, outgoing) = mpsc::channel(64);
        let hello = v1::Hello {
            sensor: "fed".to_owned(),
            hostname: "node-1".to_owned(),
            version: "0.1.0".to_owned(),
            sources: vec!["ebpf".to_owned()],
            epoch: 1,
            ..v1::Hello::default()
        };
        requests.try_send(IngestRequest { kind: Some(ingest_request::Kind::Hello(hello)) }).unwrap();
        let channel = log::channel(&self.socket).await.ok()?;
        let outgoing = ReceiverStream::new(outgoing);
        let mut responses = IngestClient::new(channel).stream(outgoing).await.ok()?.into_inner();
        let Some(ingest_response::Kind::Welcome(welcome)) = responses.message().await.ok()??.kind else {
            panic!("no welcome")
        };
        let known = self.acknowledged.fetch_max(welcome.acknowledged, Ordering::AcqRel);
        assert!(welcome.acknowledged >= known, "the hub has lost alerts that it had acknowledged");
        self.send(welcome.acknowledged, &requests, &mut responses).await
    }

    /// Sends what is due and takes acknowledgements, until the last one.
    async fn send(
        &self,
        mut sent: u64,
        requests: &mpsc::Sender<IngestRequest>,
        responses: &mut tonic::Streaming<IngestResponse>,
    ) -> Option<()> {
        let mut step = tokio::time::interval(STEP);
        step.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_done() {
            tokio::select! {
                response = responses.message() => {
                    if let ingest_response::Kind::Acknowledgement(answer) = response.ok()??.kind? {
                        self.acknowledged.fetch_max(answer.sequence, Ordering::AcqRel);
                    }
                }
                _ = step.tick() => {}
            }
            sent = self.send_due(sent, requests);
        }
        Some(())
    }

    /// Sends what is due behind `sent`, as far as there is room. Answers the last one that was sent.
    fn send_due(&self, mut sent: u64, requests: &mpsc::Sender<IngestRequest>) -> u64 {
        let due = u128::from(self.rate) * self.started.elapsed().as_millis() / 1000;
        let room = self.acknowledged.load(Ordering::Acquire) + UNDER_WAY;
        let due = u64::try_from(due).unwrap_or(u64::MAX).min(room).min(self.last());
        while sent < due {
            let Ok(place) = requests.try_reserve() else { break };
            let numbers = sent + 1..=due.min(sent + BATCH);
            sent = *numbers.end();
            let first_sequence = *numbers.start();
            let alerts = numbers.map(|number| RawAlert::new(alert(number).encode_to_vec())).collect();
            let batch = ingest_request::Kind::Batch(v1::Batch { first_sequence, alerts });
            place.send(IngestRequest { kind: Some(batch) });
        }
        sent
    }
}
