//! Opens the connection: TLS over TCP, or a Unix socket.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use crate::link::Link;
use crate::tls::{Pem, secured};
use crate::{Client, Error};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A hub that does not answer a ping for this long is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Bytes that the hub may send ahead on one stream. HTTP/2's own 64 KiB would hold a stream to a few thousand
/// alerts for each round trip.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// And on all of a connection's streams: one that nobody reads from does not hold the others up.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// So often a connection that the hub ends at the first question is tried, before it is its certificate.
const TRIES: u32 = 3;

/// Between two of those tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a hub is by default.
const DEFAULT_HUB: &str = "unix:///run/cadge/cadge.sock";

/// How to connect, made by [`Client::connect`] and [`Client::from_env`]: `await` it.
#[derive(Clone)]
#[must_use = "it connects when it is awaited"]
pub struct Connect {
    address: String,
    ca: Option<Pem>,
    identity: Option<(Pem, Pem)>,
    token: Option<String>,
    /// What was wrong already when the settings were gathered.
    wrong: Option<Error>,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither key nor token belongs into a log.
        f.debug_struct("Connect").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Connect {
    pub(crate) fn new(address: String) -> Self {
        Self { address, ca: None, identity: None, token: None, wrong: None }
    }

    /// Reads `CADGE_HUB`, `CADGE_CA`, `CADGE_CERT`, `CADGE_KEY` and `CADGE_TOKEN`.
    pub(crate) fn from_env() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let mut wrong = None;
        let mut file = |name: &str| {
            let path = set(name)?;
            match std::fs::read(&path) {
                Ok(bytes) => Some(Pem { bytes, name: format!("`{path}`") }),
                Err(error) => {
                    wrong =
                        Some(Error::WrongCertificate(format!("reading `{path}`: {error}; {name} names it")));
                    None
                }
            }
        };
        let (ca, cert, key) = (file("CADGE_CA"), file("CADGE_CERT"), file("CADGE_KEY"));
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                let text = "a certificate goes with its key: set both of CADGE_CERT and CADGE_KEY";
                wrong = wrong.or_else(|| Some(Error::WrongCertificate(text.to_owned())));
                None
            }
        };
        let address = set("CADGE_HUB").unwrap_or_else(|| DEFAULT_HUB.to_owned());
        Self { address, ca, identity, token: set("CADGE_TOKEN"), wrong }
    }

    /// The certificate of the authority that signed the hub's, as PEM. Without it the machine's authorities
    /// count.
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(Pem { bytes: pem.into(), name: "the authority's certificate".to_owned() });
        self
    }

    /// The client's own certificate and its private key, as PEM.
    pub fn identity(mut self, cert: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let cert = Pem { bytes: cert.into(), name: "the client's certificate".to_owned() };
        let key = Pem { bytes: key.into(), name: "the client's key".to_owned() };
        self.identity = Some((cert, key));
        self
    }

    /// A bearer token, sent with each call. With it no certificate is needed.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Connects, and asks for the version: what is wrong is known then.
    async fn open(self) -> Result<Client, Error> {
        let address = self.address.clone();
        let is_tls = !address.starts_with("unix:");
        let (endpoint, token) = self.endpoint()?;
        let mut tried = 0;
        loop {
            let channel = endpoint.connect().await;
            let channel: Channel = channel.map_err(|error| Error::of_connecting(&error, &address))?;
            let client = Client::new(Link::new(channel, &address, token.clone()), endpoint.clone());
            // TLS 1.3 tells the client of a refused certificate only once it asks for something, and the
            // connection may be gone before the reason is read.
            match client.version().await {
                Ok(_) => return Ok(client),
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => {
                    tried += 1;
                    if tried == TRIES {
                        return Err(at_once(is_tls, &address, error));
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What tonic connects by, and what is sent along.
    fn endpoint(self) -> Result<(Endpoint, Option<MetadataValue<Ascii>>), Error> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let address = self.address;
        let none = |why: &str| {
            Error::InvalidRequest(format!(
                "`{address}` is no hub's address: {why}; it is as `https://HOST:PORT` or `unix:///PATH`"
            ))
        };
        let token = self.token.map(|token| format!("Bearer {token}").parse()).transpose().map_err(|_| {
            Error::InvalidRequest(
                "the token has characters that no token has; give it without a line end".into(),
            )
        })?;
        let mut endpoint =
            Endpoint::from_shared(address.clone()).map_err(|error| none(&error.to_string()))?;
        if !address.starts_with("unix:") {
            if endpoint.uri().scheme_str() != Some("https") {
                return Err(none("it has another scheme"));
            }
            let host = endpoint.uri().host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let tls = ClientTlsConfig::new().domain_name(host);
            endpoint = secured(&endpoint, tls, self.ca.as_ref(), self.identity.as_ref())?;
        }
        Ok((tuned(endpoint), token))
    }
}

impl IntoFuture for Connect {
    type Output = Result<Client, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let address = self.address.clone();
        Box::pin(async move {
            let late = |_| {
                let seconds = CONNECT_TIMEOUT.as_secs();
                Err(Error::HubDown(format!(
                    "`{address}`: no answer within {seconds} s; see that the hub runs and listens there"
                )))
            };
            tokio::time::timeout(CONNECT_TIMEOUT, self.open()).await.unwrap_or_else(late)
        })
    }
}

/// The error of a connection that was taken, and then ended at the first question each time.
fn at_once(is_tls: bool, address: &str, error: Error) -> Error {
    match error {
        Error::HubDown(text) | Error::Closed(text) if is_tls => Error::WrongCertificate(format!(
            "{text}; a hub ends the connection so if it wants a certificate and gets none, or one that its authority has not signed"
        )),
        Error::Closed(text) => {
            Error::ProtocolMismatch(format!("{text}; see that a hub listens at `{address}`"))
        }
        error => error,
    }
}

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
}
