//! The calls.

use std::time::SystemTime;

use cadge_proto::cadge::v1::GetRequest;
use cadge_proto::falco::{outputs, version};
use tonic::Request;
use tonic::transport::Endpoint;

use crate::Error;
use crate::alerts::Alerts;
use crate::codec::{GET, GET_NEW};
use crate::connect::Connect;
use crate::link::Link;
use crate::subscribe::{SubscribeOptions, Subscription};

/// A connection to a hub. Clones share it.
#[derive(Clone)]
pub struct Client {
    pub(crate) link: Link,
    endpoint: Endpoint,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// The versions of a hub and of its rule engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The hub's, such as `0.1.0`.
    pub hub: String,
    /// The rule language's, such as `0.63.0`.
    pub engine: String,
}

/// What to get of the log.
#[derive(Clone, Debug, Default)]
pub struct GetOptions {
    /// Only alerts after this position; 0 is the log's beginning.
    pub after: u64,
    /// At most so many; 0 is no bound.
    pub limit: u64,
    /// Only what the hub has received since this moment.
    pub since: Option<SystemTime>,
    /// Only what the hub has received before this moment.
    pub until: Option<SystemTime>,
    /// As in [`SubscribeOptions::filter`].
    pub filter: String,
    /// As in [`SubscribeOptions::fields`].
    pub fields: Vec<String>,
}

impl GetOptions {
    /// All that is behind a position.
    pub fn after(position: u64) -> Self {
        Self { after: position, ..Self::default() }
    }
}

impl Client {
    /// Connects to `https://HOST:PORT`, or to a Unix socket: `unix:///PATH`. `await` what it answers, or say
    /// more before: [`Connect::ca`], [`Connect::identity`], [`Connect::token`].
    pub fn connect(address: impl Into<String>) -> Connect {
        Connect::new(address.into())
    }

    /// Connects as the environment says: `CADGE_HUB` is the address (`unix:///run/cadge/cadge.sock` if it is
    /// not set), `CADGE_CA`, `CADGE_CERT` and `CADGE_KEY` are paths of PEM files, `CADGE_TOKEN` is a bearer
    /// token.
    pub fn from_env() -> Connect {
        Connect::from_env()
    }

    pub(crate) fn new(link: Link, endpoint: Endpoint) -> Self {
        Self { link, endpoint }
    }

    /// A connection of its own to the same hub: a stream that is read slowly holds up no other call. It opens
    /// at the first call.
    pub(crate) fn link_of_its_own(&self) -> Link {
        self.link.over(self.endpoint.connect_lazy())
    }

    /// A range of the log, or what a filter admits of it; by default all of it. Moves no cursor.
    pub async fn get(&self, options: GetOptions) -> Result<Alerts, Error> {
        let GetOptions { after, limit, since, until, filter, fields } = options;
        let (since, until) = (since.map(Into::into), until.map(Into::into));
        let request = GetRequest { after, limit, since, until, filter, fields };
        Ok(Alerts::new(GET.make(&self.link, Request::new(tokio_stream::once(request))).await?))
    }

    /// The alerts that the caller's identity has not had yet, as Falco's `get` returns them: without positions.
    pub async fn get_new(&self) -> Result<Alerts, Error> {
        let request = tokio_stream::once(outputs::Request {});
        Ok(Alerts::new(GET_NEW.make(&self.link, Request::new(request)).await?))
    }

    /// Every alert from where `options` say, and new ones as they come. The stream reconnects by
    /// itself and goes on where it was; it ends only with an error that no second try can mend.
    pub fn subscribe(&self, options: SubscribeOptions) -> Subscription {
        Subscription::start(self.link_of_its_own(), options)
    }

    /// The versions of the hub and of its rule engine.
    pub async fn version(&self) -> Result<Version, Error> {
        let mut client = version::service_client::ServiceClient::new(self.link.calls());
        let answer = self.link.answer(client.version(version::Request {}).await)?;
        Ok(Version { hub: answer.version, engine: answer.engine_version })
    }
}
