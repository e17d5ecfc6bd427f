//! The calls.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use cadge_proto::cadge::v1::outputs_client::OutputsClient;
use cadge_proto::cadge::v1::{self, GetRequest};
use cadge_proto::falco::{outputs, version};
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use prost::Message as _;
use tonic::transport::Channel;

use crate::connect::{self, RESPONSE_BYTES_MAX};
use crate::subscribe::{SubscribeOptions, Subscription};
use crate::{Alert, Entry, Error};

/// How to connect once more.
pub(crate) type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<Channel, Error>> + Send + Sync>;

/// A connection to a hub. Clones share it.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    connect: Connect,
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

impl Client {
    /// Connects over TCP with mutual TLS. `address` is such as `https://hub.example:5060`;
    /// certificate, key and the authority's certificate are PEM.
    pub async fn mtls(address: &str, cert: &[u8], key: &[u8], ca: &[u8]) -> Result<Self, Error> {
        let shown = address.to_string();
        let (address, cert, key, ca) = (address.to_string(), cert.to_vec(), key.to_vec(), ca.to_vec());
        let client = Self::connected(Arc::new(move || {
            let (address, cert, key, ca) = (address.clone(), cert.clone(), key.clone(), ca.clone());
            Box::pin(async move { connect::mtls(&address, &cert, &key, &ca).await })
        }))
        .await?;
        // TLS 1.3 tells the client of a refused certificate only once it asks for something.
        match client.version().await {
            Err(Error::Connect(text) | Error::Closed(text)) => Err(Error::Connect(format!(
                "{shown}: {text}; a hub closes the connection if its authority has not signed the certificate"
            ))),
            Err(error) => Err(error),
            Ok(_) => Ok(client),
        }
    }

    /// Connects to the hub's Unix socket.
    pub async fn unix(path: &Path) -> Result<Self, Error> {
        let path = path.to_path_buf();
        Self::connected(Arc::new(move || {
            let path = path.clone();
            Box::pin(async move { connect::unix(&path).await })
        }))
        .await
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    async fn connected(connect: Connect) -> Result<Self, Error> {
        Ok(Self { channel: connect().await?, connect })
    }

    /// The alerts after a position in the log (0 is its beginning), at most `limit` of them (0 is
    /// no bound). Moves no cursor.
    pub async fn get(
        &self,
        after: u64,
        limit: u64,
    ) -> Result<impl Stream<Item = Result<Entry, Error>> + Unpin + use<>, Error> {
        self.get_range(GetOptions { after, limit, ..GetOptions::default() }).await
    }

    /// A range of the log, or what a filter admits of it. Moves no cursor.
    pub async fn get_range(
        &self,
        options: GetOptions,
    ) -> Result<impl Stream<Item = Result<Entry, Error>> + Unpin + use<>, Error> {
        let GetOptions { after, limit, since, until, filter, fields } = options;
        let (since, until) = (since.map(Into::into), until.map(Into::into));
        let request = GetRequest { after, limit, since, until, filter, fields };
        let responses = outputs_client(self.channel.clone()).get(request).await?.into_inner();
        Ok(Box::pin(
            responses
                .map_err(Error::from)
                .map_ok(|response| stream::iter(entries(response).map(Ok)))
                .try_flatten(),
        ))
    }

    /// The alerts that the caller's identity has not had yet, as Falco's `get` returns them.
    pub async fn get_new(&self) -> Result<impl Stream<Item = Result<Alert, Error>> + Unpin + use<>, Error> {
        let mut client = outputs::service_client::ServiceClient::new(self.channel.clone());
        let responses = client.get(outputs::Request {}).await?.into_inner();
        Ok(Box::pin(responses.map(|response| {
            // Falco's response is the first nine fields of an alert.
            let bytes = response?.encode_to_vec();
            Alert::decode(bytes.as_slice()).map_err(|error| Error::Protocol(error.to_string()))
        })))
    }

    /// Every alert from where `options` say, and new ones as they come. The stream reconnects by
    /// itself and goes on where it was; it ends only with an error that no second try can mend.
    pub fn subscribe(&self, options: SubscribeOptions) -> Subscription {
        Subscription::start(self.channel.clone(), self.connect.clone(), options)
    }

    /// The versions of the hub and of its rule engine.
    pub async fn version(&self) -> Result<Version, Error> {
        let mut client = version::service_client::ServiceClient::new(self.channel.clone());
        let answer = client.version(version::Request {}).await?.into_inner();
        Ok(Version { hub: answer.version, engine: answer.engine_version })
    }
}

pub(crate) fn outputs_client(channel: Channel) -> OutputsClient<Channel> {
    OutputsClient::new(channel).max_decoding_message_size(RESPONSE_BYTES_MAX)
}

pub(crate) fn entries(response: v1::SubscribeResponse) -> impl Iterator<Item = Entry> {
    let entry = |entry: v1::Entry| Some(Entry { position: entry.position, alert: entry.alert? });
    response.entries.into_iter().filter_map(entry)
}
