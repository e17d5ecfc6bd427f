//! Who called what: a line of JSON for each beginning, end and refusal.
//!
//! Whoever calls never waits for the file: a line that it has no room for is counted, and lost.

mod file;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use prometheus::IntCounter;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::config::{AuditLog, Role};
use crate::connect::identity::Peer;
use crate::error::Error;
use file::File;

/// Lines on their way to the file.
const QUEUE: usize = 4096;

/// Lines that are written at once.
const BATCH: usize = 256;

/// Takes lines. Without a file it takes none. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    lines: Option<mpsc::Sender<Vec<u8>>>,
    calls: Arc<AtomicU64>,
    lost: IntCounter,
}

/// What is to be known of a call.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) state: &'a str,
    pub(crate) call: u64,
    pub(crate) identity: &'a str,
    pub(crate) role: Option<&'a str>,
    pub(crate) presented: &'a str,
    pub(crate) peer: &'a str,
    pub(crate) method: &'a str,
    #[serde(flatten)]
    pub(crate) noted: &'a Map<String, Value>,
    #[serde(flatten)]
    pub(crate) ending: Option<Ending<'a>>,
}

/// What is known of it at the end only.
#[derive(Debug, Serialize)]
pub(crate) struct Ending<'a> {
    pub(crate) alerts: u64,
    pub(crate) milliseconds: u64,
    pub(crate) status: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) text: &'a str,
}

/// A connection, or a request by HTTP, that was turned away.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    /// `None` of a connection that never came to call anything.
    pub(crate) method: Option<&'a str>,
    pub(crate) cause: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) address: &'a str,
    pub(crate) peer: Option<&'a Peer>,
    /// So many before were not written, because there were too many.
    pub(crate) unsaid: u64,
}

#[derive(Serialize)]
struct Timed<T> {
    time: String,
    #[serde(flatten)]
    line: T,
}

impl Audit {
    /// Opens the file, and writes it in a task of its own until all clones are gone.
    pub(crate) fn start(
        config: &AuditLog,
        lost: &IntCounter,
        tasks: &mut tokio::task::JoinSet<()>,
    ) -> Result<Self, Error> {
        let mut audit = Self { lines: None, calls: Arc::default(), lost: lost.clone() };
        let Some(path) = &config.path else { return Ok(audit) };
        let file = File::open(path, config)
            .map_err(|cause| Error::Configuration(format!("audit_log.path {}: {cause}", path.display())))?;
        let (lines, taken) = mpsc::channel(QUEUE);
        tasks.spawn(write(file, taken, lost.clone()));
        audit.lines = Some(lines);
        Ok(audit)
    }

    /// A number for a call that joins its lines.
    pub(crate) fn number(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A line about a call.
    pub(crate) fn call(&self, line: &Line<'_>) {
        self.add(line);
    }

    /// A line about who was turned away.
    pub(crate) fn refused(&self, refused: &Refused<'_>) {
        let peer = refused.peer;
        let mut line = serde_json::json!({
            "state": "refused",
            "identity": peer.map(Peer::owner),
            "role": peer.and_then(|peer| peer.role).map(Role::name),
            "presented": peer.map(|peer| &peer.presented),
            "peer": refused.address,
            "status": refused.cause,
            "text": refused.reason,
            "unsaid": refused.unsaid,
        });
        if let Some(method) = refused.method {
            line["method"] = method.into();
        }
        self.add(line);
    }

    fn add(&self, line: impl Serialize) {
        let Some(lines) = &self.lines else { return };
        let now = cadge_proto::Alert { time: Some(SystemTime::now().into()), ..Default::default() };
        let time = cadge_proto::json::time(&now);
        let text = serde_json::to_vec(&Timed { time, line });
        let added = text.is_ok_and(|mut text| {
            text.push(b'\n');
            lines.try_send(text).is_ok()
        });
        if !added {
            self.lost.inc();
        }
    }
}

async fn write(mut file: File, mut lines: mpsc::Receiver<Vec<u8>>, lost: IntCounter) {
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        if lines.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        let count = batch.len() as u64;
        let written = tokio::task::spawn_blocking(move || {
            let lost = file.write(&batch);
            (file, lost)
        });
        match written.await {
            Ok((back, failed)) => {
                file = back;
                lost.inc_by(failed);
            }
            Err(error) => {
                lost.inc_by(count);
                tracing::error!(%error, "the audit log is not written any more");
                return;
            }
        }
    }
}
