//! Where alerts come from: a place in the log for each destination. The hub has the log.

use std::sync::Arc;

use cadge_proto::Alert;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// An alert on its way to a destination.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its position in the log.
    pub position: u64,
    /// The alert.
    pub alert: Arc<Alert>,
}

/// The log cannot be read, or a cursor not be moved.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FeedError(pub String);

/// One destination's place in the log.
pub trait Feed: Send {
    /// The next alerts, at most `max`; waits for at least one. To drop the future loses nothing.
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Delivery>, FeedError>>;

    /// Notes that everything up to a position is delivered, or never will be.
    fn commit(&mut self, position: u64) -> BoxFuture<'_, Result<(), FeedError>>;

    /// Cancelled when another hub is to deliver: then this feed is closed, and a new one asked for.
    fn lost(&self) -> CancellationToken {
        CancellationToken::new()
    }
}

/// Opens feeds.
pub trait Feeds: Send + Sync {
    /// The feed of a consumer: at its cursor, or, at its first time, behind the last alert. Waits while
    /// another hub has it.
    fn open(&self, consumer: &str) -> BoxFuture<'_, Result<Box<dyn Feed>, FeedError>>;
}
