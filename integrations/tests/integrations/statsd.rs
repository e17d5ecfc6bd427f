//! What StatsD hears.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use super::feed::{Log, alert};

/// Adds up what comes until all alerts are counted.
fn heard(socket: &UdpSocket, total: &str, count: u64) -> BTreeMap<String, u64> {
    let (mut sums, mut space) = (BTreeMap::<String, u64>::new(), [0; 2000]);
    while sums.get(total).is_none_or(|sum| *sum < count) {
        let length = socket.recv(&mut space).unwrap();
        for line in std::str::from_utf8(&space[..length]).unwrap().lines() {
            let (name, rest) = line.split_once(':').unwrap();
            let (number, kind) = rest.split_once('|').unwrap();
            *sums.entry(format!("{name}|{kind}")).or_default() += number.parse::<u64>().unwrap();
        }
    }
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_is_counted_by_its_priority() {
    for (section, total, warning, critical) in [
        ("statsd", "x.total|c", "x.falco.accepted.Warning|c", "x.falco.accepted.Critical|c"),
        (
            "dogstatsd",
            "x.total|c|#env:prod,team:a",
            "x.falco.accepted|c|#priority:Warning,env:prod,team:a",
            "x.falco.accepted|c|#priority:Critical,env:prod,team:a",
        ),
    ] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let (log, address) = (Log::default(), socket.local_addr().unwrap());
        for sequence in 1..=3000 {
            log.push(alert(sequence, if sequence % 3 == 0 { 2 } else { 4 }));
        }
        let yaml =
            format!("{section}:\n  forwarder: {address}\n  namespace: x.\n  tags: ['env:prod', 'team:a']\n");
        let (_running, stop, _) = log.start(&yaml);
        let sums = tokio::task::spawn_blocking(move || heard(&socket, total, 3000)).await.unwrap();
        stop.cancel();
        assert_eq!((sums[total], sums[warning], sums[critical]), (3000, 2000, 1000), "{sums:?}");
    }
}
