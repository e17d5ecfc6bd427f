//! Prints the alerts that a condition in Falco's language is true for: those of the past, then new ones.
//!
//! `cargo run --example filter 'alert.priority <= Warning and proc.name = bash'`

mod program;

use std::process::ExitCode;

use cadge_client::{Client, Error, Start, SubscribeOptions};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("filter", filter().await)
}

async fn filter() -> Result<(), Error> {
    let mut stop = program::Stop::listen();
    let condition = std::env::args().nth(1).ok_or_else(|| program::usage("filter CONDITION"))?;
    let client = Client::from_env().await?;
    // The hub filters: what does not match is not sent. A mistake in the condition is `InvalidRequest`, and its
    // text shows the place.
    let options = SubscribeOptions { filter: condition, ..SubscribeOptions::transient(Start::Beginning) };
    let mut alerts = client.subscribe(options);
    loop {
        tokio::select! {
            Some(alert) = alerts.next() => {
                let alert = alert?;
                program::print(format!("{} {} {}", alert.position, alert.priority, alert.rule));
            }
            () = stop.asked() => return alerts.close().await,
        }
    }
}
