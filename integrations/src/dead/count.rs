//! How many dead letters there are, as a metric. It follows what is on disk: each change is counted once it is there.

use std::collections::BTreeMap;

use prometheus::{IntGaugeVec, Opts};

use super::signed;

/// The numbers, by destination.
#[derive(Clone, Debug)]
pub(super) struct Count(IntGaugeVec);

impl Count {
    pub(super) fn new() -> Self {
        let help = "Dead letters that wait to be sent once more or removed.";
        let gauge = IntGaugeVec::new(Opts::new("cadge_integration_dead_letters", help), &["destination"]);
        Self(gauge.expect("name and label are valid"))
    }

    pub(super) fn metric(&self) -> IntGaugeVec {
        self.0.clone()
    }

    pub(super) fn add(&self, destination: &str, letters: u64) {
        self.0.with_label_values(&[destination]).add(signed(letters));
    }

    pub(super) fn subtract(&self, removed: &BTreeMap<String, u64>) {
        for (destination, letters) in removed {
            self.0.with_label_values(&[destination]).sub(signed(*letters));
        }
    }
}
