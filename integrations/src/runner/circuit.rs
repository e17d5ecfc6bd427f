//! Whether a destination takes alerts, as far as its last attempts show.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntGauge;

/// After so many failures in a row it counts as not taking any.
const FAILURES: u32 = 5;

/// What a destination's circuit is, in the words of that pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Circuit {
    /// Alerts go through.
    #[default]
    Closed,
    /// It does not take alerts. It is asked now and then whether it does.
    Open,
}

/// How a destination is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether it takes alerts.
    pub circuit: Circuit,
    /// The position up to which it has come.
    pub position: u64,
    /// Failures in a row.
    pub failures: u32,
    /// What the last failure was; empty if there was none since the last success.
    pub failure: String,
}

/// The state, shared with whoever asks for it.
#[derive(Clone, Debug)]
pub(super) struct Health {
    state: Arc<Mutex<State>>,
    open: IntGauge,
    position: IntGauge,
}

impl Health {
    pub(super) fn new(open: IntGauge, position: IntGauge) -> Self {
        open.set(0);
        Self { state: Arc::default(), open, position }
    }

    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Alerts went through. Answers whether that is news.
    pub(super) fn succeeded(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failures == 0 {
            return false;
        }
        let was = std::mem::take(&mut state.circuit);
        (state.failures, state.failure) = (0, String::new());
        self.open.set(0);
        was == Circuit::Open
    }

    /// An attempt failed. Answers whether it is time to say that none goes through.
    pub(super) fn failed(&self, cause: &str) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += 1;
        cause.clone_into(&mut state.failure);
        let opens = state.failures >= FAILURES && state.circuit == Circuit::Closed;
        if opens {
            state.circuit = Circuit::Open;
            self.open.set(1);
        }
        opens
    }

    /// The log was gone through up to there.
    pub(super) fn reached(&self, position: u64) {
        self.position.set(i64::try_from(position).unwrap_or(i64::MAX));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).position = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_it_and_one_success_closes_it() {
        let gauge = |name: &str| IntGauge::new(name, name).unwrap();
        let health = Health::new(gauge("open"), gauge("position"));
        for _ in 1..FAILURES {
            assert!(!health.failed("away"));
        }
        assert!(health.failed("still away"));
        assert!(!health.failed("still away"));
        assert_eq!((health.state().circuit, health.open.get()), (Circuit::Open, 1));
        assert_eq!(health.state().failure, "still away");
        assert!(health.succeeded());
        assert!(!health.succeeded());
        assert_eq!((health.state(), health.open.get()), (State::default(), 0));
    }
}
