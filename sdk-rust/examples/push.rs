//! Hands in an event of one's own: it is an alert like any other for whoever reads.
//!
//! `cargo run --example push 'Deployed' 'version 7 is live' app.name=shop app.version=7`

mod program;

use std::process::ExitCode;

use cadge_client::{Client, Error, Event};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("push", program::unless_stopped(push()).await)
}

async fn push() -> Result<(), Error> {
    let usage = || program::usage("push RULE OUTPUT [NAME=VALUE]...");
    let mut arguments = std::env::args().skip(1);
    let (Some(rule), Some(output)) = (arguments.next(), arguments.next()) else { return Err(usage()) };
    // A notice that happens now.
    let mut event = Event::new(rule, output);
    for argument in arguments {
        let (name, text) = argument.split_once('=').ok_or_else(usage)?;
        event = event.field(name, text);
    }
    let client = Client::from_env().await?;
    // Answers once the hub has it on its disk. Programs with many events take `client.pusher()`.
    let pushed = client.push([event]).await?;
    if let Some(refused) = pushed.refused.first() {
        return Err(Error::InvalidRequest(refused.reason.clone()));
    }
    program::print("kept");
    Ok(())
}
