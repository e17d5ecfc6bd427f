use std::sync::Mutex;

use cadge_proto::Alert;
use cadge_proto::json::FieldKind;
use futures_util::future::BoxFuture;

use super::super::attempt::tests::{Told, sender};
use super::super::thread;
use super::*;
use crate::{Read, SendError};

/// A log of a few alerts, and where its cursor was moved to.
#[derive(Clone, Default)]
struct Log {
    alerts: Vec<Delivery>,
    commits: Arc<Mutex<Vec<u64>>>,
    stop: CancellationToken,
}

impl Log {
    fn new(rules: &str) -> Self {
        let alert = |(position, rule): (u64, char)| Delivery {
            position,
            alert: Arc::new(Alert { rule: rule.to_string(), ..Alert::default() }),
        };
        Self { alerts: (1..).zip(rules.chars()).map(alert).collect(), ..Self::default() }
    }

    fn commits(&self) -> Vec<u64> {
        self.commits.lock().unwrap().clone()
    }
}

impl Feeds for Log {
    fn check(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn open(&self, _: &str, _: &str) -> BoxFuture<'_, Result<Box<dyn Feed>, FeedError>> {
        let (log, at) = (self.clone(), self.commits().last().copied().unwrap_or(0));
        Box::pin(async move { Ok(Box::new(Place { log, at }) as Box<dyn Feed>) })
    }
}

/// A place in it. It ends delivering once all is done with.
struct Place {
    log: Log,
    at: u64,
}

impl Feed for Place {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Read, FeedError>> {
        let rest = self.log.alerts.iter().filter(|delivery| delivery.position > self.at);
        let alerts: Vec<Delivery> = rest.take(max).cloned().collect();
        Box::pin(async move {
            let Some(last) = alerts.last() else { return std::future::pending().await };
            self.at = last.position;
            Ok(Read { alerts, position: self.at })
        })
    }

    fn commit(&mut self, position: u64) -> BoxFuture<'_, Result<(), FeedError>> {
        self.log.commits.lock().unwrap().push(position);
        if position == self.log.alerts.len() as u64 {
            self.log.stop.cancel();
        }
        Box::pin(async { Ok(()) })
    }
}

fn runner(log: &Log, per_minute: u32, answers: Vec<SendError>) -> (Runner, Arc<Told>) {
    let (sender, told) = sender(answers);
    let runner = Runner {
        sender: Arc::new(sender),
        least: 7,
        cursor: "told".to_owned(),
        filter: String::new(),
        dress: Dress::default(),
        kinds: |_| FieldKind::Text,
        concurrency: 1,
        per_minute,
        feeds: Arc::new(log.clone()),
        stop: log.stop.clone(),
    };
    (runner, told)
}

#[tokio::test(start_paused = true)]
async fn the_cursor_follows_messages_that_wait_for_their_turn() {
    let log = Log::new("ABAC");
    let (runner, told) = runner(&log, 1, Vec::new());
    runner.run().await;
    assert_eq!(*told.sent.lock().unwrap(), [1, 2, 4]);
    // Once A and B are told, with the second A in the first of them, only C is left.
    assert_eq!(log.commits(), [3, 4]);
    let outcomes = &runner.sender.outcomes;
    assert_eq!((outcomes.ok.get(), outcomes.grouped.get(), outcomes.error.get()), (3, 1, 0));
}

#[tokio::test]
async fn of_a_message_that_is_refused_all_alerts_are_dead_letters() {
    let log = Log::new("AAA");
    let (runner, _) = runner(&log, 1, vec![SendError::Refused("no".to_owned())]);
    runner.run().await;
    let letters = runner.sender.dead.list(None, 0, 10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.position).collect::<Vec<_>>(), [1, 2, 3]);
    // Each as it was: what is sent once more stands for itself.
    assert!(letters.iter().all(|letter| letter.alert.output.is_empty()), "{letters:?}");
    let outcomes = &runner.sender.outcomes;
    assert_eq!((outcomes.ok.get(), outcomes.grouped.get(), outcomes.error.get()), (0, 0, 3));
}

#[tokio::test]
async fn what_breaks_off_delivering_is_told_and_it_goes_on_at_the_cursor() {
    let log = Log::new("ABCD");
    let (runner, told) = runner(&log, 0, Vec::new());
    *told.breaks_at.lock().unwrap() = Some(3);
    let sender = Arc::clone(&runner.sender);
    thread(runner).unwrap().await.unwrap();
    let sent = told.sent.lock().unwrap().clone();
    assert!(sent.ends_with(&[3, 4]) && sent.starts_with(&[1, 2]), "{sent:?}");
    assert_eq!(log.commits().last(), Some(&4));
    assert_eq!(sender.health.state().failures, 0);
}
