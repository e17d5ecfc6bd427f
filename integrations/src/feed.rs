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

/// What a reading of the log brought.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The alerts that the feed's filter admits.
    pub alerts: Vec<Delivery>,
    /// How far the log was gone through.
    pub position: u64,
}

/// The log cannot be read, or a cursor not be moved.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FeedError(pub String);

/// One destination's place in the log.
pub trait Feed: Send {
    /// Goes on over at most `max` alerts, and waits for at least one. To drop the future loses nothing.
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Read, FeedError>>;

    /// Notes that everything up to a position is delivered, or never will be.
    fn commit(&mut self, position: u64) -> BoxFuture<'_, Result<(), FeedError>>;

    /// Cancelled when another hub is to deliver: then this feed is closed, and a new one asked for.
    fn lost(&self) -> CancellationToken {
        CancellationToken::new()
    }
}

/// Opens feeds.
pub trait Feeds: Send + Sync {
    /// Whether a filter can be used. The error says where it can't.
    fn check(&self, filter: &str) -> Result<(), String>;

    /// The feed of a consumer, of alerts that a filter admits (an empty one: all): at its cursor, or, at its first
    /// time, behind the last alert. Waits while another hub has it.
    fn open(&self, consumer: &str, filter: &str) -> BoxFuture<'_, Result<Box<dyn Feed>, FeedError>>;
}
