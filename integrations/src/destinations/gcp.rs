//! What Google Cloud's services have in common: the account, requests with its token, and what an answer means.

mod credentials;
pub(super) mod pubsub;
pub(super) mod storage;

use reqwest::{Client, Url};

use super::bearer::Bearer;
use crate::http::{self, Reply};
use crate::settings::{Secret, Tls, keys};
use crate::{SendError, Setup};

keys! {
    /// Whose requests they are, and where to.
    pub(crate) struct Account {
        /// A service account's key: its JSON file in base64.
        credentials: Secret = "",
        /// Whether the credentials are those of where the hub runs: the file that `GOOGLE_APPLICATION_CREDENTIALS`
        /// names, or else what the metadata server of Compute Engine and GKE gives out.
        workloadidentity: bool = false,
        /// Where the service is, if not at Google: `http://localhost:8085`. Without credentials it is sent none, as an
        /// emulator needs none.
        endpoint: String = "",
    }
}

/// A service of Google Cloud's, for one account.
struct Service {
    client: Client,
    bearer: Option<Bearer>,
    address: String,
}

impl Service {
    /// A service that is at `server` unless the account says otherwise. Its tokens are good for `scope` only.
    fn new(
        server: &str,
        scope: &'static str,
        account: &Account,
        tls: &Tls,
        setup: &Setup,
    ) -> Result<Self, String> {
        let client = http::client(tls, setup)?;
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let bearer = credentials::lender(account, scope, &client, variable)?.map(Bearer::new);
        let address = if account.endpoint.is_empty() { server } else { account.endpoint.as_str() };
        http::url("endpoint", address)?;
        Ok(Self { client, bearer, address: address.to_owned() })
    }

    /// Posts a body.
    async fn post(&self, address: &Url, body: String) -> Result<Reply, SendError> {
        let request = || {
            self.client.post(address.clone()).header("content-type", "application/json").body(body.clone())
        };
        match &self.bearer {
            Some(bearer) => bearer.exchange(request).await,
            None => http::exchange(request()).await,
        }
    }
}
