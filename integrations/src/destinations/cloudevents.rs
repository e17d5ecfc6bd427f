//! Posts each alert as a `CloudEvents` event, in binary mode: attributes are headers, the body is Falco's JSON.

use std::collections::BTreeMap;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};

use super::Section;
use crate::format::{canonical, cloudevent_headers};
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup, http};

keys! {
    /// The section `cloudevents`.
    pub(crate) struct Config {
        /// Where to, such as a broker of Knative.
        address: Secret = "",
        /// Attributes to add, by names of small letters and digits.
        extensions: BTreeMap<String, Secret> = {},
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "cloudevents";
    const ABOUT: &'static str = "Posts each alert as a CloudEvents event.";
    const EXAMPLE: &'static str = "cloudevents:\n  address: URL\n  extensions:\n    team: infra\n";

    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let is_attribute = |name: &str| {
            !name.is_empty() && name.chars().all(|part| part.is_ascii_lowercase() || part.is_ascii_digit())
        };
        if let Some(name) = self.extensions.keys().find(|name| !is_attribute(name)) {
            return Err(format!("`extensions`: `{name}` has not only small letters and digits"));
        }
        let named = self.extensions.iter().map(|(name, value)| (format!("ce-{name}"), value.clone()));
        Ok(Box::new(CloudEvents {
            client: http::client(&self.tls, setup)?,
            address: http::url("address", self.address.reveal())?,
            extensions: http::headers(&named.collect())?,
            kinds: setup.kinds,
        }))
    }
}

struct CloudEvents {
    client: Client,
    address: Url,
    extensions: HeaderMap,
    kinds: FieldKinds,
}

impl CloudEvents {
    /// The event's own attributes count before what is added.
    fn headers(&self, alert: &Alert) -> Result<HeaderMap, SendError> {
        let mut headers = self.extensions.clone();
        for (name, value) in cloudevent_headers(alert) {
            let value = value.parse().map_err(|_| SendError::Refused(format!("`{name}` fits no header")))?;
            let name: reqwest::header::HeaderName =
                name.parse().map_err(|_| SendError::Refused(format!("`{name}` is no name of a header")))?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl Integration for CloudEvents {
    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            for delivery in alerts {
                let request = self.client.post(self.address.clone()).headers(self.headers(&delivery.alert)?);
                let body = canonical(&delivery.alert, self.kinds);
                answer = http::send(request.body(body)).await?;
            }
            Ok(answer)
        })
    }
}
