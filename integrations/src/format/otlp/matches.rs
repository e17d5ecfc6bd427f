//! How often each rule matched, as falcosidekick counts it.

use std::collections::BTreeMap;

use cadge_proto::{Alert, priority_name};

use crate::Delivery;
use crate::text::label_name;

use super::wire::{
    DataPoint, KeyValue, Metric, MetricsRequest, Number, ResourceMetrics, ScopeMetrics, Sum, resource, scope,
    text,
};

/// So many different series at most: alerts that would make more count under the rule `other`.
const SERIES_MAX: usize = 10_000;

const NAME: &str = "falcosecurity_falco_rules_matches_total";

const CUMULATIVE: i32 = 2;

/// The labels that a series has of itself.
const OWN: [&str; 6] = ["__name__", "hostname", "priority", "rule", "source", "tags"];

/// A counter. It is cumulative: Prometheus takes nothing else, and a request that is sent twice counts once.
#[derive(Clone, Debug)]
pub struct Matches {
    start: u64,
    /// What every series has.
    labels: BTreeMap<String, String>,
    counts: BTreeMap<Series, i64>,
}

#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Series {
    hostname: String,
    rule: String,
    priority: &'static str,
    source: String,
    tags: String,
}

impl Matches {
    /// Counts from `start` on, in nanoseconds since 1970. A later start tells the receiver that counting began anew.
    pub fn new(start: u64) -> Self {
        Self { start, labels: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Gives every series labels, but for those that it has of itself.
    #[must_use]
    pub fn labelled(mut self, labels: &BTreeMap<String, String>) -> Self {
        let labels = labels.iter().map(|(name, value)| (label_name(name), value.clone()));
        self.labels = labels.filter(|(name, _)| !OWN.contains(&name.as_str())).collect();
        self
    }

    /// Counts an alert.
    pub fn count(&mut self, alert: &Alert) {
        let series = Series {
            hostname: alert.hostname.clone(),
            rule: alert.rule.clone(),
            priority: priority_name(alert.priority),
            source: alert.source.clone(),
            tags: alert.tags.join(","),
        };
        let is_known = self.counts.len() < SERIES_MAX || self.counts.contains_key(&series);
        let series = if is_known { series } else { Series { rule: "other".to_owned(), ..Series::default() } };
        *self.counts.entry(series).or_default() += 1;
    }

    /// What is counted once these have arrived: alerts that come again after a failure are not counted twice.
    pub(crate) fn with(&self, alerts: &[Delivery]) -> Self {
        let mut next = self.clone();
        for delivery in alerts {
            next.count(&delivery.alert);
        }
        next
    }

    /// Every series with its labels, sorted, and its count, as Prometheus has it.
    pub fn series(&self) -> impl Iterator<Item = (Vec<(&str, String)>, u32)> {
        self.counts.iter().map(|(series, count)| {
            let own = [
                ("__name__", NAME.to_owned()),
                ("hostname", series.hostname.clone()),
                ("priority", series.priority.to_owned()),
                ("rule", series.rule.clone()),
                ("source", series.source.clone()),
                ("tags", series.tags.clone()),
            ];
            let shared = self.labels.iter().map(|(name, value)| (name.as_str(), value.clone()));
            let labels = own.into_iter().chain(shared).filter(|(_, value)| !value.is_empty());
            let labels: BTreeMap<&str, String> = labels.collect();
            (labels.into_iter().collect(), u32::try_from(*count).unwrap_or(u32::MAX))
        })
    }

    /// Everything counted so far, at `now`, in nanoseconds since 1970.
    pub fn request(&self, now: u64) -> MetricsRequest {
        let data_points = self.counts.iter().map(|(series, count)| DataPoint {
            start_time_unix_nano: self.start,
            time_unix_nano: now,
            value: Some(Number::Int(*count)),
            attributes: series.attributes(&self.labels),
        });
        let metric = Metric {
            name: NAME.to_owned(),
            description: "Number of times rules match.".to_owned(),
            unit: "1".to_owned(),
            sum: Some(Sum {
                data_points: data_points.collect(),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: true,
            }),
        };
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics: vec![metric] }];
        MetricsRequest {
            resource_metrics: vec![ResourceMetrics { resource: Some(resource("")), scope_metrics }],
        }
    }
}

impl Series {
    fn attributes(&self, shared: &BTreeMap<String, String>) -> Vec<KeyValue> {
        let own = [
            ("hostname", self.hostname.as_str()),
            ("rule", &self.rule),
            ("priority", self.priority),
            ("source", &self.source),
            ("tags", &self.tags),
        ];
        let shared = shared.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all = own.into_iter().chain(shared).filter(|(_, text)| !text.is_empty());
        all.map(|(key, value)| text(key, value)).collect()
    }
}
