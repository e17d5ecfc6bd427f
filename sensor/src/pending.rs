//! Rules on events, and events that wait for what is still being looked up: parked in a bounded number and
//! for a bounded time, then evaluated with what is known.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cadge_engine::{Alert, ContainerState, Event, EventType, KeptEvent, Outcome, Ruleset, Scratch};

use crate::containers::Containers;
use crate::counters::Counters;

/// How many events may wait, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events_max: usize,
    pub(crate) timeout: Duration,
}

/// Evaluates events one after the other.
pub(crate) struct Evaluator {
    ruleset: Arc<Ruleset>,
    containers: Containers,
    bounds: Bounds,
    /// Oldest first, each with the time at which it is evaluated at the latest.
    parked: VecDeque<(Instant, KeptEvent)>,
    scratch: Scratch,
    alerts: Vec<Alert>,
    counters: Arc<Counters>,
}

impl Evaluator {
    pub(crate) fn new(
        ruleset: Arc<Ruleset>,
        containers: Containers,
        bounds: Bounds,
        counters: Arc<Counters>,
    ) -> Self {
        let (parked, scratch, alerts) = (VecDeque::new(), Scratch::default(), Vec::new());
        Self { ruleset, containers, bounds, parked, scratch, alerts, counters }
    }

    /// Has a container looked up before anything happens in it.
    pub(crate) fn expect(&mut self, container_id: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.containers.see(container_id, u64::try_from(now.as_nanos()).unwrap_or_default());
    }

    /// Hands the alerts of an event to `raise`, or parks it.
    pub(crate) fn evaluate(&mut self, event: &Event<'_>, raise: &mut dyn FnMut(Alert)) {
        let Some(process) = event.process.filter(|process| !process.container_id.is_empty()) else {
            let _ = self.ruleset.evaluate(event, &mut self.scratch, &mut self.alerts);
            return self.alerts.drain(..).for_each(raise);
        };
        // What waits for this container comes first, if the answer is there.
        self.evaluate_parked(raise);
        let Self { ruleset, containers, scratch, alerts, .. } = self;
        let container = containers.see(&process.container_id, event.time_ns);
        if ruleset.evaluate(&Event { container, ..*event }, scratch, alerts) == Outcome::Pending {
            self.park(event);
        }
        if event.kind == EventType::PROCEXIT && process.vpid == 1 {
            self.containers.end(&process.container_id, event.time_ns);
        }
        self.alerts.drain(..).for_each(raise);
    }

    /// Keeps an event, or evaluates it at once if too many wait.
    fn park(&mut self, event: &Event<'_>) {
        if self.parked.len() < self.bounds.events_max {
            Counters::add(&self.counters.pending, 1);
            self.parked.push_back((Instant::now() + self.bounds.timeout, KeptEvent::new(event)));
            return;
        }
        Counters::add(&self.counters.pending_refused, 1);
        let event = Event { container: ContainerState::Unknown, ..*event };
        let _ = self.ruleset.evaluate(&event, &mut self.scratch, &mut self.alerts);
    }

    /// Evaluates those that have waited for what is known now, or for long enough.
    pub(crate) fn evaluate_parked(&mut self, raise: &mut dyn FnMut(Alert)) {
        let has_answers = self.containers.take_answers();
        let Some((deadline, _)) = self.parked.front() else { return };
        let now = Instant::now();
        if has_answers || *deadline <= now {
            self.evaluate_until(now, raise);
        }
    }

    /// Evaluates all that wait, with what is known: there will be no answer any more.
    pub(crate) fn finish(&mut self, raise: &mut dyn FnMut(Alert)) {
        self.containers.take_answers();
        if let Some((deadline, _)) = self.parked.back() {
            self.evaluate_until(*deadline, raise);
        }
    }

    fn evaluate_until(&mut self, time: Instant, raise: &mut dyn FnMut(Alert)) {
        for (deadline, event) in std::mem::take(&mut self.parked) {
            let mut container = self.containers.get(event.container_id());
            if matches!(container, ContainerState::Pending(_)) {
                if deadline > time {
                    self.parked.push_back((deadline, event));
                    continue;
                }
                Counters::add(&self.counters.pending_timed_out, 1);
                container = ContainerState::Unknown;
            } else {
                Counters::add(&self.counters.pending_answered, 1);
            }
            let (ruleset, scratch, alerts) = (&self.ruleset, &mut self.scratch, &mut self.alerts);
            let _ = event.with(container, |event| ruleset.evaluate(event, scratch, alerts));
        }
        self.alerts.drain(..).for_each(raise);
    }

