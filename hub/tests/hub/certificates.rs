//! Which certificates are let in, and how that changes while the hub runs.

use std::sync::Arc;
use std::time::Duration;

use cadge_hub::config::TlsMin;
use cadge_proto::falco::outputs::Request;
use cadge_proto::falco::outputs::service_client::ServiceClient;
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::secured::{Pki, Secured, Shown};
use super::site::{PATIENCE, Sensor};

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}

const CONSUMER: &str = "spiffe://cadge/consumer/c";

#[tokio::test]
async fn only_good_certificates_get_through_the_handshake() {
    let site = Secured::start().await;
    let now = time::OffsetDateTime::now_utc();
    let good = site.pki.consumer("c");
    assert_eq!(site.get(&good).await, Ok(0));
    let other = Pki::new("Cadge");
    let bad = [
        ("of another authority of the same name", other.consumer("c")),
        ("expired", site.pki.issue(CONSUMER, |params| params.not_after = now - time::Duration::minutes(1))),
        (
            "not yet valid",
            site.pki.issue(CONSUMER, |params| params.not_before = now + time::Duration::days(1)),
        ),
        (
            "for servers only",
            site.pki.issue(CONSUMER, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
    ];
    for (at, (what, shown)) in bad.iter().enumerate() {
        let told = site.get(shown).await.unwrap_err();
        assert!(!told.contains("PermissionDenied"), "{what}: the handshake has to fail: {told}");
        let counted = r#"cadge_hub_refused_total{cause="handshake"}"#;
        until(what, async || site.metric(counted).await == at as u64 + 1).await;
    }
    let told = site.get(&site.pki.issue("https://cadge/consumer/c", |_| ())).await.unwrap_err();
    assert!(told.contains("PermissionDenied") && told.contains("have no role"), "{told}");
    let told = site.get(&site.pki.issue("spiffe://elsewhere/consumer/c", |_| ())).await.unwrap_err();
    assert!(told.contains("PermissionDenied") && told.contains("spiffe://elsewhere"), "{told}");
    assert_eq!(site.get(&good).await, Ok(0));
}

#[tokio::test]
async fn without_a_certificate_there_is_no_connection() {
    let site = Secured::start().await;
    assert!(greet(&site, None, &rustls::version::TLS13).await.is_err());
    assert!(greet(&site, Some(&site.pki.consumer("c")), &rustls::version::TLS13).await.is_ok());
}

/// A client that speaks one version of TLS only. Answers once the hub has said something.
async fn greet(
    site: &Secured,
    shown: Option<&Shown>,
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(site.pki.pem().as_bytes()).unwrap()).unwrap();
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
    let mut config = match shown {
        Some(shown) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(shown.cert.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap(),
            )
            .unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(site.hub.grpc_address().unwrap()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await?;
    stream.read_u8().await.map(drop)
}

#[tokio::test]
async fn tls_1_2_is_a_setting() {
    let site = Secured::start().await;
    let refused = greet(&site, Some(&site.pki.consumer("c")), &rustls::version::TLS12).await;
    assert!(refused.unwrap_err().to_string().contains("ProtocolVersion"));
    let site = Secured::with(|config| config.grpc.tls_min = TlsMin::Tls12).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        greet(&site, Some(&site.pki.consumer("c")), version).await.unwrap();
    }
}

#[tokio::test]
async fn a_revoked_certificate_loses_its_streams_and_others_keep_theirs() {
    let (dir, lists) = (tempfile::tempdir().unwrap(), "revoked.pem");
    let path = dir.path().join(lists);
    let pki = Pki::new("Cadge");
    std::fs::write(&path, pki.revoked(&[])).unwrap();
    let mut config = super::secured::config(dir.path(), &pki);
    config.grpc.revoked_certs = Some(path.clone());
    let site = Secured { hub: cadge_hub::Hub::start(config).await.unwrap(), pki, dir };
    let (bad, good) = (site.pki.consumer("bad"), site.pki.consumer("good"));
    let mut streams = Vec::new();
    for shown in [&bad, &good] {
        let mut client = ServiceClient::new(site.channel(shown).await.unwrap());
        streams.push(client.sub(tokio_stream::pending()).await.unwrap().into_inner());
    }
    std::fs::write(&path, site.pki.revoked(&[&bad])).unwrap();
    let ended = tokio::time::timeout(PATIENCE, streams[0].message()).await.expect("the stream ends");
    assert!(ended.is_err(), "{ended:?}");
    assert!(site.get(&bad).await.is_err());
    let mut sensor = Sensor::connect(site.channel(&site.pki.sensor("s")).await.unwrap(), "s").await;
    sensor.send(1..=1).await;
    let alert = tokio::time::timeout(PATIENCE, streams[1].message()).await.unwrap().unwrap().unwrap();
    assert_eq!(alert.output, "alert 1");
    // What cannot be read changes nothing.
    std::fs::write(&path, "no list").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(site.get(&bad).await.is_err());
    assert!(site.get(&good).await.is_ok());
    // And it can be taken back.
    std::fs::write(&path, site.pki.revoked(&[])).unwrap();
    until("the certificate counts again", async || site.get(&bad).await.is_ok()).await;
}

#[tokio::test]
async fn an_authority_without_a_list_has_no_clients_once_there_are_lists() {
    let list = |pki: &Pki| pki.revoked(&[]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("revoked.pem");
    std::fs::write(&path, list(&Pki::new("Another"))).unwrap();
    let site = Secured::with(|config| config.grpc.revoked_certs = Some(path.clone())).await;
    let consumer = site.pki.consumer("c");
    assert!(site.get(&consumer).await.is_err());
    std::fs::write(&path, list(&site.pki)).unwrap();
    until("the list counts", async || site.get(&consumer).await.is_ok()).await;
}

#[tokio::test]
async fn a_stream_ends_when_its_certificate_expires() {
    let site = Secured::start().await;
    let soon = time::OffsetDateTime::now_utc() + time::Duration::seconds(8);
    let shown = site.pki.issue(CONSUMER, |params| params.not_after = soon);
    let mut client = ServiceClient::new(site.channel(&shown).await.unwrap());
    let mut stream = client.sub(tokio_stream::pending::<Request>()).await.unwrap().into_inner();
    let ended = tokio::time::timeout(PATIENCE, stream.message()).await.expect("the stream ends");
    assert!(ended.is_err() && time::OffsetDateTime::now_utc() > soon, "{ended:?}");
    assert!(site.get(&shown).await.is_err());
}

#[tokio::test]
async fn new_certificates_and_authorities_count_without_a_restart() {
    let mut site = Secured::start().await;
    let before = site.pki.consumer("c");
    assert_eq!(site.get(&before).await, Ok(0));
    // A key that does not fit is not used: the old pair stays.
    let new = Pki::new("New");
    let own = new.issue("", |params| {
        params.subject_alt_names.push(SanType::DnsName("localhost".try_into().unwrap()));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    std::fs::write(site.path("hub.key"), &own.key).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(site.get(&before).await, Ok(0));
    std::fs::write(site.path("hub.crt"), &own.cert).unwrap();
    std::fs::write(site.path("ca.crt"), new.pem()).unwrap();
    site.pki = new;
    let after = site.pki.consumer("c");
    until("the new authority counts", async || site.get(&after).await.is_ok()).await;
    assert!(site.get(&before).await.is_err());
}
