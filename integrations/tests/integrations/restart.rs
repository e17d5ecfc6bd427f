//! Alerts that flow while a server stops and starts again.

use std::collections::BTreeSet;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::server::{metric, wait_for_metric};

/// So many alerts flow.
pub(crate) const COUNT: u64 = 3000;

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Delivers alerts to a destination, of which it is not known at what alert the server stops.
pub(crate) async fn deliver_over_a_restart(server: &mut Counterpart, destination: &str, yaml: &str) {
    let ok =
        format!("falcosecurity_falcosidekick_outputs_total{{destination=\"{destination}\",status=\"ok\"}}");
    let retries = format!("cadge_integration_retries_total{{destination=\"{destination}\"}}");
    let log = Log::default();
    let (_running, stop, registry) = log.start(yaml);
    let (stopped, is_stopped) = sync_channel(1);
    let flow = std::thread::spawn(move || {
        for sequence in 1..=COUNT {
            // The last come surely while it is away.
            if sequence == COUNT - 500 {
                is_stopped.recv().unwrap();
            }
            log.push(alert(sequence, 4));
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let above = async |line: &str, least: f64| {
        let deadline = Instant::now() + PATIENCE;
        while metric(&registry, line).unwrap_or_default() < least {
            assert!(Instant::now() < deadline, "{line} is {:?}", metric(&registry, line));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    above(&ok, 200.0).await;
    server.stop();
    stopped.send(()).unwrap();
    above(&retries, 1.0).await;
    server.start_again();
    flow.join().unwrap();
    wait_for_metric(&registry, &ok, 3000.0).await;
    stop.cancel();
}

/// Nothing is lost, and nothing comes before what was before it: a repetition may.
pub(crate) fn assert_all_in_order(numbers: impl IntoIterator<Item = u64>) {
    let mut seen = BTreeSet::new();
    let first: Vec<u64> = numbers.into_iter().filter(|number| seen.insert(*number)).collect();
    assert_eq!(first, (1..=COUNT).collect::<Vec<_>>());
}

/// The number of an alert in a body.
pub(crate) fn number(body: &str) -> u64 {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["output"].as_str().unwrap().rsplit_once('#').unwrap().1.parse().unwrap()
}
