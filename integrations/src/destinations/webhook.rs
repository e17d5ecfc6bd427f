//! Posts each alert as JSON to an address.

use std::collections::BTreeMap;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method};

use super::Section;
use crate::event::canonical;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup, http};

keys! {
    /// The section `webhook`.
    pub(crate) struct Config {
        /// Where to.
        address: Secret = "",
        /// `POST` or `PUT`.
        method: String = "POST",
        /// Headers to add to each request.
        customheaders: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "webhook";
    const ABOUT: &'static str = "Posts each alert to an address, in falcosidekick's JSON.";
    const EXAMPLE: &'static str =
        "webhook:\n  address: URL\n  customheaders:\n    Authorization: Bearer T0KEN\n";

    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let method = match self.method.to_ascii_uppercase().as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            other => return Err(format!("`method: {other}` is neither POST nor PUT")),
        };
        let mut headers = http::headers(&self.customheaders)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        Ok(Box::new(Webhook {
            client: http::client(&self.tls, setup)?,
            address: http::url("address", self.address.reveal())?,
            method,
            headers,
            kinds: setup.kinds,
        }))
    }
}

struct Webhook {
    client: Client,
    address: reqwest::Url,
    method: Method,
    headers: HeaderMap,
    kinds: FieldKinds,
}

impl Integration for Webhook {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for delivery in alerts {
                let request = self.client.request(self.method.clone(), self.address.clone());
                let body = canonical(&delivery.alert, self.kinds);
                answer = http::send(request.headers(self.headers.clone()).body(body)).await?;
            }
            Ok(answer)
        })
    }
}
