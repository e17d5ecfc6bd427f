//! The hub's configuration. Names are Falco's and falcosidekick's where they have the thing.

use std::path::PathBuf;

use serde::Deserialize;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The gRPC server.
    pub grpc: Grpc,
    /// The HTTP server.
    pub webserver: Webserver,
    /// The log of alerts.
    pub log: LogConfig,
    /// Who may do what, for certificates without a SPIFFE id. The first pattern that fits counts.
    pub identities: Vec<IdentityPattern>,
    /// Who may do what on the Unix socket, beside root and the hub's own user, who may everything.
    pub unix: Vec<UnixUser>,
    /// Where alerts are forwarded to.
    pub integrations: cadge_integrations::Config,
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
    /// The hub's certificate, in PEM.
    pub cert_chain: PathBuf,
    /// Its private key, in PEM.
    pub private_key: PathBuf,
    /// The certificates that clients' are signed by, in PEM.
    pub root_certs: PathBuf,
    /// Connections at the same time. More are turned away.
    pub connections_max: usize,
}

/// The HTTP server: `/metrics` and `/healthz`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webserver {
    /// Whether there is one.
    pub enabled: bool,
    /// Where it listens.
    pub listen_address: String,
    /// On which port.
    pub listen_port: u16,
}

/// The log of alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The database file.
    pub path: PathBuf,
    /// Bytes in all. Past that the oldest alerts go.
    pub bytes_max: u64,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Send alerts in.
    Sensor,
    /// Read alerts.
    Consumer,
    /// Everything.
    Admin,
}

impl Role {
    /// Its name in certificates and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::Consumer => "consumer",
            Self::Admin => "admin",
        }
    }
}

/// A role by a name in the certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityPattern {
    /// Compared with each DNS name and with the common name; `*` stands for anything.
    pub pattern: String,
    /// What whoever fits may do.
    pub role: Role,
}

/// A role by a user on this machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixUser {
    /// The user's id.
    pub uid: u32,
    /// What it may do.
    pub role: Role,
    /// Under which name: it names the cursor.
    pub name: String,
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

impl Default for Webserver {
    fn default() -> Self {
        Self { enabled: true, listen_address: "0.0.0.0".to_owned(), listen_port: 8765 }
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

impl Default for LogConfig {
    fn default() -> Self {
        Self { path: "/var/lib/cadge/log.db".into(), bytes_max: 4 << 30 }
    }
}
