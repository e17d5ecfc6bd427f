//! Posts alerts by HTTP with a body of the destination's own: one at a time, or as many as its API takes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_proto::Alert;
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use crate::http::{self, Reply};
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

/// Says whether the destination has taken what it was sent.
pub(super) type Check = fn(&Reply) -> Result<Answer, SendError>;

/// What posts to one destination.
pub(super) struct Post {
    client: Client,
    method: Method,
    address: Url,
    headers: HeaderMap,
    batch: Batch,
    body: Box<dyn Fn(&Alert) -> String + Send + Sync>,
    check: Check,
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
        Self { client, method, address, headers, batch: SINGLE, body, check: Reply::judge }
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

    /// As the runner takes it.
    pub(super) fn boxed(self) -> Box<dyn Integration> {
        Box::new(self)
    }

    /// The bodies that alerts make.
    fn bodies(&self, alerts: &[Delivery]) -> Vec<String> {
        let [before, between, behind] = self.batch.frame;
        let mut bodies: Vec<String> = Vec::new();
        for delivery in alerts {
            let part = (self.body)(&delivery.alert);
            match bodies.last_mut() {
                Some(body) if body.len() + between.len() + part.len() + behind.len() <= self.batch.bytes => {
                    body.push_str(between);
                    body.push_str(&part);
                }
                _ => bodies.push(format!("{before}{part}")),
            }
        }
        for body in &mut bodies {
            body.push_str(behind);
        }
        bodies
    }
}

impl Integration for Post {
    fn batch(&self) -> usize {
        self.batch.alerts
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for body in self.bodies(alerts) {
                let request = self.client.request(self.method.clone(), self.address.clone());
                let request = request.headers(self.headers.clone());
                answer = (self.check)(&http::exchange(request.body(body)).await?)?;
            }
            Ok(answer)
        })
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
        let alert = |rule: &&str| Delivery {
            position: 1,
            alert: Arc::new(Alert { rule: (*rule).to_owned(), ..Alert::default() }),
        };
        let alerts: Vec<Delivery> = ["aaa", "bbb", "c", "dddddddddddd", "e"].iter().map(alert).collect();
        assert_eq!(post.bodies(&alerts), ["[aaa,bbb]", "[c]", "[dddddddddddd]", "[e]"]);
        assert!(post.bodies(&[]).is_empty());
    }
}
