//! Mutual TLS: the hub's certificate, and who may connect. The files are read again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Grpc;
use crate::error::Error;

/// The files are looked at so often at most.
const REFRESH: Duration = Duration::from_secs(1);

/// Makes acceptors for new connections.
pub(crate) struct Tls {
    cert_chain: PathBuf,
    private_key: PathBuf,
    root_certs: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    modified: [Option<SystemTime>; 3],
    looked: Instant,
}

impl Tls {
    pub(crate) fn new(config: &Grpc) -> Result<Self, Error> {
        let paths = [&config.cert_chain, &config.private_key, &config.root_certs];
        let modified = modified(paths);
        let acceptor = acceptor(paths)?;
        let current = Mutex::new(Current { acceptor, modified, looked: Instant::now() });
        let [cert_chain, private_key, root_certs] = paths.map(Clone::clone);
        Ok(Self { cert_chain, private_key, root_certs, current })
    }

    /// The acceptor for a new connection. Files that cannot be used leave the old one in place.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= REFRESH {
            current.looked = Instant::now();
            let paths = [&self.cert_chain, &self.private_key, &self.root_certs];
            let modified = modified(paths);
            if modified != current.modified {
                match acceptor(paths) {
                    Ok(acceptor) => {
                        current.acceptor = acceptor;
                        current.modified = modified;
                        tracing::info!("the certificates have changed: new connections use them");
                    }
                    Err(error) => {
                        tracing::error!(%error, "the new certificates can't be used: the old ones stay");
                    }
                }
            }
        }
        current.acceptor.clone()
    }
}

fn modified(paths: [&PathBuf; 3]) -> [Option<SystemTime>; 3] {
    paths.map(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
}

fn acceptor([cert_chain, private_key, root_certs]: [&PathBuf; 3]) -> Result<TlsAcceptor, Error> {
    let failed = |path: &Path, problem: String| Error::Certificate { path: path.to_owned(), problem };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(root_certs)? {
        roots.add(certificate).map_err(|error| failed(root_certs, error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| failed(root_certs, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(private_key)
        .map_err(|error| failed(private_key, format!("it holds no private key in PEM ({error})")))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(cert_chain, error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(cert_chain)?, key)
        .map_err(|error| {
            failed(cert_chain, format!("it does not fit its key or is no certificate ({error})"))
        })?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |problem: String| Error::Certificate { path: path.to_owned(), problem };
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?.collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(failed("it holds no certificate in PEM".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}
