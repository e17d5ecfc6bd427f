//! Posts each alert as JSON to an address.

use std::collections::BTreeMap;

use cadge_proto::json::FieldKinds;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde::Deserialize;

use crate::event::canonical;
use crate::{Delivery, Integration, Secret, SendError, Settings, http};

/// The section `webhook`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to. Not empty: it is switched on.
    pub address: Secret,
    /// `POST` or `PUT`.
    pub method: String,
    /// Headers to add to each request.
    pub customheaders: BTreeMap<String, Secret>,
    /// Whether the other side's certificate is checked.
    pub checkcert: bool,
    /// Alerts less urgent than this are not sent.
    pub minimumpriority: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: Secret::default(),
            method: "POST".to_owned(),
            customheaders: BTreeMap::new(),
            checkcert: true,
            minimumpriority: String::new(),
        }
    }
}

impl Settings for Config {
    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn minimum_priority(&self) -> &str {
        &self.minimumpriority
    }
}

/// The destination.
pub(crate) struct Webhook {
    client: Client,
    address: reqwest::Url,
    method: Method,
    headers: HeaderMap,
    kinds: FieldKinds,
}

impl Integration for Webhook {
    type Config = Config;
    const BATCH: usize = 1;

    fn new(config: Config, kinds: FieldKinds) -> Result<Self, String> {
        let address =
            config.address.reveal().parse().map_err(|error| format!("`address` is no URL: {error}"))?;
        let method = match config.method.to_ascii_uppercase().as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            other => return Err(format!("`method: {other}` is neither POST nor PUT")),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        for (name, value) in &config.customheaders {
            let key = name.parse::<HeaderName>().map_err(|_| format!("`{name}` is no name of a header"))?;
            let mut value = HeaderValue::from_str(value.reveal())
                .map_err(|_| format!("the header `{name}` has no valid value"))?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        Ok(Self { client: http::client(config.checkcert)?, address, method, headers, kinds })
    }

    async fn send(&mut self, alerts: &[Delivery]) -> Result<(), SendError> {
        for delivery in alerts {
            let request = self.client.request(self.method.clone(), self.address.clone());
            let body = canonical(&delivery.alert, self.kinds);
            http::send(request.headers(self.headers.clone()).body(body)).await?;
        }
        Ok(())
    }
}
