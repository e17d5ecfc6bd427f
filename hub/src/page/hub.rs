//! What the metrics page says of the log and of its consumers.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use super::text::{Family, Kind, single};
use crate::consume::Place;
use crate::fleet::Fleet;
use crate::log::LogStatus;

/// Consumers that have figures of their own. Those past that are one, `other`, as far back as its last.
const CONSUMERS_MAX: usize = 1000;

/// The log's size and range.
pub(super) fn log(status: &LogStatus, bytes_max: u64) -> Vec<Family> {
    let gauge = |name, help, value| single(name, Kind::Gauge, help, value);
    let mut families = vec![
        gauge("cadge_log_first_position", "The oldest position that the log still has.", status.first),
        gauge("cadge_log_head_position", "The last position of the log.", status.head),
    ];
    if status.bytes > 0 {
        families.push(gauge("cadge_log_bytes", "Bytes that the log takes.", status.bytes));
    }
    // A topic has its own bounds, which the hub does not know.
    if status.kind == "sqlite" {
        families.push(gauge(
            "cadge_log_bytes_max",
            "Bytes at which the log deletes its oldest alerts.",
            bytes_max,
        ));
    }
    families
}

/// How far each consumer has come.
pub(super) fn consumers(all: &BTreeMap<String, Place>, head: u64) -> Vec<Family> {
    let gauge = |name, help| Family::new(name, Kind::Gauge, help);
    let mut position = gauge("cadge_consumer_position", "The place of a consumer's cursor in the log.");
    let mut lag = gauge("cadge_consumer_lag_alerts", "Alerts that a consumer has not had yet.");
    let mut streams = gauge("cadge_consumer_streams", "Streams of this hub that move a consumer's cursor.");
    for (name, place) in all.iter().take(CONSUMERS_MAX) {
        let labels: [(&str, &str); 1] = [("consumer", name)];
        position.add(&labels, place.position);
        lag.add(&labels, head.saturating_sub(place.position));
        streams.add(&labels, place.streams);
    }
    let others = || all.values().skip(CONSUMERS_MAX);
    if let Some(last) = others().map(|place| place.position).min() {
        let labels = [("consumer", "other")];
        position.add(&labels, last);
        lag.add(&labels, head.saturating_sub(last));
        streams.add(&labels, others().map(|place| u64::from(place.streams)).sum::<u64>());
    }
    vec![position, lag, streams]
}

/// The hub itself.
pub(super) fn hub(fleet: &Fleet) -> Vec<Family> {
    let mut info = Family::new("cadge_hub_info", Kind::Gauge, "1, with the hub's version.");
    info.add(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let started = fleet.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let left_out = fleet.left_out();
    vec![
        info,
        single("cadge_hub_start_time_seconds", Kind::Gauge, "When the hub was started.", started),
        single(
            "cadge_hub_sensors_forgotten_total",
            Kind::Counter,
            "Sensors that were forgotten: gone for long, one too many, or by hand.",
            left_out.sensors,
        ),
        single(
            "cadge_hub_sensor_counters_refused_total",
            Kind::Counter,
            "Counters of sensors that were not kept: too many, or too long a name.",
            left_out.counters,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_past_the_bound_are_one() {
        let places =
            (0..1003_u64).map(|number| (format!("c{number:04}"), Place { position: number, streams: 1 }));
        let mut page = String::new();
        for family in consumers(&places.collect(), 2000) {
            family.write(&mut page);
        }
        for line in [
            "cadge_consumer_lag_alerts{consumer=\"c0999\"} 1001",
            "cadge_consumer_position{consumer=\"other\"} 1000",
            "cadge_consumer_lag_alerts{consumer=\"other\"} 1000",
            "cadge_consumer_streams{consumer=\"other\"} 3",
        ] {
            assert!(page.lines().any(|known| known == line), "{line}");
        }
        assert_eq!(page.matches("cadge_consumer_lag_alerts{").count(), 1001);
    }
}
