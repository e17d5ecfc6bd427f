//! Sends alerts to an event hub of Azure, many in a request.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::{Client, Url};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::json;

use super::aws::signature::encoded;
use super::bearer::{self, Bearer};
use super::post::Batch;
use super::taken::Taken;
use super::{Section, azure};
use crate::format::canonical;
use crate::http::{self, Reply};
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// What a request may have: as many bytes as the cheapest hub takes, and room for a frame.
const BATCH: Batch = Batch { alerts: 200, bytes: 240 << 10, frame: ["[", ",", "]"] };

/// What tokens are asked for.
const SERVICE: &str = "https://eventhubs.azure.net";

/// A signature is good for so many seconds.
const SIGNED_FOR: i64 = 3600;

keys! {
    /// The section `azure.eventhub`.
    pub(crate) struct Config {
        /// The namespace: `fleet` or `fleet.servicebus.windows.net`.
        namespace: String = "",
        /// The event hub.
        name: String = "",
        /// The name of a shared access policy that may send. Empty: an identity of Azure's sends. It is that of an
        /// application (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`), or else of a workload
        /// (`AZURE_FEDERATED_TOKEN_FILE` with both ids), or else of the machine.
        sharedaccesskeyname: String = "",
        /// Its key.
        sharedaccesskey: Secret = "",
        /// Where the namespace is, if not at Azure.
        endpoint: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "azure.eventhub";
    const ABOUT: &'static str = "Sends alerts to an event hub of Azure.";
    const EXAMPLE: &'static str = "azure:\n  eventhub:\n    namespace: fleet\n    name: alerts\n    sharedaccesskeyname: send\n    sharedaccesskey: T0KEN\n    endpoint: URL\n";

    fn is_on(&self) -> bool {
        !self.name.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        if self.sharedaccesskeyname.is_empty() != self.sharedaccesskey.is_empty() {
            return Err(
                "`sharedaccesskeyname` or `sharedaccesskey` is missing: give both, or neither".to_owned()
            );
        }
        let server = match (self.endpoint.as_str(), self.namespace.as_str()) {
            ("", "") => return Err("`namespace` is missing".to_owned()),
            ("", name) if name.contains('.') => format!("https://{name}"),
            ("", name) => format!("https://{name}.servicebus.windows.net"),
            (endpoint, _) => endpoint.to_owned(),
        };
        let hub = http::below("namespace", &server, &self.name)?;
        let address = http::below("name", hub.as_str(), "messages")?;
        let client = http::client(&self.tls, setup)?;
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let is_policy = !self.sharedaccesskey.is_empty();
        let identity = if is_policy { None } else { Some(azure::identity(SERVICE, &client, variable)?) };
        let (config, identity) = (self.clone(), identity.map(Bearer::new));
        let (kinds, taken) = (setup.kinds, Taken::default());
        Ok(Box::new(EventHub { client, identity, hub, address, config, kinds, taken }))
    }
}

struct EventHub {
    client: Client,
    /// Who sends, unless it is a policy.
    identity: Option<Bearer>,
    hub: Url,
    address: Url,
    config: Config,
    kinds: FieldKinds,
    taken: Taken,
}

impl Integration for EventHub {
    fn batch(&self) -> usize {
        BATCH.alerts
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut answer = Answer::default();
            let event = |delivery: &Delivery| self.event(delivery);
            for (positions, body) in BATCH.bodies(&self.taken.left(alerts), event) {
                answer = bearer::judge(&self.post(&body).await?)?;
                self.taken.keep(positions);
            }
            self.taken.forget(alerts);
            Ok(answer)
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}

impl EventHub {
    async fn post(&self, body: &str) -> Result<Reply, SendError> {
        let request = || {
            let request = self.client.post(self.address.clone());
            let request = request.header("content-type", "application/vnd.microsoft.servicebus.json");
            request.body(body.to_owned())
        };
        let Some(identity) = &self.identity else {
            let expiry = Timestamp::now().as_second() + SIGNED_FOR;
            let signature = self.config.signature(&self.hub, expiry);
            return http::exchange(request().header("authorization", signature)).await;
        };
        identity.exchange(request).await
    }

    fn event(&self, delivery: &Delivery) -> String {
        json!({"Body": canonical(&delivery.alert, self.kinds).trim_end()}).to_string()
    }
}

impl Config {
    /// Proves until `expiry` that the policy's key is known.
    fn signature(&self, hub: &Url, expiry: i64) -> String {
        let address = encoded(&hub.as_str().to_lowercase(), false);
        let key = Key::new(HMAC_SHA256, self.sharedaccesskey.reveal().as_bytes());
        let signature = STANDARD.encode(sign(&key, format!("{address}\n{expiry}").as_bytes()));
        let (signature, policy) = (encoded(&signature, false), encoded(&self.sharedaccesskeyname, false));
        format!("SharedAccessSignature sr={address}&sig={signature}&se={expiry}&skn={policy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_another_program() {
        let config = Config {
            sharedaccesskeyname: "send".to_owned(),
            sharedaccesskey: "T0KEN".to_owned().into(),
            ..Config::default()
        };
        let hub = "https://fleet.servicebus.windows.net/Alerts".parse().unwrap();
        // As Python's `hmac` and `urllib.parse.quote` have it.
        let known = "SharedAccessSignature sr=https%3A%2F%2Ffleet.servicebus.windows.net%2Falerts\
                     &sig=BWDCXB0oa2EaxnRd6X7ux%2BVQ2oDroSlgtbNU9r8kmK4%3D&se=1718200000&skn=send";
        assert_eq!(config.signature(&hub, 1_718_200_000), known);
    }
}
