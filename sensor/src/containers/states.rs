//! The loop's side: what is known of each container, and who is still to be asked.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use cadge_engine::{Container, ContainerState};
use tokio::sync::mpsc::{Receiver, Sender};

use super::{Answer, can_be_asked_for};
use crate::counters::Counters;

/// A container that has ended is remembered for so long, for events that come late.
const KEEP_ENDED_NS: u64 = 10_000_000_000;

/// A container without events is remembered for so long: its end may have been missed.
const KEEP_IDLE_NS: u64 = 3_600_000_000_000;

/// An event that comes so long after a container's end is of the next start of that container.
const RESTART_NS: u64 = 1_000_000_000;

/// A container that no runtime knew is asked for again after so long.
const ASK_AGAIN_NS: u64 = 30_000_000_000;

/// Containers by their ids. Bounded.
#[derive(Debug)]
pub(crate) struct Containers {
    entries: HashMap<Box<str>, Entry>,
    max: usize,
    requests: Sender<Box<str>>,
    answers: Receiver<Answer>,
    /// Set by whoever reads a field of a container that is being looked up.
    asked: Cell<bool>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    /// The time of its last event. All times are those of events.
    seen_ns: u64,
    /// When its first process has ended.
    ended_ns: Option<u64>,
}

#[derive(Debug)]
enum Known {
    NotYet,
    Container(Arc<Container>),
    /// Nobody knew it at this time.
    Nothing(u64),
}

impl Entry {
    /// The container may have been started again, or somebody may know it by now.
    fn is_old(&self, time_ns: u64) -> bool {
        match (&self.known, self.ended_ns) {
            (Known::NotYet, _) => false,
            (_, Some(ended_ns)) => time_ns > ended_ns + RESTART_NS,
            (Known::Nothing(since_ns), None) => time_ns > since_ns + ASK_AGAIN_NS,
            _ => false,
        }
    }

    fn renew(&mut self, time_ns: u64) {
        self.ended_ns = None;
        if let Known::Nothing(since_ns) = &mut self.known {
            *since_ns = time_ns;
        }
    }
}

