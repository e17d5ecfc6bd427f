//! Client of a Cadge hub: get alerts, or subscribe and never miss one.
//!
//! ```no_run
//! use cadge_client::{Client, SubscribeOptions};
//!
//! # async fn example() -> Result<(), cadge_client::Error> {
//! let client = Client::from_env().await?;
//! let mut alerts = client.subscribe(SubscribeOptions::durable("my-service"));
//! while let Some(alert) = alerts.next().await {
//!     println!("{}", alert?.output);
//! }
//! # Ok(())
//! # }
//! ```

mod connect;
mod link;
mod client;
mod alert;
mod fields;
mod priority;
mod json;
mod time;
mod decode;
mod codec;
mod alerts;
mod subscribe;
mod reader;
mod due;
mod event;
mod push;
mod pushing;
mod back_off;
mod history;
pub mod fleet;
pub mod integrations;
mod backup;
mod error;

pub use alert::Alert;
pub use alerts::Alerts;
pub use backup::{Backup, BackupProgress};
pub use client::{Client, GetOptions, Version};
pub use connect::Connect;
pub use error::Error;
pub use event::Event;
pub use fields::Fields;
pub use history::{Count, CountOptions, Counted, Dimension, SearchOptions, SearchPage, Selection};
pub use priority::Priority;
pub use push::{Pushed, Pusher, Refused};
pub use subscribe::{Start, SubscribeOptions, Subscription};
