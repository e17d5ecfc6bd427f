//! What the metrics page says of each sensor, and under Falco's own names.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use cadge_proto::raw::v1::Sensor;

use super::counter::Counter;
use super::text::{Family, Kind, Labels};

/// The sensor under whose name the counters of those past the bound are summed.
const OTHER: &str = "other";

/// Different counters of all sensors together.
const COUNTERS_MAX: usize = 128;

/// The helps of counters whose names say too little. One line each.
const HELPS: &[(&str, &str)] = &[
    ("alerts_cut_total", "Alerts whose fields were cut to fit."),
    ("alerts_delivered_total", "Alerts that the hub has."),
    ("alerts_raised_total", "Alerts that rules raised."),
    ("alerts_spooled_total", "Alerts that were written into the spool."),
    ("dropped_total", "What was lost, by class (events by their ring, or alerts) and cause."),
    ("events_total", "Events that came from the kernel, by ring."),
    ("processes", "Processes that are known."),
    ("processes_evicted_total", "Processes that made room for others."),
    ("truncated_total", "Events with a part that was cut to fit."),
];

/// All families about sensors.
pub(super) fn families(sensors: &[Sensor], own_max: usize) -> Vec<Family> {
    let (own, others) = sensors.split_at(own_max.min(sensors.len()));
    let mut families = states(sensors);
    families.extend(about(own));
    families.extend(counters(own, others));
    families.extend(falco(own, others));
    families
}

fn states(sensors: &[Sensor]) -> Vec<Family> {
    let mut family = Family::new("cadge_fleet_sensors", Kind::Gauge, "Sensors that are known, by state.");
    for state in ["up", "gone", "silent"] {
        let count = sensors.iter().filter(|sensor| state_of(sensor) == state).count();
        family.add(&[("state", state)], count);
    }
    vec![family]
}

fn state_of(sensor: &Sensor) -> &'static str {
    match (sensor.silent, sensor.connected) {
        (true, _) => "silent",
        (false, true) => "up",
        (false, false) => "gone",
    }
}

fn about(sensors: &[Sensor]) -> [Family; 5] {
    let gauge = |name, help| Family::new(name, Kind::Gauge, help);
    let mut info =
        gauge("cadge_sensor_info", "1 for each sensor: its version, kernel and a hash over its rules.");
    let mut up =
        gauge("cadge_sensor_up", "1 while a sensor is connected and gives signs of life, 0 otherwise.");
    let mut beat =
        gauge("cadge_sensor_last_heartbeat_timestamp_seconds", "When a sensor's last heartbeat came.");
    let mut spooled =
        gauge("cadge_sensor_spooled_alerts", "Alerts in a sensor's spool at its last heartbeat.");
    let mut acknowledged = gauge(
        "cadge_sensor_acknowledged_sequence",
        "The last sequence number of a sensor's spool that the log has.",
    );
    for sensor in sensors {
        let of = of(sensor);
        info.add(
            &[
                of[0],
                of[1],
                ("version", &sensor.version),
                ("kernel", &sensor.kernel),
                ("rules", &sensor.rules_digest),
                ("sources", &sensor.sources.join(",")),
            ],
            1,
        );
        up.add(&of, u8::from(state_of(sensor) == "up"));
        acknowledged.add(&of, sensor.acknowledged);
        let time = sensor.last_heartbeat.and_then(|time| SystemTime::try_from(time).ok());
        if let Some(time) = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()) {
            beat.add(&of, time.as_secs_f64());
            spooled.add(&of, sensor.spooled);
        }
    }
    [info, up, beat, spooled, acknowledged]
}

fn of(sensor: &Sensor) -> [(&str, &str); 2] {
    [("sensor", &sensor.sensor), ("hostname", &sensor.hostname)]
}

/// Each counter of each sensor as a metric; those past the bound as sums.
fn counters(own: &[Sensor], others: &[Sensor]) -> Vec<Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut add = |text: &str, of: Labels<'_>, count: u64| {
        let Some(counter) = Counter::parse(text) else { return };
        if families.len() >= COUNTERS_MAX && !families.contains_key(counter.name) {
            return;
        }
        let family = families.entry(counter.name.to_owned()).or_insert_with(|| family(counter.name));
        family.add(&[of, &counter.labels].concat(), count);
    };
    for sensor in own {
        let mut counted: Vec<_> = sensor.counters.iter().collect();
        counted.sort_unstable();
        for (text, count) in counted {
            add(text, &of(sensor), *count);
        }
    }
    for (text, count) in sums(others) {
        add(text, &[("sensor", OTHER), ("hostname", "")], count);
    }
    families.into_values().collect()
}

fn family(counter: &str) -> Family {
    let kind = if counter.ends_with("_total") { Kind::Counter } else { Kind::Gauge };
    let help =
        HELPS.iter().find(|(name, _)| *name == counter).map_or("As the sensor counts it.", |row| row.1);
    Family::new(&format!("cadge_sensor_{counter}"), kind, help)
}

fn sums(sensors: &[Sensor]) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for (text, count) in sensors.iter().flat_map(|sensor| &sensor.counters) {
        let sum: &mut u64 = sums.entry(text.as_str()).or_default();
        *sum = sum.saturating_add(*count);
    }
    sums
}

