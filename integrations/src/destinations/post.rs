//! Posts alerts by HTTP with a body of the destination's own: one at a time, or as many as its API takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_proto::Alert;
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use super::taken::Taken;
use crate::http::{self, Direct, Reply};
use crate::settings::Secret;
use crate::{Answer, Delivery, Integration, SendError};

/// How several alerts become one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// Alerts at most.
    pub(super) alerts: usize,
    /// Bytes at most, unless one alert has more.
    pub(super) bytes: usize,
    /// What stands before them, between two, and behind.
    pub(super) frame: [&'static str; 3],
}

/// What falcosidekick calls JSON.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// One alert, as it is.
const SINGLE: Batch = Batch { alerts: 1, bytes: usize::MAX, frame: [""; 3] };

/// A server that answers more slowly is not sent several requests in a row.
const FAST: Duration = Duration::from_millis(50);

/// Says whether the destination has taken what it was sent.
pub(super) type Check = fn(&Reply) -> Result<Answer, SendError>;

/// Says which alerts of a body were taken when not all were, by their places in it.
pub(super) type Told = fn(&Reply) -> Vec<usize>;

/// What posts to one destination.
pub(super) struct Post {
    client: Client,
    method: Method,
    address: Url,
    headers: HeaderMap,
    batch: Batch,
    body: Box<dyn Fn(&Alert) -> String + Send + Sync>,
    check: Check,
    told: Told,
    row: Row,
    taken: Taken,
    /// How requests go where no encryption is asked for.
    direct: Option<Direct>,
}

/// Requests that are sent ahead of their answers, one alert each.
struct Row {
    /// At most. 1: none is.
    longest: usize,
    /// Now: more while answers come fast, one at a time as soon as they do not.
    now: AtomicUsize,
}

impl Post {
    /// Posts each alert as JSON.
    pub(super) fn new(
        client: Client,
        address: Url,
        body: impl Fn(&Alert) -> String + Send + Sync + 'static,
    ) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(JSON))]);
        let (method, body) = (Method::POST, Box::new(body));
        Self {
            client,
            method,
            address,
            headers,
            batch: SINGLE,
            body,
            check: Reply::judge,
            told: |_| Vec::new(),
            row: Row { longest: 1, now: AtomicUsize::new(1) },
            taken: Taken::default(),
            direct: None,
        }
    }

    /// Sends so many requests at most ahead of their answers, if that needs no encryption.
    pub(super) fn in_a_row(mut self, longest: usize) -> Self {
        self.row.longest = longest.max(1);
        self
    }

    /// By another method than `POST`.
    pub(super) fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Says what is posted.
    pub(super) fn content_type(mut self, kind: &'static str) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self
    }

    /// Sends a header along that the setting `key` gives the value for.
    pub(super) fn header(mut self, name: HeaderName, key: &str, value: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(value);
        let mut value = value.map_err(|_| format!("`{key}` has characters that no header can hold"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Names a user, unless there is none, with the password of the setting `key`.
    pub(super) fn basic(self, user: &str, key: &str, password: &Secret) -> Result<Self, String> {
        if user.is_empty() {
            return Ok(self);
        }
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.reveal())));
        self.header(AUTHORIZATION, key, &value)
    }

    /// Headers that the settings ask for. They count before the destination's own.
    pub(super) fn custom(mut self, headers: &BTreeMap<String, Secret>) -> Result<Self, String> {
        for (name, value) in &http::headers(headers)? {
            self.headers.insert(name.clone(), value.clone());
        }
        Ok(self)
    }

    /// Posts several alerts at once.
    pub(super) fn batched(mut self, batch: Batch) -> Self {
        self.batch = batch;
        self
    }

    /// Looks into the answer: its status does not say everything.
    pub(super) fn checked(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// Looks into the answer for single alerts of a body: each has its own fate.
    pub(super) fn told(mut self, told: Told) -> Self {
        self.told = told;
        self
    }

    /// As the runner takes it.
    pub(super) fn boxed(mut self) -> Box<dyn Integration> {
        self.direct = Direct::new(&self.method, &self.address, &self.headers);
        Box::new(self)
    }

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
        for (positions, body) in self.bodies(&self.taken.left(alerts)) {
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

    /// The bodies that alerts make, with the positions of those in it.
    fn bodies(&self, alerts: &[&Delivery]) -> Vec<(Vec<u64>, String)> {
        let [before, between, behind] = self.batch.frame;
        let mut bodies: Vec<(Vec<u64>, String)> = Vec::new();
        for delivery in alerts {
            let part = (self.body)(&delivery.alert);
            match bodies.last_mut() {
                Some((positions, body))
                    if body.len() + between.len() + part.len() + behind.len() <= self.batch.bytes =>
                {
                    positions.push(delivery.position);
                    body.push_str(between);
                    body.push_str(&part);
                }
                _ => bodies.push((vec![delivery.position], format!("{before}{part}"))),
            }
        }
        for (_, body) in &mut bodies {
            body.push_str(behind);
        }
        bodies
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_body_has_as_many_alerts_as_fit() {
        let batch = Batch { alerts: 10, bytes: 9, frame: ["[", ",", "]"] };
        let address = "http://localhost".parse().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let post = Post::new(Client::new(), address, |alert| alert.rule.clone()).batched(batch);
        let alert = |(position, rule): (u64, &str)| Delivery {
            position,
            alert: Arc::new(Alert { rule: rule.to_owned(), ..Alert::default() }),
        };
        let rules = ["aaa", "bbb", "c", "dddddddddddd", "e"];
        let alerts: Vec<Delivery> = (1..).zip(rules).map(alert).collect();
        let (positions, bodies): (Vec<_>, Vec<_>) =
            post.bodies(&alerts.iter().collect::<Vec<_>>()).into_iter().unzip();
        assert_eq!(bodies, ["[aaa,bbb]", "[c]", "[dddddddddddd]", "[e]"]);
        assert_eq!(positions, [vec![1, 2], vec![3], vec![4], vec![5]]);
        assert!(post.bodies(&[]).is_empty());
    }
}
