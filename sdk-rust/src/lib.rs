//! Client of a Cadge hub: get alerts, or subscribe and never miss one.
//!
//! ```no_run
//! use cadge_client::{Client, SubscribeOptions};
//! use futures_util::StreamExt as _;
//!
//! # async fn example() -> Result<(), cadge_client::Error> {
//! let client = Client::connect("unix:///run/cadge/cadge.sock").await?;
//! let mut entries = client.subscribe(SubscribeOptions::durable("my-service"));
//! while let Some(entry) = entries.next().await {
//!     println!("{}", entry?.alert.output);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod connect;
mod link;
mod back_off;
mod due;
mod subscribe;
pub mod fleet;
pub mod integrations;
mod history;
mod backup;
mod error;

pub use backup::{Backup, BackupProgress};
pub use cadge_proto::cadge::v1::Alert;
pub use cadge_proto::{Priority, json, priority_name};
pub use client::{Client, GetOptions, Version};
pub use connect::Connect;
pub use error::Error;
pub use history::{Count, CountOptions, Counted, Dimension, SearchOptions, SearchPage, Selection};
pub use subscribe::{Start, SubscribeOptions, Subscription};

/// An alert and its place in the hub's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its position. Positions grow, not necessarily by 1.
    pub position: u64,
    /// The alert.
    pub alert: Alert,
}
