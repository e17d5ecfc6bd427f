//! What destinations by HTTP have in common: the client, and what an answer means.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::settings::{Secret, Tls};
use crate::{Answer, SendError, Setup};

/// Bytes of an answer that are shown.
const ANSWER_BYTES_MAX: usize = 200;

/// Bytes of an answer that are read. A connection whose answer has more is not used again.
const BODY_BYTES_MAX: usize = 64 << 10;

/// A client. Without `checkcert` it talks to whoever answers.
pub(crate) fn client(tls: &Tls, setup: &Setup) -> Result<Client, String> {
    // The one provider of the whole program; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("Cadge/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    let builder = if tls.mutualtls {
        mutual(builder, &setup.certificates)?
    } else if tls.checkcert {
        builder
    } else {
        builder.tls_backend_preconfigured(unchecked()?)
    };
    builder.build().map_err(|error| format!("the HTTP client can't be made: {error}"))
}

/// Shows a certificate, and trusts its authority. The other side's is checked in any case, as by falcosidekick.
fn mutual(builder: ClientBuilder, folder: &Path) -> Result<ClientBuilder, String> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| format!("`mutualtls`: reading {}: {error}", path.display()))
    };
    let mut identity = read("client.crt")?;
    identity.push(b'\n');
    identity.extend(read("client.key")?);
    let failed =
        |what: &str, error: reqwest::Error| format!("`mutualtls`: {what} in {}: {error}", folder.display());
    let identity =
        reqwest::Identity::from_pem(&identity).map_err(|error| failed("client.crt or client.key", error))?;
    let authority =
        reqwest::Certificate::from_pem(&read("ca.crt")?).map_err(|error| failed("ca.crt", error))?;
    Ok(builder.identity(identity).tls_certs_merge([authority]))
}

/// An address. The error does not show it: it may hold a token.
pub(crate) fn url(key: &str, text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("`{key}` is no URL: {error}"))
}

/// Headers that a section asks for.
pub(crate) fn headers(custom: &BTreeMap<String, Secret>) -> Result<HeaderMap, String> {
    let header = |(name, value): (&String, &Secret)| {
        let key = name.parse::<HeaderName>().map_err(|_| format!("`{name}` is no name of a header"))?;
        let value = HeaderValue::from_str(value.reveal());
        let mut value = value.map_err(|_| format!("the header `{name}` has no valid value"))?;
        value.set_sensitive(true);
        Ok((key, value))
    };
    custom.iter().map(header).collect()
}

/// A request with a JSON body, as falcosidekick marks it.
pub(crate) fn json(request: RequestBuilder, body: impl Into<reqwest::Body>) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(body)
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
struct Anybody(Arc<CryptoProvider>);

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

/// Sends a request. What the destination may take at another time is tried again; what it never
/// will is not.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, SendError> {
    // The address may hold a token: it is left out of the error.
    let unreachable = |error: reqwest::Error| SendError::Unreachable(chain(&error.without_url()));
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let text = beginning(response).await.map_err(unreachable)?;
    let answer = format!("it answered {status}: {}", text.trim());
    let is_transient = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    match status {
        _ if status.is_success() => Ok(Answer(answer)),
        _ if is_transient => Err(SendError::Retry { after: after.map(Duration::from_secs), cause: answer }),
        _ => Err(SendError::Refused(answer)),
    }
}

/// The beginning of an answer's body, of which a little more is read so that the connection can be used again.
async fn beginning(mut response: reqwest::Response) -> Result<String, reqwest::Error> {
    let (mut text, mut read) = (Vec::new(), 0);
    while let Some(bytes) = response.chunk().await? {
        read += bytes.len();
        let room = ANSWER_BYTES_MAX.saturating_sub(text.len()).min(bytes.len());
        text.extend_from_slice(&bytes[..room]);
        if read > BODY_BYTES_MAX {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// An error with everything that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
