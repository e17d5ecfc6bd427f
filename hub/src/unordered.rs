//! Puts alerts that have no order into the log: those from HTTP, from files, and from other programs.

mod identity;
mod made;

use std::sync::Arc;

use cadge_proto::raw::RawAlert;
use cadge_proto::{BATCH_ALERTS_MAX, BATCH_BYTES_MAX};
use prometheus::IntCounter;

use crate::log::{Append, Durable, Log, LogError, UNORDERED};
use crate::metrics::Metrics;
pub(crate) use made::{Defaults, FIELDS_MAX, TAGS_MAX, Unfit, finish, make};

/// The way into the log.
#[derive(Clone)]
pub(crate) struct Unordered {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) metrics: Metrics,
}

impl Unordered {
    /// Keeps alerts with their identities, and answers once they are on disk: how many the log had
    /// already. After an error some may be there; to send all again does no harm.
    pub(crate) async fn keep(&self, sensor: &str, alerts: Vec<(u64, RawAlert)>) -> Result<u64, LogError> {
        self.hand_in(sensor, alerts).await?.kept().await
    }

    /// Hands them to the log: they have their place then, behind all that were handed in before.
    pub(crate) async fn hand_in(
        &self,
        sensor: &str,
        alerts: Vec<(u64, RawAlert)>,
    ) -> Result<Keeping, LogError> {
        self.metrics.received.inc_by(alerts.len() as u64);
        let mut durable = Vec::new();
        for alerts in parts(alerts) {
            let batch = Append {
                sensor: sensor.to_owned(),
                epoch: UNORDERED,
                previous: 0,
                first: 0,
                alerts,
                last: 0,
            };
            durable.push(self.log.append(batch).await?);
        }
        Ok(Keeping { durable, duplicates: self.metrics.duplicates.clone() })
    }
}

/// Alerts on their way to the disk.
pub(crate) struct Keeping {
    durable: Vec<Durable>,
    duplicates: IntCounter,
}

impl Keeping {
    /// Waits until they are there. Answers how many the log had already.
    pub(crate) async fn kept(self) -> Result<u64, LogError> {
        let mut duplicates = 0;
        for answer in self.durable {
            duplicates += answer.await.unwrap_or_else(|_| Err(stopped()))?.duplicates;
        }
        self.duplicates.inc_by(duplicates);
        Ok(duplicates)
    }
}

pub(crate) fn stopped() -> LogError {
    LogError { path: String::new(), problem: "it has stopped before it answered".to_owned() }
}

/// Batches within the bounds that hold for sensors, too.
fn parts(alerts: Vec<(u64, RawAlert)>) -> Vec<Vec<(u64, RawAlert)>> {
    let mut parts = Vec::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for alert in alerts {
        let length = alert.1.as_bytes().len();
        if part.len() == BATCH_ALERTS_MAX || (bytes + length > BATCH_BYTES_MAX && !part.is_empty()) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += length;
        part.push(alert);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_as_small_as_a_sensors() {
        let alerts = |count: usize, bytes: usize| vec![(7, RawAlert::new(vec![0; bytes])); count];
        let sizes = |alerts| parts(alerts).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(alerts(BATCH_ALERTS_MAX + 1, 1)), [BATCH_ALERTS_MAX, 1]);
        assert_eq!(sizes(alerts(5, BATCH_BYTES_MAX / 2)), [2, 2, 1]);
        assert!(sizes(alerts(0, 0)).is_empty());
    }
}
