//! Writes the id of every alert into a file, and misses none however often it is killed.
//!
//! `cargo run --example resume CURSOR FILE`

mod program;

use std::process::ExitCode;

use std::fs::OpenOptions;
use std::io::Write as _;

use cadge_client::{Client, Error, SubscribeOptions};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("resume", resume().await)
}

async fn resume() -> Result<(), Error> {
    let mut stop = program::Stop::listen();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cursor, path] = arguments.as_slice() else { return Err(program::usage("resume CURSOR FILE")) };
    let failed = |error| Error::InvalidRequest(format!("writing `{path}`: {error}"));
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    let client = Client::from_env().await?;
    // The hub keeps the cursor: the next start goes on behind what was acknowledged.
    let options = SubscribeOptions { manual: true, ..SubscribeOptions::durable(cursor) };
    let mut alerts = client.subscribe(options);
    loop {
        tokio::select! {
            Some(alert) = alerts.next() => {
                let alert = alert?;
                // First the work, then the acknowledgement. Killed between the two, we get the alert once
                // more: its id tells that it is the same.
                file.write_all(format!("{}\n", alert.id()).as_bytes()).map_err(failed)?;
                file.flush().map_err(failed)?;
                alerts.acknowledge(alert.position);
            }
            // Waits until the hub has the last acknowledgement.
            () = stop.asked() => return alerts.close().await,
        }
    }
}
