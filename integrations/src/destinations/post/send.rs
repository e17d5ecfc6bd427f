//! The sending: bodies, rows of requests, and what was taken of them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::{Post, Row};
use crate::http::{self, Direct, Reply};
use crate::{Answer, Delivery, Integration, SendError};

/// A server that answers more slowly is not sent several requests in a row.
const FAST: Duration = Duration::from_millis(50);

impl Post {
    /// Sends one body.
    async fn post(&self, body: String) -> Result<Reply, SendError> {
        let Some(direct) = &self.direct else {
            let request = self.client.request(self.method.clone(), self.address.clone());
            let request = request.headers(self.headers.clone());
            return http::exchange(request.body(body)).await;
        };
        let (mut replies, error) = direct.exchange(&[body]).await;
        let unanswered = || SendError::Unreachable("it has not answered".to_owned());
        replies.pop().ok_or_else(|| error.unwrap_or_else(unanswered))
    }

    /// Sends the alerts that are left, as many to a body as fit.
    async fn post_all(&self, alerts: &[Delivery]) -> Result<Answer, SendError> {
        let mut answer = Answer::default();
        let part = |delivery: &Delivery| (self.body)(&delivery.alert);
        for (positions, body) in self.batch.bodies(&self.taken.left(alerts), part) {
            let reply = self.post(body).await?;
            match (self.check)(&reply) {
                Ok(taken) => {
                    self.taken.keep(positions);
                    answer = taken;
                }
                Err(error) => {
                    let told = (self.told)(&reply).into_iter();
                    self.taken.keep(told.filter_map(|place| positions.get(place).copied()));
                    return Err(error);
                }
            }
        }
        self.taken.forget(alerts);
        Ok(answer)
    }

    /// Sends each alert without waiting for what is answered to those before it.
    async fn post_in_a_row(&self, direct: &Direct, alerts: &[Delivery]) -> Result<Answer, SendError> {
        let left = self.taken.left(alerts);
        let bodies: Vec<String> = left.iter().map(|delivery| (self.body)(&delivery.alert)).collect();
        let began = Instant::now();
        let (replies, broken) = direct.exchange(&bodies).await;
        let (mut outcome, mut is_gap) = (Ok(Answer::default()), false);
        for (delivery, reply) in left.iter().zip(&replies) {
            match (self.check)(reply) {
                // It comes again behind the one that was not taken.
                Ok(_) if is_gap => self.taken.keep_ahead([delivery.position]),
                Ok(answer) => {
                    self.taken.keep([delivery.position]);
                    outcome = outcome.map(|_| answer);
                }
                Err(_) if is_gap => {}
                Err(error) => {
                    is_gap = !matches!(error, SendError::Refused(_));
                    outcome = outcome.and(Err(error));
                }
            }
        }
        let outcome = broken.map_or(outcome.clone(), |error| outcome.and(Err(error)));
        self.row.learn(outcome.is_ok() && began.elapsed() < FAST * u32::try_from(bodies.len()).unwrap_or(1));
        if outcome.is_ok() {
            self.taken.forget(alerts);
        }
        outcome
    }
}

impl Row {
    fn learn(&self, is_fast: bool) {
        let now = self.now.load(Ordering::Relaxed);
        self.now.store(if is_fast { (now * 2).min(self.longest) } else { 1 }, Ordering::Relaxed);
    }
}

impl Integration for Post {
    fn batch(&self) -> usize {
        self.batch.alerts.max(self.row.now.load(Ordering::Relaxed))
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            if let Some(direct) = self.direct.as_ref().filter(|_| self.row.longest > 1) {
                return self.post_in_a_row(direct, alerts).await;
            }
            self.post_all(alerts).await
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}
