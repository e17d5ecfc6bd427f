//! Sensors: each has a connection, and a few batches on their way as a real one has.

use std::path::Path;
use std::time::Instant;

use cadge_proto::raw::v1::ingest_client::IngestClient;
use cadge_proto::raw::v1::{self, IngestRequest, IngestResponse, ingest_request, ingest_response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::alerts::Alerts;
use crate::way::channel;

/// Alerts in a batch.
const BATCH: u64 = 250;

/// Alerts that are not acknowledged yet, at most.
const WINDOW: u64 = 2000;

/// Sends, and prints how many seconds it took until everything was acknowledged.
pub(crate) fn run(socket: &Path, sensors: u64, alerts: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connected = Vec::new();
        for number in 0..sensors {
            // A name of its own in each round: its sequence numbers begin anew.
            let name = format!("bench-{}-{number}", std::process::id());
            connected.push(Sensor::connect(socket, name).await);
        }
        let start = Instant::now();
        let sends: Vec<_> =
            connected.into_iter().map(|sensor| tokio::spawn(sensor.send_all(alerts / sensors))).collect();
        for send in sends {
            send.await.unwrap();
        }
        println!("{}", start.elapsed().as_secs_f64());
    });
}

/// One sensor's stream.
pub(crate) struct Sensor {
    pub(crate) name: String,
    requests: mpsc::Sender<IngestRequest>,
    responses: Streaming<IngestResponse>,
}

impl Sensor {
    pub(crate) async fn connect(socket: &Path, name: String) -> Self {
        let (requests, outgoing) = mpsc::channel(8);
        let hello = v1::Hello { sensor: name.clone(), epoch: 1, ..Default::default() };
        requests.send(IngestRequest { kind: Some(ingest_request::Kind::Hello(hello)) }).await.unwrap();
        let mut client = IngestClient::new(channel(socket).await);
        let mut responses = client.stream(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
        responses.message().await.unwrap().unwrap();
        Self { name, requests, responses }
    }

    /// Sends one batch, without waiting for anything.
    pub(crate) async fn batch(&self, batch: v1::Batch) {
        let request = IngestRequest { kind: Some(ingest_request::Kind::Batch(batch)) };
        self.requests.send(request).await.unwrap();
    }

    /// The next acknowledgement.
    pub(crate) async fn acknowledged(&mut self) -> u64 {
        match self.responses.message().await.unwrap().unwrap().kind {
            Some(ingest_response::Kind::Acknowledgement(answer)) => answer.sequence,
            other => panic!("not an acknowledgement: {other:?}"),
        }
    }

    async fn send_all(mut self, count: u64) {
        let templates = Alerts::of(&self.name);
        let (mut sent, mut acknowledged) = (0, 0);
        while acknowledged < count {
            while sent < count && sent - acknowledged < WINDOW {
                let last = (sent + BATCH).min(count);
                let alerts = (sent + 1..=last).map(|sequence| templates.get(sequence)).collect();
                self.batch(v1::Batch { first_sequence: sent + 1, alerts }).await;
                sent = last;
            }
            acknowledged = self.acknowledged().await;
        }
    }
}
