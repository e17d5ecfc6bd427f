//! What became of alerts, counted once and in one place.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::dead::DeadLetters;

/// The counters of all destinations.
pub(super) struct Counters {
    outputs: IntCounterVec,
    retries: IntCounterVec,
    filtered: IntCounterVec,
    grouped: IntCounterVec,
    expired: IntCounterVec,
    /// Dead letters that were delivered later.
    pub(super) replayed: IntCounterVec,
    /// Dead letters that were removed by hand.
    pub(super) discarded: IntCounterVec,
    position: IntGaugeVec,
    circuit: IntGaugeVec,
    dead: IntGaugeVec,
}

/// Those of one.
#[derive(Clone)]
pub(super) struct Outcomes {
    /// Delivered.
    pub(super) ok: IntCounter,
    /// Given up: they are dead letters.
    pub(super) error: IntCounter,
    /// Attempts that failed and were repeated.
    pub(super) retries: IntCounter,
    /// Less urgent than the destination wants.
    pub(super) filtered: IntCounter,
    /// Delivered within a message about another alert.
    pub(super) grouped: IntCounter,
    /// Dead letters that went to make room.
    pub(super) expired: IntCounter,
    /// How far the log was gone through.
    pub(super) position: IntGauge,
    /// 1 while the destination does not take alerts.
    pub(super) circuit: IntGauge,
}

impl Counters {
    pub(super) fn new(registry: &Registry, letters: &DeadLetters) -> Self {
        let dead = letters.metric();
        registry.register(Box::new(dead.clone())).expect("each name is registered once");
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter =
                IntCounterVec::new(Opts::new(name, help), labels).expect("name and labels are valid");
            registry.register(Box::new(counter.clone())).expect("each name is registered once");
            counter
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &["destination"]);
            let gauge = gauge.expect("name and labels are valid");
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
            gauge
        };
        let one = ["destination"];
        Self {
            outputs: counter(
                "falcosecurity_falcosidekick_outputs_total",
                "Alerts that were delivered (ok) or given up (error), by destination.",
                &["destination", "status"],
            ),
            retries: counter(
                "cadge_integration_retries_total",
                "Attempts that failed and were repeated.",
                &one,
            ),
            filtered: counter(
                "cadge_integration_filtered_total",
                "Alerts below a destination's minimum priority.",
                &one,
            ),
            grouped: counter(
                "cadge_integration_grouped_total",
                "Alerts that were delivered within a message about another one of their rule.",
                &one,
            ),
            expired: counter(
                "cadge_integration_dead_letters_expired_total",
                "Dead letters that were deleted to make room for new ones of this destination.",
                &one,
            ),
            replayed: counter(
                "cadge_integration_dead_letters_replayed_total",
                "Dead letters that were delivered when they were sent once more.",
                &one,
            ),
            discarded: counter(
                "cadge_integration_dead_letters_discarded_total",
                "Dead letters that an admin has removed unsent.",
                &one,
            ),
            position: gauge(
                "cadge_integration_position",
                "The position in the log up to which a destination has come.",
            ),
            circuit: gauge(
                "cadge_integration_circuit_open",
                "1 while a destination does not take alerts and is only asked now and then.",
            ),
            dead,
        }
    }

    /// Those of a destination: all are there from the start.
    pub(super) fn of(&self, label: &str) -> Outcomes {
        let one = [label];
        self.replayed.with_label_values(&one);
        self.discarded.with_label_values(&one);
        self.dead.with_label_values(&one);
        Outcomes {
            ok: self.outputs.with_label_values(&[label, "ok"]),
            error: self.outputs.with_label_values(&[label, "error"]),
            retries: self.retries.with_label_values(&one),
            filtered: self.filtered.with_label_values(&one),
            grouped: self.grouped.with_label_values(&one),
            expired: self.expired.with_label_values(&one),
            position: self.position.with_label_values(&one),
            circuit: self.circuit.with_label_values(&one),
        }
    }
}
