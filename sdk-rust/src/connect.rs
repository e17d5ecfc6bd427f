//! Opens the connection: mutual TLS over TCP, or a Unix socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};

use crate::Error;
use crate::error::root_cause;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A hub that does not answer a ping for this long is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Bytes that the hub may send ahead. HTTP/2's own 64 KiB would hold a stream to a few thousand
/// alerts for each round trip.
const WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// The longest response, in bytes: a batch at its limit and room around it.
pub(crate) const RESPONSE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Connects over TCP. `address` is such as `https://hub.example:5060`; the files are PEM.
pub(crate) async fn mtls(address: &str, cert: &[u8], key: &[u8], ca: &[u8]) -> Result<Channel, Error> {
    let tls = ClientTlsConfig::new()
        .identity(Identity::from_pem(cert, key))
        .ca_certificate(Certificate::from_pem(ca));
    let endpoint = Endpoint::from_shared(address.to_string())
        .map_err(|error| Error::Connect(format!("`{address}` is no address: {error}")))?
        .tls_config(tls)
        .map_err(|error| Error::Connect(explain("the certificate files", &error)))?;
    tuned(endpoint).connect().await.map_err(|error| Error::Connect(explain(address, &error)))
}

/// Connects to a Unix socket.
pub(crate) async fn unix(path: &Path) -> Result<Channel, Error> {
    let path: PathBuf = path.into();
    let shown = path.display().to_string();
    let connector = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // The name is never resolved: the connector goes to the socket.
    tuned(Endpoint::from_static("http://localhost"))
        .connect_with_connector(connector)
        .await
        .map_err(|error| Error::Connect(explain(&shown, &error)))
}

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
}

fn explain(what: &str, error: &tonic::transport::Error) -> String {
    format!("{what}: {}", root_cause(error).unwrap_or_else(|| error.to_string()))
}
