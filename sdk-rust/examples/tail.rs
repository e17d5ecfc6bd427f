//! Prints new alerts as they come.
//!
//! `cargo run --example tail`

mod program;

use std::process::ExitCode;

use cadge_client::{Client, Error, Start, SubscribeOptions};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("tail", tail().await)
}

async fn tail() -> Result<(), Error> {
    let mut stop = program::Stop::listen();
    // CADGE_HUB says where the hub is; without it: this machine's Unix socket.
    let client = Client::from_env().await?;
    // Without a cursor: the hub remembers nothing of us.
    let mut alerts = client.subscribe(SubscribeOptions::transient(Start::Now));
    loop {
        tokio::select! {
            // `None` comes only behind an error, which `?` returns.
            Some(alert) = alerts.next() => program::print(alert?.output),
            () = stop.asked() => return alerts.close().await,
        }
    }
}
