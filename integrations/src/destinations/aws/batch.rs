//! Several alerts in one request, of which some may be taken and others not.

use std::collections::BTreeSet;

use crate::destinations::taken::Taken;
use crate::{Answer, Delivery, SendError};

/// Entries that one request may have, at SQS as at SNS.
pub(super) const ENTRIES: usize = 10;

/// Bytes that the entries of a request may have together: what a queue has always taken.
const BYTES: usize = 256 << 10;

/// What became of a request's entries, each by its place in the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    pub(super) taken: BTreeSet<usize>,
    /// Never will be.
    pub(super) refused: Vec<(usize, String)>,
    /// May be another time.
    pub(super) failed: Vec<(usize, String)>,
}

impl Taken {
    /// Keeps what was taken, and tells what is to be done with the rest. What may go well another time is tried
    /// before the rest is given up.
    pub(super) fn settle(
        &self,
        alerts: &[&Delivery],
        entries: &Entries,
        answer: Answer,
    ) -> Result<Answer, SendError> {
        let taken = entries.taken.iter().filter_map(|index| alerts.get(*index));
        self.keep(taken.map(|delivery| delivery.position));
        let shown = |(index, cause): &(usize, String)| format!("it answered to entry {index}: {cause}");
        if let Some(failed) = entries.failed.first() {
            return Err(SendError::later(shown(failed)));
        }
        if let Some(refused) = entries.refused.first() {
            return Err(SendError::Refused(shown(refused)));
        }
        match (0..alerts.len()).find(|index| !entries.taken.contains(index)) {
            Some(index) => Err(SendError::later(format!("its answer does not speak of entry {index}"))),
            None => Ok(answer),
        }
    }
}

/// Alerts with their bodies, as many to a request as it may have.
pub(super) fn requests(
    alerts: Vec<&Delivery>,
    body: impl Fn(&Delivery) -> String,
) -> Vec<(Vec<&Delivery>, Vec<String>)> {
    let mut requests: Vec<(Vec<&Delivery>, Vec<String>)> = Vec::new();
    let mut bytes = 0;
    for delivery in alerts {
        let text = body(delivery);
        bytes += text.len();
        match requests.last_mut() {
            Some((alerts, bodies)) if alerts.len() < ENTRIES && bytes <= BYTES => {
                alerts.push(delivery);
                bodies.push(text);
            }
            _ => {
                bytes = text.len();
                requests.push((vec![delivery], vec![text]));
            }
        }
    }
    requests
}

/// A sensor's name as that of a group: what that may not have becomes `_`. Alerts of no sensor are a group, too.
pub(super) fn group(sensor: &str) -> String {
    let kept = |character: char| if character.is_ascii_graphic() { character } else { '_' };
    if sensor.is_empty() { "hub".to_owned() } else { sensor.chars().map(kept).take(128).collect() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn alerts(count: u64) -> Vec<Delivery> {
        (1..=count).map(|position| Delivery { position, alert: Arc::default() }).collect()
    }

    #[test]
    fn what_was_taken_is_not_sent_again_until_all_are() {
        let (alerts, taken) = (alerts(3), Taken::default());
        let all = taken.left(&alerts);
        let entries = Entries {
            taken: BTreeSet::from([0]),
            refused: vec![(1, "no".to_owned())],
            failed: vec![(2, "busy".to_owned())],
        };
        let outcome = taken.settle(&all, &entries, Answer::default());
        assert!(matches!(outcome, Err(SendError::Retry { cause, .. }) if cause.contains("busy")));
        let left = taken.left(&alerts);
        assert_eq!(left.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), [2, 3]);
        let entries =
            Entries { taken: BTreeSet::from([1]), refused: vec![(0, "no".to_owned())], failed: vec![] };
        let outcome = taken.settle(&left, &entries, Answer::default());
        assert!(matches!(outcome, Err(SendError::Refused(cause)) if cause.contains("no")));
        assert_eq!(taken.left(&alerts).len(), 1);
        let silent = taken.settle(&left, &Entries::default(), Answer::default());
        assert!(matches!(silent, Err(SendError::Retry { .. })));
        taken.forget(&alerts);
        assert_eq!(taken.left(&alerts).len(), 3);
    }

    #[test]
    fn a_request_has_as_many_alerts_as_it_may() {
        let sizes = |count, bytes: usize| {
            let alerts = alerts(count);
            let requests = requests(alerts.iter().collect(), |_| "x".repeat(bytes));
            requests.iter().map(|(alerts, _)| alerts.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(12, 1), [10, 2]);
        assert_eq!(sizes(3, 100 << 10), [2, 1]);
        assert_eq!(sizes(2, 300 << 10), [1, 1]);
        assert!(sizes(0, 1).is_empty());
    }
}
