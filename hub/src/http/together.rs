//! Requests that come together go to the log together.
//!
//! Stock Falco sends one alert a request and waits for the answer. For a fleet of those the log would be told of each
//! alone: a flush of the disk, and a look of each consumer, for every alert. So a request waits for those senders who
//! had an answer a moment ago and may be about to send the next alert. Who is alone does not wait. Who is in a hurry
//! waits no longer than the log takes: the more a sender has to send, the shorter it is silent between an answer and its
//! next request, and the shorter it is made to wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cadge_proto::raw::RawAlert;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::place::Places;
use crate::log::LogError;
use crate::unordered::{Unordered, stopped};

/// A request waits for so many times as long as its sender was silent, at most.
const SILENCES: u32 = 8;

type Alerts = Vec<(u64, RawAlert)>;

type Answer = oneshot::Sender<Result<(), LogError>>;

/// The way of requests into the log.
#[derive(Clone)]
pub(super) struct Together {
    unordered: Unordered,
    places: Places,
    wait: Duration,
    state: Arc<Mutex<State>>,
    wake: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// Of each connection one at most.
    waiting: Vec<Waiting>,
    /// How long the log took for the last group.
    took: Duration,
}

struct Waiting {
    sensor: String,
    alerts: Alerts,
    answer: Answer,
    /// It waits for others no longer than this.
    until: Instant,
}

impl State {
    fn add(&mut self, mut waiting: Waiting, patience: Duration, most: Duration) {
        waiting.until += patience.max(self.took).min(most);
        self.waiting.push(waiting);
    }
}

impl Together {
    /// A request waits for others for `wait` at most.
    pub(super) fn new(unordered: Unordered, places: Places, wait: Duration) -> Self {
        Self { unordered, places, wait, state: Arc::default(), wake: Arc::default() }
    }

    /// Keeps alerts of a sender who was silent for so long, and answers once they are on disk.
    pub(super) async fn keep(
        &self,
        sensor: String,
        alerts: Alerts,
        silent: Duration,
    ) -> Result<(), LogError> {
        let (answer, kept) = oneshot::channel();
        self.state().add(
            Waiting { sensor, alerts, answer, until: Instant::now() },
            silent * SILENCES,
            self.wait,
        );
        self.wake.notify_one();
        kept.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Hands requests to the log, for ever.
    pub(super) async fn run(self) {
        loop {
            self.wake.notified().await;
            self.gather().await;
            let group = std::mem::take(&mut self.state().waiting);
            if group.is_empty() {
                continue;
            }
            let (began, unordered) = (Instant::now(), &self.unordered);
            let kept = by_sensor(group).into_iter().map(|(sensor, (alerts, answers))| async move {
                let outcome = unordered.keep(&sensor, alerts).await.map(drop);
                for answer in answers {
                    let _ = answer.send(outcome.clone());
                }
            });
            futures_util::future::join_all(kept).await;
            self.state().took = began.elapsed();
        }
    }

    /// Lets those come who may be about to.
    async fn gather(&self) {
        while let Some(until) = self.until() {
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(until) => return,
            }
        }
    }

    /// Until when to wait for somebody who may be about to come, if there is any need.
    fn until(&self) -> Option<Instant> {
        let until = self.state().waiting.iter().map(|waiting| waiting.until).min()?;
        (until > Instant::now() && self.places.expects(self.wait)).then_some(until)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the log keeps of each sensor, and who waits for that.
fn by_sensor(group: Vec<Waiting>) -> BTreeMap<String, (Alerts, Vec<Answer>)> {
    let mut sensors = BTreeMap::<_, (Alerts, Vec<_>)>::new();
    for Waiting { sensor, alerts, answer, .. } in group {
        let (all, answers) = sensors.entry(sensor).or_default();
        all.extend(alerts);
        answers.push(answer);
    }
    sensors
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use super::*;
    use crate::log::{Log, Sqlite, SqliteSettings};
    use crate::metrics::Metrics;

    /// What surely comes is waited for so long. Nobody here waits for others as long as that.
    const PATIENCE: Duration = Duration::from_mins(1);

    const LONG: Duration = Duration::from_hours(1);

    struct Bench {
        places: Places,
        together: Together,
        number: u64,
        _dir: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let (dir, places) = (tempfile::tempdir().unwrap(), Places::default());
            let settings = SqliteSettings { path: dir.path().join("log.db"), ..SqliteSettings::default() };
            let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
            let together = Together::new(Unordered { log, metrics: Metrics::new() }, places.clone(), LONG);
            tokio::spawn(together.clone().run());
            Self { places, together, number: 0, _dir: dir }
        }

        fn keep(&mut self, silent: Duration) -> impl Future<Output = Result<(), LogError>> + 'static {
            self.number += 1;
            let (together, alerts) = (self.together.clone(), vec![(self.number, RawAlert::new(vec![1]))]);
            async move { together.keep("http/a".to_owned(), alerts, silent).await }
        }

        fn head(&self) -> u64 {
            *self.together.unordered.log.head().borrow()
        }
    }

    async fn kept(keeping: impl Future<Output = Result<(), LogError>>) {
        tokio::time::timeout(PATIENCE, keeping).await.expect("it does not wait").unwrap();
    }

    #[tokio::test]
    async fn who_is_alone_waits_for_nobody() {
        let mut bench = Bench::new();
        let place = bench.places.enter();
        for _ in 0..3 {
            place.work();
            kept(bench.keep(LONG)).await;
            place.wait();
        }
        assert_eq!(bench.head(), 3);
    }

    #[tokio::test]
    async fn who_may_be_about_to_come_is_waited_for() {
        let mut bench = Bench::new();
        let (one, other) = (bench.places.enter(), bench.places.enter());
        one.work();
        let first = tokio::spawn(bench.keep(LONG));
        // It is handed over, and stays.
        while bench.together.until().is_none() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(bench.head(), 0);
        other.work();
        kept(bench.keep(LONG)).await;
        first.await.unwrap().unwrap();
        assert_eq!(bench.head(), 2);
    }

    #[tokio::test]
    async fn who_is_in_a_hurry_waits_for_nobody_and_takes_the_others_along() {
        let mut bench = Bench::new();
        let (one, two, _other) = (bench.places.enter(), bench.places.enter(), bench.places.enter());
        one.work();
        let first = tokio::spawn(bench.keep(LONG));
        while bench.together.until().is_none() {
            tokio::task::yield_now().await;
        }
        two.work();
        kept(bench.keep(Duration::ZERO)).await;
        first.await.unwrap().unwrap();
        assert_eq!(bench.head(), 2);
    }
}
