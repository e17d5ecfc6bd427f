//! TLS for connections that are no HTTP: whom to trust, and what to show.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, crypto::CryptoProvider};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Setup;
use crate::http::Anybody;
use crate::settings::Tls;

/// Files that a section names in place of those in the common folder. Empty: those.
#[derive(Default)]
pub(crate) struct Files<'a> {
    pub(crate) certificate: &'a str,
    pub(crate) key: &'a str,
    pub(crate) authority: &'a str,
}

/// Whom a connection trusts, and what it shows.
#[derive(Clone)]
pub(crate) struct Trust(TlsConnector);

impl Trust {
    /// With `mutualtls` the other side is checked in any case, as by falcosidekick.
    pub(crate) fn new(tls: &Tls, files: &Files<'_>, setup: &Setup) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous();
        let path = |named: &str, usual: &str| {
            if named.is_empty() { setup.certificates.path(usual) } else { PathBuf::from(named) }
        };
        let builder = if tls.checkcert || tls.mutualtls {
            let has_authority = tls.mutualtls || !files.authority.is_empty();
            let authority = has_authority.then(|| path(files.authority, "ca.crt"));
            let trusted = [authority.as_deref(), setup.certificates.trusted()];
            builder.with_custom_certificate_verifier(Arc::new(verifier(trusted, provider)?))
        } else {
            builder.with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        };
        let config = if tls.mutualtls {
            let (certificate, key) = (path(files.certificate, "client.crt"), path(files.key, "client.key"));
            let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| failed(&key, &error))?;
            builder
                .with_client_auth_cert(certificates(&certificate)?, private)
                .map_err(|error| failed(&certificate, &error))?
        } else {
            builder.with_no_client_auth()
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Offers one protocol to go on with, as HTTP/2 wants it.
    pub(crate) fn offering(self, protocol: &str) -> Self {
        let mut config = ClientConfig::clone(self.0.config());
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }

    pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

/// Trusts whom the system does, and authorities of one's own.
fn verifier(authorities: [Option<&Path>; 2], provider: Arc<CryptoProvider>) -> Result<Verifier, String> {
    let mut roots = Vec::new();
    for path in authorities.into_iter().flatten() {
        roots.extend(certificates(path)?);
    }
    Verifier::new_with_extra_roots(roots, provider)
        .map_err(|error| format!("the system's certificates can't be used: {error}"))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| failed(path, &error))?;
    if found.is_empty() {
        return Err(format!("reading {}: there is no certificate in it", path.display()));
    }
    Ok(found)
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("reading {}: {error}", path.display())
}
