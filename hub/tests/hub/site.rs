//! A hub in a folder of its own, and a sensor that hands in alerts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cadge_client::Client;
use cadge_hub::{Config, Hub};
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::ingest_client::IngestClient;
use cadge_proto::raw::v1::{self, IngestRequest, ingest_request, ingest_response};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// What surely comes is waited for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A hub.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    hub: Option<Hub>,
    change: Box<dyn Fn(&mut Config) + Send + Sync>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A hub whose configuration is changed.
    pub(crate) async fn with(change: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        let mut site = Self { dir: tempfile::tempdir().unwrap(), hub: None, change: Box::new(change) };
        site.restart().await;
        site
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let mut config = Config::default();
        config.grpc.bind_address = String::new();
        config.grpc.unix_socket = Some(self.socket());
        config.webserver.enabled = false;
        config.log.path = self.dir.path().join("log.db");
        (self.change)(&mut config);
        self.hub = Some(Hub::start(config).await.unwrap());
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("cadge.sock")
    }

    pub(crate) async fn client(&self) -> Client {
        client_at(&self.socket()).await
    }

    pub(crate) async fn channel(&self) -> Channel {
        connect(self.socket()).await
    }

    pub(crate) async fn sensor(&self, name: &str) -> Sensor {
        Sensor::connect(self.channel().await, name).await
    }
}

/// The SDK's client at a hub's socket.
pub(crate) async fn client_at(socket: &Path) -> Client {
    Client::connect(format!("unix://{}", socket.display())).await.unwrap()
}

/// A connection of the task's own runtime.
pub(crate) async fn connect(path: PathBuf) -> Channel {
    let connect = tower::service_fn(move |_: tonic::transport::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connect).await.unwrap()
}

/// An alert as a sensor encodes it.
pub(crate) fn alert(sensor: &str, sequence: u64) -> RawAlert {
    let alert = cadge_proto::Alert {
        rule: "R".to_owned(),
        output: format!("alert {sequence}"),
        priority: 4,
        source: "syscall".to_owned(),
        sensor: sensor.to_owned(),
        epoch: 1,
        sequence,
        ..Default::default()
    };
    RawAlert::new(alert.encode_to_vec())
}

/// A sensor's stream.
pub(crate) struct Sensor {
    name: String,
    pub(crate) acknowledged: u64,
    requests: mpsc::Sender<IngestRequest>,
    responses: tonic::Streaming<v1::IngestResponse>,
}

impl Sensor {
    pub(crate) async fn connect(channel: Channel, name: &str) -> Self {
        Self::greet(channel, v1::Hello { sensor: name.to_owned(), epoch: 1, ..Default::default() }).await
    }

    /// Connects and says who it is.
    pub(crate) async fn greet(channel: Channel, hello: v1::Hello) -> Self {
        Self::try_greet(channel, hello).await.expect("a welcome")
    }

    /// The same, but `None` if it is not let in now.
    pub(crate) async fn try_greet(channel: Channel, hello: v1::Hello) -> Option<Self> {
        let name = hello.sensor.clone();
        let (requests, outgoing) = mpsc::channel(16);
        requests.send(IngestRequest { kind: Some(ingest_request::Kind::Hello(hello)) }).await.unwrap();
        let mut responses =
            IngestClient::new(channel).stream(ReceiverStream::new(outgoing)).await.ok()?.into_inner();
        let Some(ingest_response::Kind::Welcome(welcome)) = responses.message().await.ok()??.kind else {
            panic!("no welcome")
        };
        Some(Self { name, acknowledged: welcome.acknowledged, requests, responses })
    }

    /// Gives a sign of life.
    pub(crate) async fn heartbeat(&self, beat: v1::Heartbeat) {
        self.requests
            .send(IngestRequest { kind: Some(ingest_request::Kind::Heartbeat(beat)) })
            .await
            .unwrap();
    }

    /// Hands in alerts and waits until they are on disk.
    pub(crate) async fn send(&mut self, sequences: std::ops::RangeInclusive<u64>) {
        let last = *sequences.end();
        let batch = v1::Batch {
            first_sequence: *sequences.start(),
            alerts: sequences.map(|sequence| alert(&self.name, sequence)).collect(),
        };
        self.batch(batch).await;
        assert_eq!(self.acknowledged, last);
    }

    /// Hands in a batch.
    pub(crate) async fn hand_in(&self, batch: v1::Batch) {
        let request = IngestRequest { kind: Some(ingest_request::Kind::Batch(batch)) };
        self.requests.send(request).await.unwrap();
    }

    pub(crate) async fn batch(&mut self, batch: v1::Batch) {
        self.try_batch(batch).await.expect("an acknowledgement");
    }

    /// The same, but `None` if the stream ends instead.
    pub(crate) async fn try_batch(&mut self, batch: v1::Batch) -> Option<()> {
        let request = IngestRequest { kind: Some(ingest_request::Kind::Batch(batch)) };
        self.requests.send(request).await.ok()?;
        let answer = tokio::time::timeout(PATIENCE, self.responses.message()).await.expect("an answer");
        let Some(ingest_response::Kind::Acknowledgement(answer)) = answer.ok()??.kind else {
            panic!("no acknowledgement")
        };
        self.acknowledged = answer.sequence;
        Some(())
    }
}
