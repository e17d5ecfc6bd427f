//! The ways to the hub: its Unix socket, and TCP with mutual TLS as the machines of a fleet have it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::secured::Pki;

/// Bytes that may be on their way.
const WINDOW: u32 = 4 << 20;

/// One of them.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Socket,
    Tls,
}

impl Way {
    /// What [`channel`] takes, of a hub in a folder.
    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(match self {
            Self::Socket => "cadge.sock",
            Self::Tls => "tls",
        })
    }
}

/// Writes down what is needed to connect by TLS, with the right to be any sensor and any consumer.
pub(crate) fn prepare(dir: &Path, pki: &Pki, address: SocketAddr) {
    let tls = Way::Tls.path(dir);
    let shown = pki.issue("spiffe://cadge/admin/bench", |_| ());
    std::fs::create_dir(&tls).unwrap();
    for (name, text) in
        [("port", &address.port().to_string()), ("crt", &shown.cert), ("key", &shown.key), ("ca", &pki.pem())]
    {
        std::fs::write(tls.join(name), text).unwrap();
    }
}

/// Connects to the hub.
pub(crate) async fn channel(way: &Path) -> Channel {
    if way.is_dir() {
        let read = |name: &str| std::fs::read_to_string(way.join(name)).unwrap();
        let tls = ClientTlsConfig::new()
            .identity(Identity::from_pem(read("crt"), read("key")))
            .ca_certificate(Certificate::from_pem(read("ca")));
        let endpoint = Endpoint::from_shared(format!("https://localhost:{}", read("port"))).unwrap();
        return windows(endpoint.tls_config(tls).unwrap()).connect().await.unwrap();
    }
    let path = way.to_owned();
    let connect = tower::service_fn(move |_: tonic::transport::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    windows(Endpoint::from_static("http://localhost")).connect_with_connector(connect).await.unwrap()
}

fn windows(endpoint: Endpoint) -> Endpoint {
    endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW)
}
