//! The side of tokio: takes ids, asks for the containers, and again while no runtime knows them yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::JoinSet;

use super::Answer;
use super::runtimes::{Asked, Runtimes};
use crate::counters::Counters;

/// Containers that are being asked for, most of them waiting to be asked for again.
const TASKS_MAX: usize = 256;

/// The pauses before asking again: a runtime may know a container a little later than the kernel.
const PAUSES_MS: &[u64] = &[5, 10, 20, 40, 80, 160, 320, 640, 1280];

/// Asks for containers until the other side is gone.
pub(crate) struct Lookups {
    requests: Receiver<Box<str>>,
    answers: Sender<Answer>,
    runtimes: Arc<Runtimes>,
    counters: Arc<Counters>,
}

impl Lookups {
    pub(super) fn new(
        requests: Receiver<Box<str>>,
        answers: Sender<Answer>,
        runtimes: Runtimes,
        counters: Arc<Counters>,
    ) -> Self {
        Self { requests, answers, runtimes: Arc::new(runtimes), counters }
    }

    /// Runs until nobody can ask any more. What is asked for then is given up.
    pub(crate) async fn run(mut self) {
        let mut tasks = JoinSet::new();
        loop {
            while tasks.len() >= TASKS_MAX {
                tasks.join_next().await;
            }
            while tasks.try_join_next().is_some() {}
            let Some(id) = self.requests.recv().await else { break };
            let (runtimes, answers) = (Arc::clone(&self.runtimes), self.answers.clone());
            let counters = Arc::clone(&self.counters);
            tasks.spawn(async move {
                let answer = look_up(&runtimes, id).await;
                let outcome = match &answer.container {
                    Some(_) => &counters.containers_known,
                    None => &counters.containers_unknown,
                };
                Counters::add(outcome, 1);
                let _ = answers.send(answer).await;
            });
        }
    }
}

async fn look_up(runtimes: &Runtimes, id: Box<str>) -> Answer {
    for pause in PAUSES_MS.iter().map(Some).chain([None]) {
        match runtimes.look_up(&id).await {
            Asked::Known(container) => return Answer { id, container: Some(Arc::new(*container)) },
            Asked::Nobody => break,
            Asked::NotYet => {}
        }
        if let Some(pause) = pause {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
        }
    }
    Answer { id, container: None }
}
