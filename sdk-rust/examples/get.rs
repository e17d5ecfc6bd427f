//! Prints every alert that the hub has, over mutual TLS.
//!
//! `cargo run --example get -- https://hub.example:5060 me.crt me.key ca.crt`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use cadge_client::Client;
use futures_util::StreamExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [hub, cert, key, ca] = args.as_slice() else {
        return Err("usage: get HUB CERT KEY CA".into());
    };
    let client = Client::connect(hub)
        .ca(std::fs::read(ca)?)
        .identity(std::fs::read(cert)?, std::fs::read(key)?)
        .await?;
    let mut alerts = client.get(0, 0).await?;
    while let Some(entry) = alerts.next().await {
        let entry = entry?;
        println!("{} {}", entry.position, entry.alert.output);
    }
    Ok(())
}
