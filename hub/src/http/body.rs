//! Reads a body within its bounds: its own size and time, and the bytes of all bodies together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// The bound of all bodies together.
#[derive(Clone)]
pub(super) struct Bodies {
    free: Arc<Semaphore>,
    bytes_max: usize,
    time: Duration,
    gauge: IntGauge,
}

/// A body. Its bytes count for as long as it lives.
pub(super) struct Held {
    pub(super) bytes: BytesMut,
    permit: Option<OwnedSemaphorePermit>,
    gauge: IntGauge,
}

impl Bodies {
    pub(super) fn new(bytes_max: usize, all_bytes_max: usize, time: Duration, gauge: IntGauge) -> Self {
        let free = Arc::new(Semaphore::new(all_bytes_max.min(Semaphore::MAX_PERMITS)));
        Self { free, bytes_max, time, gauge }
    }

    /// Reads a body whole.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Refusal> {
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
            return Err(Refusal::Encoding(String::from_utf8_lossy(encoding.as_bytes()).into_owned()));
        }
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let announced = announced.and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        if announced > self.bytes_max {
            return Err(Refusal::Size(self.bytes_max));
        }
        tokio::time::timeout(self.time, self.collect(body)).await.unwrap_or(Err(Refusal::Slow))
    }

    /// Takes from the bound only what is there: an announced length costs nothing yet.
    async fn collect(&self, body: Body) -> Result<Held, Refusal> {
        let mut held = Held { bytes: BytesMut::new(), permit: None, gauge: self.gauge.clone() };
        let mut parts = body.into_data_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| Refusal::Broken)?;
            if held.bytes.len() + part.len() > self.bytes_max {
                return Err(Refusal::Size(self.bytes_max));
            }
            let count = u32::try_from(part.len()).map_err(|_| Refusal::Size(self.bytes_max))?;
            let permit = Arc::clone(&self.free).try_acquire_many_owned(count).map_err(|_| Refusal::Busy)?;
            match &mut held.permit {
                Some(all) => all.merge(permit),
                none => *none = Some(permit),
            }
            held.gauge.add(i64::from(count));
            held.bytes.extend_from_slice(&part);
        }
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let count = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.gauge.sub(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
