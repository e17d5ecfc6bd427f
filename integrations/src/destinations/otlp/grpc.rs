//! Requests by gRPC, over one connection that is opened again when it has failed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use prost::Message;
use tonic::Request;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic_prost::ProstCodec;

use super::status::judge;
use super::{Taken, Target, headers};
use crate::link::{Files, Link, Trust};
use crate::settings::Tls;
use crate::{Answer, SendError, Setup, http};

/// A connection is tried by a ping when nothing has come for so long while a request waits, and given up when that
/// is not answered either: its other end may be gone without a word.
const PING_AFTER: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A collector that is asked by gRPC.
pub(super) struct Grpc {
    endpoint: Endpoint,
    link: Arc<Link>,
    /// Made at the first request: it lives on the runtime that makes that.
    channel: OnceLock<Channel>,
    method: PathAndQuery,
    metadata: MetadataMap,
}

impl Grpc {
    pub(super) fn new(
        endpoint: &str,
        target: &Target,
        method: &'static str,
        tls: &Tls,
        setup: &Setup,
    ) -> Result<Self, String> {
        let url = http::url("endpoint", endpoint)?;
        let trust = match url.scheme() {
            "http" => None,
            "https" => Some(Trust::new(tls, &Files::default(), setup)?.offering("h2")),
            other => {
                return Err(format!(
                    "`endpoint` begins with `{other}:`, which is neither http:// nor https://"
                ));
            }
        };
        if !matches!(url.path(), "" | "/") {
            return Err("`endpoint` has a path, which `protocol: grpc` knows none of".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        let link = Link::new("endpoint", host, url.port_or_known_default().unwrap_or(443), trust)?;
        let origin: Uri =
            url.origin().ascii_serialization().parse().map_err(|error| format!("`endpoint`: {error}"))?;
        // A connection comes with its TLS: a library that sees `https` here wants to do that itself.
        let endpoint = Endpoint::from_static("http://collector")
            .origin(origin)
            .user_agent(http::USER_AGENT)
            .map_err(|error| error.to_string())?
            .http2_keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_TIMEOUT);
        Ok(Self {
            endpoint,
            link: Arc::new(link),
            channel: OnceLock::new(),
            method: PathAndQuery::from_static(method),
            metadata: MetadataMap::from_headers(headers(target.headers.reveal())?),
        })
    }

    pub(super) async fn export(&self, request: impl Message + 'static) -> Result<Answer, SendError> {
        let channel = self.channel.get_or_init(|| self.connect()).clone();
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.map_err(|error| SendError::broken(&error))?;
        let request = Request::from_parts(self.metadata.clone(), tonic::Extensions::default(), request);
        let answer = client.unary(request, self.method.clone(), ProstCodec::<_, Taken>::default()).await;
        match answer.map_err(|status| judge(&status))?.into_inner().rejected() {
            Some(cause) => Err(SendError::Refused(cause)),
            None => Ok(Answer("it answered OK".to_owned())),
        }
    }

    /// A channel that connects when it is first used, and again whenever its connection has failed.
    fn connect(&self) -> Channel {
        let link = Arc::clone(&self.link);
        self.endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
            let link = Arc::clone(&link);
            async move { link.connect().await.map(|connection| TokioIo::new(connection.into_stream())) }
        }))
    }
}
