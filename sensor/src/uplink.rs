//! Sends the spool to the hub over one mTLS stream, and waits for it while it is away.
//!
//! Knows nothing of rules or of the kernel: alerts in, acknowledgements out.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::ingest_client::IngestClient;
use cadge_proto::raw::v1::{self, IngestRequest, IngestResponse, ingest_request, ingest_response};
use cadge_proto::{BATCH_ALERTS_MAX, BATCH_BYTES_MAX};
use prost::Message as _;
use rand::Rng as _;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::config::HubConfig;
use crate::counters::Counters;
use crate::spool::Spool;

/// The first wait before another try, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Connecting may take so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Alerts that are on their way without an acknowledgement.
const WINDOW: u64 = 8 * BATCH_ALERTS_MAX as u64;

/// What the task needs.
pub(crate) struct Uplink {
    pub(crate) config: HubConfig,
    pub(crate) hello: v1::Hello,
    pub(crate) spool: Arc<Spool>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: CancellationToken,
}

/// An alert under another number.
fn renumber(alert: &[u8], sequence: u64) -> Vec<u8> {
    match cadge_proto::Alert::decode(alert) {
        Ok(mut alert) => {
            alert.sequence = sequence;
            alert.encode_to_vec()
        }
        // The spool has checked its sum: the hub will say what is wrong with it.
        Err(_) => alert.to_vec(),
    }
}

/// Why a connection has ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("reading {0}: {1}")]
    File(String, std::io::Error),
    #[error("{0}")]
    Connect(String),
    #[error("{} ({:?})", .0.message(), .0.code())]
    Status(Box<tonic::Status>),
    #[error("the hub ended the stream")]
    Ended,
    #[error("the spool can't be read: {0}")]
    Spool(std::io::Error),
    #[error("the hub spoke out of turn: {0}")]
    Protocol(&'static str),
}

impl From<tonic::Status> for LinkError {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl Uplink {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self) {
        let mut wait = BACK_OFF.0;
        let mut is_first = true;
        let stop = self.stop.clone();
        loop {
            let before = self.spool.waiting();
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.link(&mut wait, &mut is_first) => outcome,
            };
            let Err(error) = outcome;
            tracing::warn!(hub = %self.config.address, %error, spooled = before, "no connection to the hub: trying again");
            let pause = rand::rng().random_range(wait / 2..=wait);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            wait = (wait * 2).min(BACK_OFF.1);
        }
    }

    /// One connection's life.
    async fn link(
        &self,
        wait: &mut Duration,
        is_first: &mut bool,
    ) -> Result<std::convert::Infallible, LinkError> {
        let channel = self.connect().await?;
        let mut client = IngestClient::new(channel);
        let (requests, outgoing) = mpsc::channel(4);
        let mut hello = self.hello.clone();
        (hello.first_sequence, hello.next_sequence) = self.spool.range();
        let _ = requests.send(request(ingest_request::Kind::Hello(hello))).await;
        let mut responses = client.stream(ReceiverStream::new(outgoing)).await?.into_inner();
        let sent = match responses.message().await? {
            Some(IngestResponse { kind: Some(ingest_response::Kind::Welcome(welcome)) }) => {
                welcome.acknowledged
            }
            Some(_) => return Err(LinkError::Protocol("no welcome")),
            None => return Err(LinkError::Ended),
        };
        *wait = BACK_OFF.0;
        if std::mem::take(is_first) {
            let spool = Arc::clone(&self.spool);
            let caught_up = tokio::task::spawn_blocking(move || spool.catch_up(sent, renumber));
            caught_up.await.map_err(|_| LinkError::Ended)?.map_err(LinkError::Spool)?;
        }
        self.acknowledged(sent);
        tracing::info!(hub = %self.config.address, acknowledged = sent, "connected to the hub");
        self.exchange(&requests, &mut responses, sent).await
    }

    async fn exchange(
        &self,
        requests: &mpsc::Sender<IngestRequest>,
        responses: &mut tonic::Streaming<IngestResponse>,
        mut sent: u64,
    ) -> Result<std::convert::Infallible, LinkError> {
        let mut written = self.spool.written();
        let mut heartbeat =
            tokio::time::interval(Duration::from_millis(self.config.heartbeat_interval_ms.max(100)));
        let mut acknowledged = sent;
        loop {
            // Marked as seen before the spool is read: what comes in between wakes the next round.
            let has_more = *written.borrow_and_update() > sent + 1;
            if has_more && sent.saturating_sub(acknowledged) < WINDOW {
                let spool = Arc::clone(&self.spool);
                let read =
                    tokio::task::spawn_blocking(move || spool.read(sent, BATCH_ALERTS_MAX, BATCH_BYTES_MAX));
                let batch = read.await.map_err(|_| LinkError::Ended)?.map_err(LinkError::Spool)?;
                if !batch.alerts.is_empty() {
                    sent = batch.first + batch.alerts.len() as u64 - 1;
                    let alerts = batch.alerts.into_iter().map(RawAlert::new).collect();
                    let batch = v1::Batch { first_sequence: batch.first, alerts };
                    send(requests, ingest_request::Kind::Batch(batch)).await?;
                    continue;
                }
            }
            tokio::select! {
                response = responses.message() => match response? {
                    Some(IngestResponse { kind: Some(ingest_response::Kind::Acknowledgement(answer)) }) => {
                        acknowledged = answer.sequence;
                        self.acknowledged(acknowledged);
                    }
                    Some(_) => return Err(LinkError::Protocol("no acknowledgement")),
                    None => return Err(LinkError::Ended),
                },
                changed = wait_for_more(&mut written, has_more) => if !changed { return Err(LinkError::Ended) },
                _ = heartbeat.tick() => send(requests, self.heartbeat()).await?,
            }
        }
    }

    fn acknowledged(&self, sequence: u64) {
        Counters::add(&self.counters.delivered, self.spool.acknowledge(sequence));
    }

    fn heartbeat(&self) -> ingest_request::Kind {
        ingest_request::Kind::Heartbeat(v1::Heartbeat {
            time: Some(SystemTime::now().into()),
            counters: self.counters.all().into_iter().collect(),
            spooled: self.spool.waiting(),
        })
    }

    /// Connects. The files are read each time, so that new certificates need no restart.
    async fn connect(&self) -> Result<Channel, LinkError> {
        let read = |path: &std::path::Path| {
            std::fs::read(path).map_err(|error| LinkError::File(path.display().to_string(), error))
        };
        let identity = Identity::from_pem(read(&self.config.cert_chain)?, read(&self.config.private_key)?);
        let tls = ClientTlsConfig::new()
            .identity(identity)
            .ca_certificate(Certificate::from_pem(read(&self.config.root_certs)?));
        let text = |error: tonic::transport::Error| LinkError::Connect(chain(&error));
        Endpoint::from_shared(self.config.address.clone())
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(text)?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .connect()
            .await
            .map_err(text)
    }
}

/// Pends for ever while the window is full: only an acknowledgement helps then.
async fn wait_for_more(written: &mut watch::Receiver<u64>, is_full: bool) -> bool {
    if is_full {
        std::future::pending::<()>().await;
    }
    written.changed().await.is_ok()
}

fn request(kind: ingest_request::Kind) -> IngestRequest {
    IngestRequest { kind: Some(kind) }
}

async fn send(requests: &mpsc::Sender<IngestRequest>, kind: ingest_request::Kind) -> Result<(), LinkError> {
    requests.send(request(kind)).await.map_err(|_| LinkError::Ended)
}

/// An error with everything that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
