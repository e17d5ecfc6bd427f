//! The section `webserver`.

use std::path::PathBuf;

use serde::Deserialize;

/// The HTTP server: `POST /` for alerts in Falco's JSON, `/metrics` and `/healthz`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webserver {
    /// Whether there is one.
    pub enabled: bool,
    /// Where it listens.
    pub listen_address: String,
    /// On which port.
    pub listen_port: u16,
    /// Another path under which it answers what `/healthz` does.
    pub k8s_healthz_endpoint: String,
    /// Whether it serves `/metrics`.
    pub prometheus_metrics_enabled: bool,
    /// Whether it speaks TLS. A client certificate signed by `grpc.root_certs` is then asked for, not
    /// required: with the role sensor it may hand in alerts.
    pub ssl_enabled: bool,
    /// Its certificate in PEM, with the key in the same file unless `ssl_key` names another. `null`:
    /// `grpc.cert_chain` and `grpc.private_key`.
    pub ssl_certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    pub ssl_key: Option<PathBuf>,
    /// Bearer tokens of those who may hand in alerts: `NAME:TOKEN` on each line. `null`: none.
    pub token_file: Option<PathBuf>,
    /// Connections at the same time. With more, the one that waits for a request longest is closed.
    pub connections_max: usize,
    /// Connections by which one client, a certificate or a token's name, hands in alerts. 0: any number,
    /// for hosts may share a token.
    pub client_connections_max: usize,
    /// Requests of one client in a second. 0: any number, for Falco sends one for each alert, and does not
    /// send again what was refused.
    pub requests_per_second: u32,
    /// How long a request may wait for others to be put on disk with, in milliseconds: for those whose senders had an
    /// answer so short a time ago and may be about to send the next alert. A sender who is alone does not wait, and none
    /// waits longer than eight times as long as it was silent, or than the log took for the last ones. 0: nobody waits.
    pub group_wait_ms: u64,
    /// A connection that waits for a request, or for the rest of its header, is closed after so long.
    pub header_timeout_ms: u64,
    /// A body must be there after so long.
    pub body_timeout_ms: u64,
    /// Bytes of one body.
    pub body_bytes_max: usize,
    /// Bytes of all bodies at the same time.
    pub bodies_bytes_max: usize,
}

impl Default for Webserver {
    fn default() -> Self {
        Self {
            enabled: true,
            listen_address: "0.0.0.0".to_owned(),
            listen_port: 8765,
            k8s_healthz_endpoint: "/healthz".to_owned(),
            prometheus_metrics_enabled: true,
            ssl_enabled: false,
            ssl_certificate: None,
            ssl_key: None,
            token_file: None,
            connections_max: 10_000,
            client_connections_max: 0,
            requests_per_second: 0,
            group_wait_ms: 5,
            header_timeout_ms: 30_000,
            body_timeout_ms: 30_000,
            body_bytes_max: 8 << 20,
            bodies_bytes_max: 64 << 20,
        }
    }
}

impl Webserver {
    /// Sets address and port from `ADDRESS:PORT`. A port that is none leaves both as they are.
    pub fn listen(&mut self, at: &str) {
        if let Some((address, port)) = at.rsplit_once(':')
            && let Ok(port) = port.parse()
        {
            address.trim_matches(['[', ']']).clone_into(&mut self.listen_address);
            self.listen_port = port;
        }
    }
}
