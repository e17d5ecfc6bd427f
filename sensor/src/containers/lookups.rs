//! The side of tokio: takes ids, and answers with what runtimes say of the containers.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::JoinSet;

use super::Answer;
use super::runtimes::Runtimes;
use crate::counters::Counters;

/// Containers that are being asked for, most of them waiting to be asked for again.
const TASKS_MAX: usize = 256;

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
                let container = runtimes.look_up(&id).await.map(Arc::new);
                let outcome = if container.is_some() {
                    &counters.containers_known
                } else {
                    &counters.containers_unknown
                };
                Counters::add(outcome, 1);
                let _ = answers.send(Answer { id, container }).await;
            });
        }
    }
}
