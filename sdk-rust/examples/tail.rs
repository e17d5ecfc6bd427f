//! Prints alerts as they come, and goes on where it was after a restart.
//!
//! `cargo run --example tail -- /run/cadge/cadge.sock`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use cadge_client::{Client, SubscribeOptions};
use futures_util::StreamExt as _;

#[tokio::main]
async fn main() -> Result<(), cadge_client::Error> {
    let socket = std::env::args().nth(1).unwrap_or_else(|| "/run/cadge/cadge.sock".to_string());
    let client = Client::connect(format!("unix://{socket}")).await?;
    let mut alerts = client.subscribe(SubscribeOptions::durable("example"));
    while let Some(entry) = alerts.next().await {
        println!("{}", entry?.alert.output);
    }
    Ok(())
}
