use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use prometheus::Registry;
use tokio::time::Instant as Clock;

use super::super::outcomes::Counters;
use super::super::{Circuit, State};
use super::*;

/// Answers as it is told, then takes everything. Notes when it was asked, and for what.
#[derive(Default)]
pub(in super::super) struct Told {
    answers: Mutex<VecDeque<SendError>>,
    asked: Mutex<Vec<Clock>>,
    pub(in super::super) sent: Mutex<Vec<u64>>,
    /// The position of an alert at which it breaks off, once.
    pub(in super::super) breaks_at: Mutex<Option<u64>>,
}

impl Integration for Told {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        self.asked.lock().unwrap().push(Clock::now());
        let breaks =
            self.breaks_at.lock().unwrap().take_if(|position| *position == alerts[0].position).is_some();
        assert!(!breaks, "as the test wants it");
        self.sent.lock().unwrap().extend(alerts.iter().map(|delivery| delivery.position));
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async { answer.map_or(Ok(Answer::default()), Err) })
    }
}

pub(in super::super) fn sender(answers: impl IntoIterator<Item = SendError>) -> (Sender, Arc<Told>) {
    let told = Arc::new(Told { answers: Mutex::new(answers.into_iter().collect()), ..Told::default() });
    let dead = DeadLetters::open(None, 10).unwrap();
    let outcomes = Counters::new(&Registry::new(), &dead).of("told");
    let sender = Sender {
        label: "told".to_owned(),
        integration: Arc::<Told>::clone(&told),
        timeout: Duration::from_secs(10),
        attempts: 20,
        dead,
        health: Health::new(outcomes.circuit.clone(), outcomes.position.clone()),
        outcomes,
        said: Said::default(),
        replay: tokio::sync::Mutex::default(),
    };
    (sender, told)
}

/// Sends an alert, and answers how long after each attempt the next one was.
async fn pauses(answers: Vec<SendError>) -> Vec<Duration> {
    let (sender, told) = sender(answers);
    let ending = Ending { stop: CancellationToken::new(), lost: CancellationToken::new() };
    assert!(sender.send(&[Delivery { position: 1, alert: Arc::default() }], &ending).await);
    assert_eq!(sender.outcomes.ok.get(), 1);
    let asked = told.asked.lock().unwrap();
    asked.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_it_is_asked_every_other_second() {
    let pauses = pauses(vec![SendError::Away("refused".to_owned()); 40]).await;
    assert_eq!(pauses.len(), 40);
    assert!(pauses.iter().all(|pause| *pause <= AWAY + Duration::from_millis(1)), "{pauses:?}");
    assert!(pauses[10..].iter().all(|pause| *pause >= AWAY / 2), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_answer_is_asked_less_and_less() {
    let pauses = pauses(vec![SendError::Unreachable("late".to_owned()); 15]).await;
    assert!(pauses[12..].iter().all(|pause| *pause >= BACK_OFF.1 / 2), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_says_when_to_come_again_is_not_asked_before() {
    let after = Some(Duration::from_secs(30));
    let pauses = pauses(vec![SendError::Retry { after, cause: "busy".to_owned() }; 3]).await;
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_secs(30)), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_back_and_refuses_is_not_away() {
    let away = vec![SendError::Away("refused".to_owned()); 6];
    let (sender, _) = sender(away.into_iter().chain([SendError::Refused("no such channel".to_owned())]));
    let ending = Ending { stop: CancellationToken::new(), lost: CancellationToken::new() };
    let alerts = [Delivery { position: 1, alert: Arc::default() }];
    // A paused clock would run on while the letter is written.
    let fate = sender.fate(&alerts, &ending).await;
    assert!(matches!(fate, Fate::Refused(_)));
    assert_eq!(sender.health.state(), State { circuit: Circuit::Closed, ..State::default() });
}
