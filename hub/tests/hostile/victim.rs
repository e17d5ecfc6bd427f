//! The hub in a process of its own, and what is watched of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use cadge_hub::{Config, Hub};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::good::Good;
use crate::secured::{self, Pki, Shown};

/// Says to this program that it is the hub, and in which folder.
pub(crate) const CHILD: &str = "HOSTILE_HUB";

/// Says to it how many connections it takes, of all clients and of one.
const BOUNDS: &str = "HOSTILE_BOUNDS";

/// The hub's bounds.
pub(crate) const CONNECTIONS_MAX: usize = 900;
pub(crate) const CLIENT_CONNECTIONS_MAX: usize = 600;
pub(crate) const CLIENT_CALLS_MAX: usize = 500;

/// What the hub may have in memory at the most: what it has when it starts, and what its bounds add up to.
const RSS_MIB_MAX: u64 = 512;

/// A hub that is attacked, and a good client.
pub(crate) struct Victim {
    pub(crate) runtime: Runtime,
    pub(crate) pki: Pki,
    pub(crate) address: SocketAddr,
    pub(crate) dir: tempfile::TempDir,
    good: Good,
    child: Child,
}

/// What a hub takes.
pub(crate) struct Bounds {
    pub(crate) connections_max: usize,
    pub(crate) client_connections_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections_max: CONNECTIONS_MAX, client_connections_max: CLIENT_CONNECTIONS_MAX }
    }
}

/// As many descriptors as are allowed.
pub(crate) fn raise_descriptors() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(1 << 20), hard);
    }
}

/// Is the hub until the other side has gone.
pub(crate) fn serve(dir: &Path) {
    let bounds = std::env::var(BOUNDS).unwrap();
    let (all, one) = bounds.split_once(' ').unwrap();
    let mut config = Config::default();
    config.grpc.cert_chain = dir.join("hub.crt");
    config.grpc.private_key = dir.join("hub.key");
    config.grpc.root_certs = dir.join("ca.crt");
    "127.0.0.1:0".clone_into(&mut config.grpc.bind_address);
    config.grpc.unix_socket = Some(dir.join("cadge.sock"));
    config.grpc.connections_max = all.parse().unwrap();
    config.grpc.client_connections_max = one.parse().unwrap();
    config.grpc.client_calls_max = CLIENT_CALLS_MAX;
    config.grpc.requests_per_second = 0;
    config.webserver.enabled = false;
    config.log.path = dir.join("log.db");
    config.audit_log.path = Some(dir.join("audit.jsonl"));
    Runtime::new().unwrap().block_on(async {
        let hub = Hub::start(config).await.unwrap();
        println!("{}", hub.grpc_address().unwrap());
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
        hub.stop().await;
    });
}

impl Victim {
    pub(crate) fn start(bounds: &Bounds) -> Self {
        let (pki, dir) = (Pki::new("Cadge"), tempfile::tempdir().unwrap());
        secured::config(dir.path(), &pki);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(CHILD, dir.path())
            .env(BOUNDS, format!("{} {}", bounds.connections_max, bounds.client_connections_max))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap();
        let runtime = Runtime::new().unwrap();
        let channel = |shown: &Shown| runtime.block_on(connect(&pki, address, shown)).unwrap();
        let good = Good::start(&runtime, channel(&pki.sensor("good")), channel(&pki.consumer("good")));
        Self { runtime, pki, address, dir, good, child }
    }

    /// Whether the hub is still good, and was all the time: to its memory and to the good client.
    pub(crate) fn check(&self, name: &str) {
        let (delay, count) = self.good.check(&self.runtime);
        let rss = self.rss_mib("VmRSS:");
        let most = self.rss_mib("VmHWM:");
        eprintln!(
            "hostile: {name}: memory {rss} MiB, at most {most} MiB; {count} alerts to the good client, the \
             slowest after {} ms",
            delay.as_millis()
        );
        assert!(most <= RSS_MIB_MAX, "{name}: the hub took {most} MiB");
    }

    fn rss_mib(&self, row: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix(row)).unwrap();
        kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("cadge.sock")
    }

    pub(crate) async fn unix(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.socket()).await
    }

    pub(crate) async fn channel(&self, shown: &Shown) -> Result<Channel, tonic::transport::Error> {
        connect(&self.pki, self.address, shown).await
    }

    /// Makes connections with a certificate that speak TLS and nothing else yet.
    pub(crate) fn connector(&self, shown: &Shown) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pki.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(shown.cert.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Each handshake is a whole one.
        config.resumption = rustls::client::Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) async fn tls(&self, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

async fn connect(pki: &Pki, address: SocketAddr, shown: &Shown) -> Result<Channel, tonic::transport::Error> {
    let identity = Identity::from_pem(&shown.cert, &shown.key);
    let tls = ClientTlsConfig::new().identity(identity).ca_certificate(Certificate::from_pem(pki.pem()));
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", address.port()))?;
    endpoint.tls_config(tls)?.connect().await
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.good.stop();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
