//! How many alerts one consumer reads in a second: `consume N`, and the hub by the environment, as for the
//! examples. Prints `ALERTS SECONDS CPU_SECONDS`. `make bench-sdk` runs it beside the other clients.
#![allow(clippy::print_stdout, reason = "its output is the figure")]

use std::time::{Instant, UNIX_EPOCH};

use cadge_client::{Client, Error, Priority, Start, SubscribeOptions};

/// Clock ticks of a second in `/proc/self/stat`, the same on every Linux.
const TICKS: f64 = 100.0;

/// Where user and system time stand in `/proc/self/stat`, counted behind the command's name.
const TIMES: (usize, usize) = (11, 12);

// All on one thread: what one core can do.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // `cargo bench` adds a flag of its own.
    let mut numbers = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(wanted) = numbers.next_back().and_then(|number| number.parse::<u64>().ok()) else {
        println!("usage: consume N");
        return Ok(());
    };
    let client = Client::from_env().await?;
    let mut alerts = client.subscribe(SubscribeOptions::transient(Start::Beginning));
    let mut start = None;
    let (mut taken, mut urgent, mut letters, mut seconds) = (0_u64, 0_u64, 0, 0);
    while taken < wanted {
        let Some(alert) = alerts.next().await else { break };
        let alert = alert?;
        start.get_or_insert_with(|| (Instant::now(), cpu_seconds()));
        taken += 1;
        urgent += u64::from(alert.priority <= Priority::Error);
        letters += alert.rule.len() + alert.output_fields.get("proc.name").map_or(0, str::len);
        seconds ^= alert.time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    }
    std::hint::black_box((urgent, letters, seconds));
    if let Some((wall, cpu)) = start {
        println!("{taken} {:.3} {:.3}", wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    }
    Ok(())
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| words.get(at).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(TIMES.0) + ticks(TIMES.1)) / TICKS
}
