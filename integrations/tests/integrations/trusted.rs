//! Whom destinations by HTTPS trust, and what they show: the files that falcosidekick's `tlsclient` and
//! `mutualtlsclient` name.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::feed::{Log, alert};
use super::pki::Pki;
use super::server::wait_for_metric;

/// A server that takes every request. With `asks` it wants to see a certificate. Answers its port.
async fn serve(dir: &Path, asks: bool) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_file(dir.join("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("server.key")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("ca.crt")).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
    let verifier = if asks { verifier.build() } else { verifier.allow_unauthenticated().build() };
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(connection).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"}\n") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0)
            {
            }
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

/// Whether an alert is delivered with these settings beside the section, rather than tried in vain.
async fn is_delivered(port: u16, shared: &str, section: &str) -> bool {
    let log = Log::default();
    log.push(alert(1, 4));
    let yaml = format!("{shared}webhook:\n  address: https://127.0.0.1:{port}/\n{section}");
    let (running, stop, registry) = log.start(&yaml);
    let ok = "falcosecurity_falcosidekick_outputs_total{destination=\"webhook\",status=\"ok\"}";
    let retries = "cadge_integration_retries_total{destination=\"webhook\"}";
    let delivered = tokio::select! {
        () = wait_for_metric(&registry, ok, 1.0) => true,
        () = wait_for_metric(&registry, retries, 1.0) => false,
    };
    stop.cancel();
    running.stopped().await;
    delivered
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_besides_the_systems() {
    let dir = tempfile::tempdir().unwrap();
    Pki::new().write(dir.path(), &["server"]);
    let port = serve(dir.path(), false).await;
    assert!(!is_delivered(port, "", "").await);
    assert!(is_delivered(port, "", "  checkcert: false\n").await);
    let trusting = format!("tlsclient:\n  cacertfile: {}/ca.crt\n", dir.path().display());
    assert!(is_delivered(port, &trusting, "").await);
}

#[tokio::test]
async fn a_certificate_is_shown_that_has_a_path_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    Pki::new().write(dir.path(), &["server", "hub"]);
    let port = serve(dir.path(), true).await;
    let shown = dir.path().display();
    let trusting = format!("tlsclient:\n  cacertfile: {shown}/ca.crt\n");
    assert!(!is_delivered(port, &trusting, "").await);
    let showing = format!(
        "mutualtlsclient:\n  certfile: {shown}/hub.crt\n  keyfile: {shown}/hub.key\n  cacertfile: {shown}/ca.crt\n"
    );
    assert!(is_delivered(port, &showing, "  mutualtls: true\n").await);
}
