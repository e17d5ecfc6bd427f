//! The integrations' side of the log: each has a cursor of its own, like any consumer.

use std::sync::Arc;

use cadge_integrations::{Delivery, Feed, FeedError, Feeds, Read};
use cadge_proto::json::FieldKind;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::consume::{Consumer, Consumers, Start};
use crate::filter::Filter;
use crate::log::{Claim, LogError};
use crate::view::View;

/// Bytes of alerts that one reading brings, about.
const BYTES_MAX: usize = 4 << 20;

/// Opens feeds.
pub(crate) struct LogFeeds(pub(crate) Consumers);

impl Feeds for LogFeeds {
    fn check(&self, filter: &str) -> Result<(), String> {
        Filter::new(filter).map(|_| ()).map_err(|error| error.to_string())
    }

    fn open(&self, consumer: &str, filter: &str) -> BoxFuture<'_, Result<Box<dyn Feed>, FeedError>> {
        let (name, filter) = (consumer.to_owned(), filter.to_owned());
        Box::pin(async move {
            let filter = match filter.as_str() {
                "" => None,
                text => Some(Arc::new(Filter::new(text).map_err(|error| FeedError(error.to_string()))?)),
            };
            // First the claim: the hub that had it has moved the cursor by then.
            let claim = self.0.log().claim(&name).await.map_err(|error| failed(&error))?;
            let consumer = self
                .0
                .open(Some(name), Start::Now, View::default().only(filter))
                .await
                .map_err(|error| failed(&error))?;
            Ok(Box::new(LogFeed { consumer, claim }) as Box<dyn Feed>)
        })
    }
}

struct LogFeed {
    consumer: Consumer,
    /// Given back behind the consumer.
    claim: Claim,
}

impl Feed for LogFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Read, FeedError>> {
        Box::pin(async move {
            let entries = self.consumer.next(max, BYTES_MAX).await.map_err(|error| failed(&error))?;
            // Ingest has decoded each before.
            let delivery = |entry: crate::log::Entry| {
                entry
                    .alert
                    .decode()
                    .ok()
                    .map(|alert| Delivery { position: entry.position, alert: Arc::new(alert) })
            };
            let alerts = entries.into_iter().filter_map(delivery).collect();
            Ok(Read { alerts, position: self.consumer.position() })
        })
    }

    fn commit(&mut self, position: u64) -> BoxFuture<'_, Result<(), FeedError>> {
        Box::pin(async move { self.consumer.commit(position).await.map_err(|error| failed(&error)) })
    }

    fn lost(&self) -> CancellationToken {
        self.claim.lost.clone()
    }
}

fn failed(error: &LogError) -> FeedError {
    FeedError(error.to_string())
}

/// The engine's field table, in the words of the wire.
pub(crate) fn field_kind(name: &str) -> FieldKind {
    match cadge_engine::fields::kind(name) {
        cadge_engine::fields::Kind::Text => FieldKind::Text,
        cadge_engine::fields::Kind::Number => FieldKind::Number,
        cadge_engine::fields::Kind::Bool => FieldKind::Bool,
    }
}
