//! The section `grpc`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Outputs;

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsMin {
    /// TLS 1.2, for clients that have nothing newer.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[default]
    #[serde(rename = "1.3")]
    Tls13,
}

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
    /// Its group, by name or number. `null`: the hub's own.
    pub unix_socket_group: Option<String>,
    /// The hub's certificate, in PEM.
    pub cert_chain: PathBuf,
    /// Its private key, in PEM.
    pub private_key: PathBuf,
    /// The certificates that clients' are signed by, in PEM.
    pub root_certs: PathBuf,
    /// Lists of certificates that are revoked, in PEM: one of each authority in `root_certs`, or its
    /// certificates are refused. `null`: none are revoked.
    pub revoked_certs: Option<PathBuf>,
    /// Bearer tokens, `ROLE/NAME:TOKEN` on each line: a call with one needs no client certificate, and one without
    /// either is refused. A connection that used a token which is no longer there is closed. `null`: none, and
    /// every client needs a certificate.
    pub token_file: Option<PathBuf>,
    /// The oldest version of TLS: `"1.3"` or `"1.2"`.
    pub tls_min: TlsMin,
    /// In which SPIFFE ids (`spiffe://DOMAIN/ROLE/NAME`) the role counts. Ids of others need an entry in
    /// `identities`.
    pub trust_domain: String,
    /// Connections at the same time. More are turned away.
    pub connections_max: usize,
    /// Connections that have not yet shown who they are. Past that the oldest is closed, of the address
    /// that has most.
    pub handshakes_max: usize,
    /// Connections of one client.
    pub client_connections_max: usize,
    /// Calls of one client at the same time.
    pub client_calls_max: usize,
    /// Bytes of messages of one client that are on their way in all its calls: begun, or not yet handed on
    /// to the log. A call that brings more is refused.
    pub client_bytes_max: usize,
    /// Calls that one client may begin in a second. 0: any number.
    pub requests_per_second: u32,
    /// Falco's own API, `falco.outputs`.
    pub outputs: Outputs,
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            bind_address: "0.0.0.0:5060".to_owned(),
            unix_socket: Some("/run/cadge/cadge.sock".into()),
            unix_socket_mode: 0o660,
            unix_socket_group: None,
            cert_chain: "/etc/cadge/pki/hub.crt".into(),
            private_key: "/etc/cadge/pki/hub.key".into(),
            root_certs: "/etc/cadge/pki/ca.crt".into(),
            revoked_certs: None,
            token_file: None,
            tls_min: TlsMin::Tls13,
            trust_domain: "cadge".to_owned(),
            connections_max: 10_000,
            handshakes_max: 512,
            client_connections_max: 2000,
            client_calls_max: 4096,
            client_bytes_max: 64 << 20,
            requests_per_second: 1000,
            outputs: Outputs::default(),
        }
    }
}
