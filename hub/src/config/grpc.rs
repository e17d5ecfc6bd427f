//! The section `grpc`.

use std::path::PathBuf;

use serde::Deserialize;

/// The gRPC server.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grpc {
    /// Where it listens, with mutual TLS. Empty: nowhere.
    pub bind_address: String,
    /// The Unix socket, without TLS. `null`: none.
    pub unix_socket: Option<PathBuf>,
    /// Its mode: who may connect at all.
    pub unix_socket_mode: u32,
    /// The hub's certificate, in PEM.
    pub cert_chain: PathBuf,
    /// Its private key, in PEM.
    pub private_key: PathBuf,
    /// The certificates that clients' are signed by, in PEM.
    pub root_certs: PathBuf,
    /// Connections at the same time. More are turned away.
    pub connections_max: usize,
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            bind_address: "0.0.0.0:5060".to_owned(),
            unix_socket: Some("/run/cadge/cadge.sock".into()),
            unix_socket_mode: 0o660,
            cert_chain: "/etc/cadge/pki/hub.crt".into(),
            private_key: "/etc/cadge/pki/hub.key".into(),
            root_certs: "/etc/cadge/pki/ca.crt".into(),
            connections_max: 10_000,
        }
    }
}
