//! Prints every alert that the log has behind a position, and ends.
//!
//! `cargo run --example get [AFTER]`

mod program;

use std::process::ExitCode;

use cadge_client::{Client, Error, GetOptions};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("get", program::unless_stopped(get()).await)
}

async fn get() -> Result<(), Error> {
    let after = match std::env::args().nth(1) {
        Some(position) => position.parse().map_err(|_| program::usage("get [AFTER]"))?,
        None => 0,
    };
    let client = Client::from_env().await?;
    // There is more to say: a limit, a span of time, a filter, which fields.
    let mut alerts = client.get(GetOptions::after(after)).await?;
    while let Some(alert) = alerts.next().await {
        let alert = alert?;
        program::print(format!("{} {}", alert.position, alert.output));
    }
    Ok(())
}
