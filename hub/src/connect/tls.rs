//! Mutual TLS: the hub's certificate, and who may connect. The files are read again when they change.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::{Grpc, TlsMin, Webserver};
use crate::connect::live::Live;
use crate::connect::revocation;
use crate::connect::stamp::Stamp;
use crate::error::Error;

/// The files are looked at so often.
const REFRESH: Duration = Duration::from_secs(1);

/// Makes acceptors for new connections.
pub(crate) struct Tls {
    config: Grpc,
    purpose: Purpose,
    current: Mutex<Current>,
}

/// What the connections are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// gRPC: every client has a certificate, unless there are tokens.
    Grpc,
    /// HTTP: a client without one may show a token, or want nothing but `/metrics`.
    Http,
}

struct Current {
    acceptor: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
    /// The files when they were last read, even if they could not be used.
    read: Vec<Option<Stamp>>,
}

impl Tls {
    pub(crate) fn new(config: &Grpc) -> Result<Self, Error> {
        Self::open(config.clone(), Purpose::Grpc)
    }

    /// For the HTTP server: with its own certificate, if it has one. As in Falco the key may stand in
    /// the same file.
    pub(crate) fn for_http(config: &Grpc, settings: &Webserver) -> Result<Self, Error> {
        let mut config = config.clone();
        if let Some(certificate) = &settings.ssl_certificate {
            config.cert_chain.clone_from(certificate);
            config.private_key.clone_from(certificate);
        }
        if let Some(key) = &settings.ssl_key {
            config.private_key.clone_from(key);
        }
        Self::open(config, Purpose::Http)
    }

    fn open(config: Grpc, purpose: Purpose) -> Result<Self, Error> {
        let read = stamps(&config);
        let (acceptor, verifier) = load(&config, purpose)?;
        let current = Mutex::new(Current { acceptor, verifier, read });
        Ok(Self { config, purpose, current })
    }

    /// The acceptor for a new connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.current().acceptor.clone()
    }

    /// Reads the files again when they change, and ends connections whose certificate has ended, until it
    /// is told to stop.
    pub(crate) async fn watch(self: Arc<Self>, live: Live, stop: CancellationToken) {
        let mut tick = tokio::time::interval(REFRESH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let (this, live) = (Arc::clone(&self), live.clone());
            let looked = tokio::task::spawn_blocking(move || this.look(&live)).await;
            if let Err(error) = looked {
                tracing::error!(%error, "the certificates can't be looked at");
            }
        }
    }

    fn look(&self, live: &Live) {
        if self.refresh() {
            let (verifier, now) = (Arc::clone(&self.current().verifier), UnixTime::now());
            let accepts = |chain: &[CertificateDer<'static>]| {
                chain
                    .split_first()
                    .is_some_and(|(own, others)| verifier.verify_client_cert(own, others, now).is_ok())
            };
            let closed = live.close_refused(accepts);
            tracing::info!(
                closed,
                "the certificates have changed: new connections use them, and those that are no longer accepted are closed"
            );
        }
        let closed = live.close_expired(i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX));
        if closed > 0 {
            tracing::warn!(closed, "the certificates of connections have expired: they are closed");
        }
    }

    /// Reads files that have changed. Those that cannot be used leave the old ones in place.
    fn refresh(&self) -> bool {
        let stamps = stamps(&self.config);
        if stamps == self.current().read {
            return false;
        }
        let loaded = load(&self.config, self.purpose);
        let mut current = self.current();
        current.read = stamps;
        match loaded {
            Ok((acceptor, verifier)) => {
                (current.acceptor, current.verifier) = (acceptor, verifier);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the new certificates can't be used: the old ones stay");
                false
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamps(config: &Grpc) -> Vec<Option<Stamp>> {
    let paths = [&config.cert_chain, &config.private_key, &config.root_certs];
    paths.into_iter().chain(&config.revoked_certs).map(|path| Stamp::of(path)).collect()
}

fn load(config: &Grpc, purpose: Purpose) -> Result<(TlsAcceptor, Arc<dyn ClientCertVerifier>), Error> {
    let failed = |path: &Path, problem: String| Error::Certificate { path: path.to_owned(), problem };
    let Grpc { cert_chain, private_key, .. } = config;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(config, purpose, &provider)?;
    let key = PrivateKeyDer::from_pem_file(private_key)
        .map_err(|error| failed(private_key, format!("it holds no private key in PEM ({error})")))?;
    let versions: &[_] = match config.tls_min {
        TlsMin::Tls13 => &[&TLS13],
        TlsMin::Tls12 => &[&TLS13, &TLS12],
    };
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| failed(cert_chain, error.to_string()))?
        .with_client_cert_verifier(Arc::clone(&verifier))
        .with_single_cert(certificates(cert_chain)?, key)
        .map_err(|error| {
            failed(cert_chain, format!("it does not fit its key or is no certificate ({error})"))
        })?;
    tls.alpn_protocols = match purpose {
        Purpose::Grpc => vec![b"h2".to_vec()],
        Purpose::Http => vec![b"http/1.1".to_vec()],
    };
    // A session that is resumed does not show its certificate again: it could have been revoked.
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    Ok((TlsAcceptor::from(Arc::new(tls)), verifier))
}

fn verifier(
    config: &Grpc,
    purpose: Purpose,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let path = &config.root_certs;
    let failed = |problem: String| Error::Certificate { path: path.clone(), problem };
    let authorities = certificates(path)?;
    let lists = match &config.revoked_certs {
        Some(path) => revocation::lists(path, &authorities)?,
        None => Vec::new(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in authorities {
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = match purpose {
        Purpose::Grpc if config.token_file.is_none() => verifier,
        Purpose::Grpc | Purpose::Http => verifier.allow_unauthenticated(),
    };
    verifier.with_crls(lists).build().map_err(|error| failed(error.to_string()))
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
