//! What destinations by HTTP have in common: the client, and what an answer means.

mod answer;
mod direct;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::config::Certificates;
use crate::settings::{Secret, Tls};
use crate::{Answer, SendError, Setup};

pub(crate) use direct::Direct;

/// Who is asking.
pub(crate) const USER_AGENT: &str = concat!("Cadge/", env!("CARGO_PKG_VERSION"));

/// Bytes of an answer that are shown.
const ANSWER_BYTES_MAX: usize = 200;

/// Bytes of an answer that are read. A connection whose answer has more is not used again.
const BODY_BYTES_MAX: usize = 256 << 10;

/// A client. Without `checkcert` it talks to whoever answers.
pub(crate) fn client(tls: &Tls, setup: &Setup) -> Result<Client, String> {
    let builder = match setup.certificates.trusted() {
        Some(path) if tls.mutualtls || tls.checkcert => {
            builder().tls_certs_merge([authority("tlsclient.cacertfile", path)?])
        }
        _ => builder(),
    };
    let builder = if tls.mutualtls {
        mutual(builder, &setup.certificates)?
    } else if tls.checkcert {
        builder
    } else {
        builder.tls_backend_preconfigured(unchecked()?)
    };
    build(builder)
}

/// What every client has alike.
pub(crate) fn builder() -> ClientBuilder {
    // The one provider of the whole program; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().user_agent(USER_AGENT).redirect(reqwest::redirect::Policy::none())
}

/// The client that comes of it.
pub(crate) fn build(builder: ClientBuilder) -> Result<Client, String> {
    builder.build().map_err(|error| format!("the HTTP client can't be made: {error}"))
}

/// A value of a header that no log is to show.
pub(crate) fn secret_value(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Shows a certificate, and trusts its authority. The other side's is checked in any case, as by falcosidekick.
fn mutual(builder: ClientBuilder, files: &Certificates) -> Result<ClientBuilder, String> {
    let (certificate, key) = (files.path("client.crt"), files.path("client.key"));
    let mut identity = read("mutualtls", &certificate)?;
    identity.push(b'\n');
    identity.extend(read("mutualtls", &key)?);
    let identity = reqwest::Identity::from_pem(&identity)
        .map_err(|error| format!("`mutualtls`: {} with {}: {error}", certificate.display(), key.display()))?;
    Ok(builder.identity(identity).tls_certs_merge([authority("mutualtls", &files.path("ca.crt"))?]))
}

/// An authority to trust.
fn authority(key: &str, path: &Path) -> Result<reqwest::Certificate, String> {
    reqwest::Certificate::from_pem(&read(key, path)?)
        .map_err(|error| format!("`{key}`: {}: {error}", path.display()))
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("`{key}`: reading {}: {error}", path.display()))
}

/// An address. The error does not show it: it may hold a token.
pub(crate) fn url(key: &str, text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("`{key}` is no URL: {error}"))
}

/// Headers that a section asks for.
pub(crate) fn headers(custom: &BTreeMap<String, Secret>) -> Result<HeaderMap, String> {
    let header = |(name, value): (&String, &Secret)| {
        let key = name.parse::<HeaderName>().map_err(|_| format!("`{name}` is no name of a header"))?;
        let value = secret_value(value.reveal());
        Ok((key, value.map_err(|_| format!("the header `{name}` has no valid value"))?))
    };
    custom.iter().map(header).collect()
}

/// An address below another one, such as that of an API below its server's.
pub(crate) fn below(key: &str, server: &str, path: &str) -> Result<Url, String> {
    url(key, &format!("{}/{}", server.trim_end_matches('/'), path.trim_start_matches('/')))
}

/// The server of a region, unless `apiurl` names another one.
pub(crate) fn in_region<'a>(
    regions: &[(&str, &'a str)],
    region: &str,
    apiurl: &'a str,
) -> Result<&'a str, String> {
    if !apiurl.is_empty() {
        return Ok(apiurl);
    }
    let found = regions.iter().find(|(name, _)| name.eq_ignore_ascii_case(region));
    found.map(|(_, server)| *server).ok_or_else(|| {
        let names: Vec<&str> = regions.iter().map(|(name, _)| *name).collect();
        format!("`region: {region}` is none of {}", names.join(", "))
    })
}

fn unchecked() -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    Ok(config)
}

/// Takes every certificate, as `checkcert: false` asks for.
#[derive(Debug)]
pub(crate) struct Anybody(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a destination answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// It says when to come again.
    pub(crate) after: Option<Duration>,
    /// Its body, as far as it was read.
    pub(crate) text: String,
}

impl Reply {
    /// What the status means. What the destination may take at another time is tried again; what it never will
    /// is not.
    pub(crate) fn judge(&self) -> Result<Answer, SendError> {
        let (status, shown) = (self.status, self.to_string());
        let is_transient = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        match status {
            _ if status.is_success() => Ok(Answer(shown)),
            _ if is_transient => Err(SendError::Retry { after: self.after, cause: shown }),
            _ => Err(SendError::Refused(shown)),
        }
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text.trim();
        write!(f, "it answered {}: {}", self.status, &text[..text.floor_char_boundary(ANSWER_BYTES_MAX)])
    }
}

/// Sends a request whose answer's status says everything.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, SendError> {
    exchange(request).await?.judge()
}

/// Sends a request, and hands out what is answered.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Reply, SendError> {
    exchange_bytes(request).await.map(|(reply, _)| reply)
}

/// The same, with the body as it came.
pub(crate) async fn exchange_bytes(request: RequestBuilder) -> Result<(Reply, Vec<u8>), SendError> {
    exchange_up_to(BODY_BYTES_MAX, request).await
}

/// The same, with so many bytes of the body at most.
pub(crate) async fn exchange_up_to(
    most: usize,
    request: RequestBuilder,
) -> Result<(Reply, Vec<u8>), SendError> {
    // The address may hold a token: it is left out of the error.
    let unreachable = |error: reqwest::Error| SendError::broken(&error.without_url());
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = beginning(most, response).await.map_err(unreachable)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok((Reply { status, after: after.map(Duration::from_secs), text }, bytes))
}

/// The beginning of an answer's body.
async fn beginning(most: usize, mut response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut text = Vec::new();
    while let Some(bytes) = response.chunk().await? {
        let room = most - text.len();
        text.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if bytes.len() > room {
            break;
        }
    }
    Ok(text)
}
