//! Client of a Cadge hub: get alerts, subscribe and never miss one, search and count, hand in events.
//!
//! Everything begins with a [`Client`]. [`Client::subscribe`] is for programs that run on: it reconnects by
//! itself and goes on where it was.
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
//!
//! [`Client::get`] reads a part of the log and ends; [`Client::search`] and [`Client::count`] ask its index;
//! [`Client::push`] hands in events of one's own.
//!
//! ```no_run
//! # use cadge_client::*;
//! # async fn example(ca: Vec<u8>, cert: Vec<u8>, key: Vec<u8>) -> Result<(), Error> {
//! let client = Client::connect("https://hub.example:5060").ca(ca).identity(cert, key).await?;
//! let mut alerts = client.get(GetOptions::after(1000)).await?;
//! while let Some(alert) = alerts.next().await {
//!     println!("{}", alert?.to_json());
//! }
//! let by_rule = CountOptions { group_by: vec![Dimension::Rule], ..CountOptions::default() };
//! for count in client.count(by_rule).await?.counts {
//!     println!("{} {}", count.count, count.values[0]);
//! }
//! let selection = Selection::default().with(Dimension::Namespace, ["shop"]);
//! let page = client.search(SearchOptions { selection, ..SearchOptions::default() }).await?;
//! let event = Event::new("Deployed", "version 7 is live").field("app.name", "shop");
//! assert_eq!(client.push([event]).await?.kept, 1);
//! # let _ = page;
//! # Ok(())
//! # }
//! ```
//!
//! What goes wrong is one of the six kinds of [`Error`].

mod connect;
mod tls;
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