/// Falco's names for what sensors say. Falco has one host; the labels say which.
fn falco(own: &[Sensor], others: &[Sensor]) -> Vec<Family> {
    let counter = |name: &str, help: &str| Family::new(&format!("falcosecurity_{name}"), Kind::Counter, help);
    let gauge = |name: &str, help: &str| Family::new(&format!("falcosecurity_{name}"), Kind::Gauge, help);
    let mut events = counter("scap_n_evts_total", "Events of the kernel, with those that were dropped.");
    let mut drops = counter("scap_n_drops_total", "Events of the kernel that were dropped.");
    let mut queue =
        counter("falco_outputs_queue_num_drops_total", "Alerts that found the queue to the outputs full.");
    let mut host = gauge("evt_hostname_info", "1 for each sensor: its host's name.");
    let mut kernel = gauge("falco_kernel_release_info", "1 for each sensor: its kernel's release.");
    let mut version = gauge("falco_version_info", "1 for each sensor: its version.");
    let mut count = |of: Labels<'_>, counters: &BTreeMap<&str, u64>| {
        let sum = |is_it: &dyn Fn(&Counter<'_>) -> bool| {
            let of_it =
                counters.iter().filter(|(text, _)| Counter::parse(text).is_some_and(|known| is_it(&known)));
            of_it.map(|(_, count)| *count).reduce(u64::saturating_add)
        };
        let is_alert = |counter: &Counter<'_>| counter.label("class") == Some("alert");
        let dropped = sum(&|counter| counter.name == "dropped_total" && !is_alert(counter));
        if let Some(seen) = sum(&|counter| counter.name == "events_total") {
            events.add(of, seen.saturating_add(dropped.unwrap_or(0)));
        }
        if let Some(dropped) = dropped {
            drops.add(of, dropped);
        }
        let is_full =
            |counter: &Counter<'_>| is_alert(counter) && counter.label("cause") == Some("queue_full");
        if let Some(full) = sum(&is_full) {
            queue.add(of, full);
        }
    };
    for sensor in own {
        let of = of(sensor);
        host.add(&of, 1);
        kernel.add(&[of[0], of[1], ("kernel_release", &sensor.kernel)], 1);
        version.add(&[of[0], of[1], ("version", &sensor.version)], 1);
        count(&of, &sensor.counters.iter().map(|(text, count)| (text.as_str(), *count)).collect());
    }
    count(&[("sensor", OTHER), ("hostname", "")], &sums(others));
    vec![events, drops, queue, host, kernel, version]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn sensor(name: &str, counters: &[(&str, u64)]) -> Sensor {
        let counters: HashMap<String, u64> =
            counters.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Sensor { sensor: name.to_owned(), connected: true, counters, ..Sensor::default() }
    }

    fn page(sensors: &[Sensor], own_max: usize) -> String {
        let mut page = String::new();
        for family in families(sensors, own_max) {
            family.write(&mut page);
        }
        page
    }

    #[test]
    fn a_sensors_counters_are_metrics_and_falcos_where_they_are_the_same() {
        let counters = [
            ("events_total{class=\"bulk\"}", 10),
            ("dropped_total{class=\"bulk\",cause=\"ring_full\"}", 2),
            ("dropped_total{class=\"alert\",cause=\"queue_full\"}", 3),
            ("not a name", 1),
        ];
        let page = page(&[sensor("a", &counters)], 10);
        for line in [
            "cadge_sensor_events_total{sensor=\"a\",hostname=\"\",class=\"bulk\"} 10",
            "cadge_sensor_dropped_total{sensor=\"a\",hostname=\"\",class=\"alert\",cause=\"queue_full\"} 3",
            "falcosecurity_scap_n_evts_total{sensor=\"a\",hostname=\"\"} 12",
            "falcosecurity_scap_n_drops_total{sensor=\"a\",hostname=\"\"} 2",
            "falcosecurity_falco_outputs_queue_num_drops_total{sensor=\"a\",hostname=\"\"} 3",
            "cadge_sensor_up{sensor=\"a\",hostname=\"\"} 1",
            "cadge_fleet_sensors{state=\"up\"} 1",
        ] {
            assert!(page.lines().any(|known| known == line), "{line} in {page}");
        }
        assert!(!page.contains("not a name"), "{page}");
        assert!(!page.contains("last_heartbeat"), "no heartbeat, no time: {page}");
    }

    #[test]
    fn past_the_bound_counters_are_summed() {
        let all: Vec<Sensor> =
            ["a", "b", "c"].map(|name| sensor(name, &[("events_total{class=\"bulk\"}", 5)])).into();
        let page = page(&all, 1);
        assert!(
            page.contains("cadge_sensor_events_total{sensor=\"other\",hostname=\"\",class=\"bulk\"} 10\n")
        );
        assert!(page.contains("cadge_sensor_events_total{sensor=\"a\",hostname=\"\",class=\"bulk\"} 5\n"));
        assert!(!page.contains("sensor=\"b\""), "{page}");
        assert!(page.contains("cadge_fleet_sensors{state=\"up\"} 3\n"), "all are counted: {page}");
    }

    #[test]
    fn different_counters_are_bounded() {
        let many: Vec<String> = (0..500).map(|number| format!("n{number}_total")).collect();
        let counters: Vec<(&str, u64)> = many.iter().map(|name| (name.as_str(), 1)).collect();
        let page = page(&[sensor("a", &counters)], 10);
        assert_eq!(page.lines().filter(|line| line.starts_with("cadge_sensor_n")).count(), COUNTERS_MAX);
    }
}
