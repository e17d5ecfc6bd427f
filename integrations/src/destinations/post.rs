//! Posts alerts by HTTP with a body of the destination's own: one at a time, or as many as its API takes.

mod batch;
mod send;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_proto::Alert;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use super::taken::Taken;
use crate::http::{self, Direct, Reply};
use crate::settings::Secret;
use crate::{Answer, Integration, SendError};

pub(super) use batch::Batch;

/// What falcosidekick calls JSON.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// One alert, as it is.
const SINGLE: Batch = Batch { alerts: 1, bytes: usize::MAX, frame: [""; 3] };

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
        let value = http::secret_value(value);
        let value = value.map_err(|_| format!("`{key}` has characters that no header can hold"))?;
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
}
