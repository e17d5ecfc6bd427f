//! Alerts and questions at random, and what a plain look at every alert finds.

use std::collections::BTreeMap;

use cadge_proto::raw::{RawAlert, v1};
use cadge_proto::{Alert, priority_name};
use proptest::prelude::*;
use prost::Message as _;

use super::super::count::Counts;
use super::super::dimensions;
use crate::log::Entry;

/// Some alerts differ in every dimension, and their times are not in the log's order.
pub(super) fn alerts() -> impl Strategy<Value = Vec<Alert>> {
    let name = || prop_oneof![Just(""), Just("a"), Just("b"), Just("c")];
    let time = prop_oneof![0..200_000i64, 3590..3610i64, Just(i64::MIN), Just(i64::MAX)];
    let alert = (time, 0..8i32, name(), name(), name(), name(), proptest::collection::vec("[xyz]", 0..3));
    let alert = alert.prop_map(|(seconds, priority, rule, host, namespace, pod, tags)| Alert {
        time: Some(prost_types::Timestamp { seconds, nanos: 500_000_000 }),
        priority,
        rule: rule.to_owned(),
        hostname: host.to_owned(),
        sensor: format!("sensor-{host}"),
        source: "syscall".to_owned(),
        output_fields: [("k8s.ns.name".to_owned(), namespace), ("k8s.pod.name".to_owned(), pod)]
            .map(|(name, text)| (name, if text == "c" { "<NA>".to_owned() } else { text.to_owned() }))
            .into(),
        tags: tags.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect(),
        ..Alert::default()
    });
    proptest::collection::vec(alert, 0..60)
}

pub(super) fn selections() -> impl Strategy<Value = v1::Selection> {
    let value = || prop_oneof!["[abcxyz]", Just(String::new()), "sensor-[ab]", Just("Critical".to_owned())];
    let condition = (1..=8i32, proptest::collection::vec(value(), 1..4))
        .prop_map(|(dimension, values)| v1::Where { dimension, values });
    let time = || {
        proptest::option::of(prop_oneof![0..200_000i64, 3590..3610i64])
            .prop_map(|time| time.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }))
    };
    (proptest::collection::vec(condition, 0..4), time(), time())
        .prop_map(|(r#where, since, until)| v1::Selection { r#where, since, until })
}

/// The values of an alert, said once more without the code under test.
fn values(alert: &Alert, dimension: i32) -> Vec<String> {
    let field = |name: &str| match alert.output_fields.get(name).map(String::as_str) {
        None | Some("<NA>") => String::new(),
        Some(text) => text.to_owned(),
    };
    match dimension {
        1 => vec![alert.rule.clone()],
        2 => vec![priority_name(alert.priority).to_owned()],
        3 => vec![alert.sensor.clone()],
        4 => vec![alert.hostname.clone()],
        5 => vec![alert.source.clone()],
        6 => vec![field("k8s.ns.name")],
        7 => vec![field("k8s.pod.name")],
        _ if alert.tags.is_empty() => vec![String::new()],
        _ => alert.tags.clone(),
    }
}

pub(super) fn is_selected(alert: &Alert, selection: &v1::Selection) -> bool {
    let time = alert.time.unwrap();
    let time = (time.seconds, time.nanos);
    selection.since.is_none_or(|since| time >= (since.seconds, since.nanos))
        && selection.until.is_none_or(|until| time < (until.seconds, until.nanos))
        && selection.r#where.iter().all(|condition| {
            values(alert, condition.dimension).iter().any(|value| condition.values.contains(value))
        })
}

pub(super) fn entries(alerts: &[Alert]) -> Vec<Entry> {
    let entry = |(at, alert): (usize, &Alert)| Entry {
        position: position(at),
        alert: RawAlert::new(alert.encode_to_vec()),
    };
    alerts.iter().enumerate().map(entry).collect()
}

/// Positions grow, not always by one.
pub(super) fn position(at: usize) -> u64 {
    at as u64 * 3 + 1
}

pub(super) fn counts_of<'a>(alerts: impl Iterator<Item = &'a Alert>, group_by: &[i32], step: u32) -> Counts {
    let mut counts = BTreeMap::new();
    for alert in alerts {
        let span = match step {
            0 => 0,
            step => {
                dimensions::time_of(alert).div_euclid(1_000_000_000).div_euclid(step.into()) * i64::from(step)
            }
        };
        let mut groups = vec![Vec::new()];
        for dimension in group_by {
            let values = values(alert, *dimension);
            groups = groups
                .into_iter()
                .flat_map(|group: Vec<String>| {
                    values
                        .iter()
                        .map(move |value| [group.clone(), vec![value.clone()]].concat())
                        .collect::<Vec<_>>()
                })
                .collect();
        }
        for group in groups {
            *counts.entry((span, group)).or_default() += 1;
        }
    }
    counts
}