    /// Something waits: the loop is to come again soon.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Forgets containers that are gone, and notes how many there are.
    pub(crate) fn tidy(&mut self) {
        self.containers.forget_ended();
        Counters::set(&self.counters.containers, self.containers.len());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    use cadge_engine::{Process, RuleFile, Settings};

    use super::*;
    use crate::containers::by_hand::{ID, Runtime, containers};

    struct Stage {
        evaluator: Evaluator,
        runtime: Runtime,
        raised: Vec<String>,
        time_ns: u64,
    }

    const RULES: &str = "
- {rule: named, desc: d, priority: INFO, condition: evt.type = execve and container.name = web, output: '%proc.name'}
- {rule: any, desc: d, priority: INFO, condition: evt.type = execve and proc.name = any, output: '%container.name'}
";

    impl Stage {
        fn new(events_max: usize, timeout: Duration) -> Self {
            let files = [RuleFile { name: "r", text: RULES }];
            let ruleset = Arc::new(Ruleset::load(&files, &Settings::default()).ruleset.unwrap());
            let (containers, runtime) = containers(8, 8);
            let bounds = Bounds { events_max, timeout };
            let evaluator = Evaluator::new(ruleset, containers, bounds, Arc::default());
            Self { evaluator, runtime, raised: Vec::new(), time_ns: 0 }
        }

        fn run(&mut self, name: &str, container_id: &str) {
            let mut process =
                Process { pid: 7, vpid: 1, container_id: container_id.into(), ..Process::default() };
            process.set_argv(name.as_bytes(), b"");
            let processes = HashMap::from([(7, process)]);
            self.time_ns += 1;
            let event = Event {
                num: self.time_ns,
                time_ns: self.time_ns,
                tid: 7,
                process: processes.get(&7),
                processes: &processes,
                ..Event::new(EventType::EXECVE)
            };
            let raised = &mut self.raised;
            self.evaluator
                .evaluate(&event, &mut |alert| raised.push(format!("{} {}", alert.rule, alert.message)));
        }

        fn go_on(&mut self) -> Vec<String> {
            let raised = &mut self.raised;
            self.evaluator
                .evaluate_parked(&mut |alert| raised.push(format!("{} {}", alert.rule, alert.message)));
            std::mem::take(raised)
        }

        fn count(&self, counter: impl Fn(&Counters) -> &AtomicU64) -> u64 {
            counter(&self.evaluator.counters).load(Ordering::Relaxed)
        }
    }

    const LONG: Duration = Duration::from_hours(1);

    #[test]
    fn an_event_waits_for_the_answer() {
        let mut stage = Stage::new(8, LONG);
        stage.run("first", ID);
        stage.run("second", ID);
        assert!(stage.evaluator.is_waiting() && stage.go_on().is_empty());
        stage.runtime.answer(Some("web"));
        // One that comes now does not overtake them.
        stage.run("third", ID);
        assert_eq!(stage.go_on(), ["named first", "named second", "named third"]);
        assert_eq!((stage.count(|c| &c.pending), stage.count(|c| &c.pending_answered)), (2, 2));
        assert!(!stage.evaluator.is_waiting());
    }

    #[test]
    fn the_host_and_what_nobody_asks_for_wait_for_nothing() {
        let mut stage = Stage::new(8, LONG);
        stage.run("any", "");
        stage.run("any", "web");
        assert_eq!(stage.go_on(), ["any host", "any <NA>"]);
        assert_eq!(stage.count(|c| &c.pending), 0);
    }

    #[test]
    fn waiting_has_an_end() {
        let mut stage = Stage::new(8, Duration::ZERO);
        stage.run("any", ID);
        assert_eq!(stage.go_on(), ["any <NA>"]);
        assert_eq!(stage.count(|c| &c.pending_timed_out), 1);
        let mut stage = Stage::new(8, LONG);
        stage.run("any", ID);
        let raised = &mut stage.raised;
        stage.evaluator.finish(&mut |alert| raised.push(alert.message));
        assert_eq!(stage.raised, ["<NA>"]);
    }

    #[test]
    fn what_does_not_fit_is_evaluated_at_once() {
        let mut stage = Stage::new(2, LONG);
        for name in ["any", "any", "any", "other"] {
            stage.run(name, ID);
        }
        assert_eq!(stage.go_on(), ["any <NA>"]);
        assert_eq!((stage.count(|c| &c.pending), stage.count(|c| &c.pending_refused)), (2, 2));
        stage.runtime.answer(None);
        assert_eq!(stage.go_on(), ["any <NA>", "any <NA>"]);
    }
}
