//! Counts the alerts of the last hours by rule.
//!
//! `cargo run --example count [HOURS]`

mod program;

use std::process::ExitCode;

use std::time::{Duration, SystemTime};

use cadge_client::{Client, CountOptions, Dimension, Error, Selection};

#[tokio::main]
async fn main() -> ExitCode {
    program::end("count", program::unless_stopped(count()).await)
}

async fn count() -> Result<(), Error> {
    let hours: u32 = match std::env::args().nth(1) {
        Some(hours) => hours.parse().map_err(|_| program::usage("count [HOURS]"))?,
        None => 24,
    };
    let client = Client::from_env().await?;
    // The hub counts: no alert is sent.
    let since = SystemTime::now().checked_sub(Duration::from_secs(u64::from(hours) * 3600));
    let options = CountOptions {
        selection: Selection { since, ..Selection::default() },
        group_by: vec![Dimension::Rule],
        ..CountOptions::default()
    };
    let mut counts = client.count(options).await?.counts;
    // Most first, then by rule.
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.values.cmp(&b.values)));
    for count in counts {
        program::print(format!("{} {}", count.count, count.values.join(" ")));
    }
    Ok(())
}
