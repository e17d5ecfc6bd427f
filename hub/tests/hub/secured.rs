//! A hub behind mutual TLS, and a certificate authority that signs whatever a test wants.

use std::path::{Path, PathBuf};

use cadge_hub::{Config, Hub};
use cadge_proto::falco::outputs::Request;
use cadge_proto::falco::outputs::service_client::ServiceClient;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// What a client shows.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) serial: u64,
}

/// An authority.
pub(crate) struct Pki {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client's certificate with a URI, changed as a test wants it.
    pub(crate) fn issue(&self, uri: &str, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if !uri.is_empty() {
            params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let serial: u64 = rand::random::<u64>() >> 1 | 1;
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap().pem();
        Shown { cert, key: key.serialize_pem(), serial }
    }

    pub(crate) fn consumer(&self, name: &str) -> Shown {
        self.issue(&format!("spiffe://cadge/consumer/{name}"), |_| ())
    }

    pub(crate) fn sensor(&self, name: &str) -> Shown {
        self.issue(&format!("spiffe://cadge/sensor/{name}"), |_| ())
    }

    /// A certificate for the hub.
    pub(crate) fn hub(&self) -> Shown {
        self.issue("", |params| {
            params.subject_alt_names.push(SanType::DnsName("localhost".try_into().unwrap()));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }

    /// A list of revoked certificates.
    pub(crate) fn revoked(&self, shown: &[&Shown]) -> String {
        let now = time::OffsetDateTime::now_utc();
        let one = |shown: &&Shown| RevokedCertParams {
            serial_number: SerialNumber::from(shown.serial),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: now - time::Duration::days(1),
            next_update: now + time::Duration::days(1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: shown.iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A hub with TLS.
pub(crate) struct Secured {
    pub(crate) pki: Pki,
    pub(crate) hub: Hub,
    pub(crate) dir: tempfile::TempDir,
}

impl Secured {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// Its configuration changed as a test wants it.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (pki, dir) = (Pki::new("Cadge"), tempfile::tempdir().unwrap());
        let mut config = config(dir.path(), &pki);
        change(&mut config);
        Self { pki, hub: Hub::start(config).await.unwrap(), dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn endpoint(&self) -> Endpoint {
        let port = self.hub.grpc_address().unwrap().port();
        Endpoint::from_shared(format!("https://localhost:{port}")).unwrap()
    }

    /// A channel of whoever shows a certificate.
    pub(crate) async fn channel(&self, shown: &Shown) -> Result<Channel, tonic::transport::Error> {
        let identity = Identity::from_pem(&shown.cert, &shown.key);
        let tls =
            ClientTlsConfig::new().identity(identity).ca_certificate(Certificate::from_pem(self.pki.pem()));
        self.endpoint().tls_config(tls)?.connect().await
    }

    /// A channel of whoever shows none.
    pub(crate) async fn bare(&self) -> Result<Channel, tonic::transport::Error> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.pki.pem()));
        self.endpoint().tls_config(tls)?.connect().await
    }

    /// Whether a `get` works for whoever shows a certificate; else all that it is told.
    pub(crate) async fn get(&self, shown: &Shown) -> Result<usize, String> {
        let channel = self.channel(shown).await.map_err(|error| format!("{error:?}"))?;
        let mut client = ServiceClient::new(channel);
        let mut stream = client.get(Request {}).await.map_err(|status| format!("{status:?}"))?.into_inner();
        let mut count = 0;
        while stream.message().await.map_err(|status| format!("{status:?}"))?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// A figure of `/metrics`; 0 if it is not there.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let mut stream = tokio::net::TcpStream::connect(self.hub.http_address().unwrap()).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }
}

/// A hub's configuration, with certificates in its folder.
pub(crate) fn config(dir: &Path, pki: &Pki) -> Config {
    let own = pki.hub();
    let mut config = Config::default();
    let file = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name)
    };
    config.grpc.cert_chain = file("hub.crt", &own.cert);
    config.grpc.private_key = file("hub.key", &own.key);
    config.grpc.root_certs = file("ca.crt", &pki.pem());
    "127.0.0.1:0".clone_into(&mut config.grpc.bind_address);
    config.grpc.unix_socket = Some(dir.join("cadge.sock"));
    config.webserver.listen("127.0.0.1:0");
    config.log.path = dir.join("log.db");
    config
}