impl Containers {
    pub(super) fn new(
        max: usize,
        requests: Sender<Box<str>>,
        answers: Receiver<Answer>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            entries: HashMap::new(),
            max: max.max(1),
            requests,
            answers,
            asked: Cell::new(false),
            counters,
        }
    }

    /// What is known of a container in which something happens. It is asked for if nobody has done so.
    pub(crate) fn see(&mut self, id: &str, time_ns: u64) -> ContainerState<'_> {
        match self.entries.get_mut(id) {
            Some(entry) => {
                entry.seen_ns = entry.seen_ns.max(time_ns);
                if entry.is_old(time_ns) {
                    // What was known holds until the answer is there.
                    entry.renew(time_ns);
                    self.send(id);
                }
            }
            None => self.ask(id, time_ns),
        }
        self.get(id)
    }

    /// What is known of a container.
    pub(crate) fn get(&self, id: &str) -> ContainerState<'_> {
        match self.entries.get(id).map(|entry| &entry.known) {
            Some(Known::NotYet) => ContainerState::Pending(&self.asked),
            Some(Known::Container(container)) => ContainerState::Known(container),
            Some(Known::Nothing(_)) | None => ContainerState::Unknown,
        }
    }

    /// Takes what has been answered. Answers whether that was anything.
    pub(crate) fn take_answers(&mut self) -> bool {
        let mut any = false;
        while let Ok(answer) = self.answers.try_recv() {
            any = true;
            // One that had to make room is asked for when it is seen again.
            let Some(entry) = self.entries.get_mut(&answer.id) else { continue };
            match (answer.container, &entry.known) {
                (Some(container), _) => entry.known = Known::Container(container),
                (None, Known::Container(_)) => {}
                (None, _) => entry.known = Known::Nothing(entry.seen_ns),
            }
        }
        any
    }

    /// Notes that the first process of a container has ended.
    pub(crate) fn end(&mut self, id: &str, time_ns: u64) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.ended_ns = Some(time_ns);
        }
    }

    /// Forgets those that have ended a while before the last event, or had none for long.
    pub(crate) fn forget_ended(&mut self) {
        let now_ns = self.entries.values().map(|entry| entry.seen_ns).max().unwrap_or_default();
        self.entries.retain(|_, entry| {
            let keep_ns = if entry.ended_ns.is_some() { KEEP_ENDED_NS } else { KEEP_IDLE_NS };
            entry.seen_ns.saturating_add(keep_ns) > now_ns
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn ask(&mut self, id: &str, time_ns: u64) {
        if !can_be_asked_for(id) {
            return;
        }
        if self.entries.len() >= self.max {
            self.evict();
        }
        // Else the next event of this container tries again.
        if self.send(id) {
            self.entries.insert(id.into(), Entry { known: Known::NotYet, seen_ns: time_ns, ended_ns: None });
        }
    }

    fn send(&mut self, id: &str) -> bool {
        let is_sent = self.requests.try_send(id.into()).is_ok();
        Counters::add(&self.counters.lookups_refused, u64::from(!is_sent));
        is_sent
    }

    /// Makes room: one that has ended goes, else the one without events for longest.
    fn evict(&mut self) {
        let order = |entry: &Entry| (entry.ended_ns.is_none(), entry.seen_ns);
        let oldest = self.entries.iter().min_by_key(|(_, entry)| order(entry)).map(|(id, _)| id.clone());
        if let Some(id) = oldest {
            self.entries.remove(&id);
            Counters::add(&self.counters.containers_evicted, 1);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::sync::mpsc;

    /// A runtime that answers when it is told to.
    pub(crate) struct Runtime {
        requests: mpsc::Receiver<Box<str>>,
        answers: mpsc::Sender<Answer>,
    }

    impl Runtime {
        pub(crate) fn answer(&mut self, name: Option<&str>) {
            let id = self.requests.try_recv().unwrap();
            let container =
                |name: &str| Arc::new(Container { name: name.to_owned(), ..Container::default() });
            self.answers.try_send(Answer { id, container: name.map(container) }).unwrap();
        }
    }

    pub(crate) fn containers(max: usize, requests_max: usize) -> (Containers, Runtime) {
        let (request, requests) = mpsc::channel(requests_max);
        let (answers, answer) = mpsc::channel(requests_max);
        (Containers::new(max, request, answer, Arc::default()), Runtime { requests, answers })
    }

    fn name(state: ContainerState<'_>) -> &str {
        match state {
            ContainerState::Pending(_) => "pending",
            ContainerState::Known(container) => &container.name,
            ContainerState::Unknown => "unknown",
        }
    }

    pub(crate) const ID: &str = "0123456789ab";

    #[test]
    fn a_container_is_asked_for_once_and_again_when_it_was_started_again() {
        let (mut containers, mut runtime) = containers(4, 4);
        assert_eq!(name(containers.see(ID, 1)), "pending");
        assert_eq!(name(containers.see(ID, 2)), "pending");
        runtime.answer(Some("web"));
        containers.take_answers();
        assert_eq!(name(containers.see(ID, 3)), "web");
        assert!(runtime.requests.try_recv().is_err());
        containers.end(ID, 4);
        assert_eq!(name(containers.see(ID, 5)), "web");
        assert_eq!(name(containers.see(ID, 6 + RESTART_NS)), "web");
        runtime.answer(Some("web again"));
        containers.take_answers();
        assert_eq!(name(containers.see(ID, 7 + RESTART_NS)), "web again");
        assert!(runtime.requests.try_recv().is_err());
    }

    #[test]
    fn what_nobody_knows_is_asked_for_again_later() {
        let (mut containers, mut runtime) = containers(4, 4);
        containers.see(ID, 1);
        runtime.answer(None);
        containers.take_answers();
        assert_eq!(name(containers.see(ID, 2)), "unknown");
        assert_eq!(name(containers.see(ID, 3 + ASK_AGAIN_NS)), "unknown");
        runtime.answer(Some("late"));
        assert!(containers.take_answers() && !containers.take_answers());
        assert_eq!(name(containers.see(ID, 4 + ASK_AGAIN_NS)), "late");
        assert_eq!(name(containers.see("web", 2)), "unknown");
        assert_eq!(containers.len(), 1);
    }

    #[test]
    fn the_ended_are_forgotten() {
        let (mut containers, _runtime) = containers(4, 4);
        containers.see(ID, 1);
        containers.end(ID, 2);
        containers.see("0123456789ac", 2);
        containers.forget_ended();
        assert_eq!(containers.len(), 2);
        containers.see("0123456789ac", 3 + KEEP_ENDED_NS);
        containers.forget_ended();
        assert_eq!(containers.len(), 1);
        containers.see(ID, 4 + KEEP_ENDED_NS + KEEP_IDLE_NS);
        containers.forget_ended();
        assert_eq!(name(containers.get("0123456789ac")), "unknown");
    }

    proptest! {
        #[test]
        fn the_table_is_bounded(steps in prop::collection::vec((0..30_u64, 0..4), 0..200)) {
            let (mut containers, mut runtime) = containers(8, 4);
            for (time_ns, (id, step)) in (1_u64..).zip(steps) {
                let id = format!("{id:012x}");
                match step {
                    0 if !runtime.requests.is_empty() => runtime.answer(Some("x")),
                    1 => containers.end(&id, time_ns),
                    _ => { containers.see(&id, time_ns); }
                }
                containers.take_answers();
                prop_assert!(containers.len() <= 8);
            }
        }
    }
}
