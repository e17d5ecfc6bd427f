//! Who may do what: the sections `identities`, `unix` and `audit_log`.

use std::path::PathBuf;

use serde::Deserialize;

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
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Sensor, Self::Consumer, Self::Admin];

    /// Its name in certificates and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::Consumer => "consumer",
            Self::Admin => "admin",
        }
    }
}

/// A role by the names in the certificate. At least one of `pattern`, `spiffe`, `dns` and `cn` is there,
/// and each that is there has to fit; `*` stands for anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityPattern {
    /// Compared with each URI, each DNS name and the common name.
    pub pattern: Option<String>,
    /// Compared with each URI, such as `spiffe://example.org/ns/*/sa/falco`.
    pub spiffe: Option<String>,
    /// Compared with each DNS name.
    pub dns: Option<String>,
    /// Compared with the common name.
    pub cn: Option<String>,
    /// What whoever fits may do.
    pub role: Role,
    /// Under which name: it names the cursors. Without it, the name that fitted. Certificates with the same
    /// `name` here and the same role share their cursors.
    pub name: Option<String>,
    /// The alerts that it may see: a condition in Falco's language. For the role `consumer`.
    pub filter: Option<String>,
    /// Calls that it may begin in a second, instead of `grpc.requests_per_second`, and requests, instead of
    /// `webserver.requests_per_second`: Falco sends one for each alert. 0: any number.
    pub requests_per_second: Option<u32>,
    /// Connections that it may have by gRPC, instead of `grpc.client_connections_max`, and by HTTP, instead
    /// of `webserver.client_connections_max`.
    pub connections_max: Option<usize>,
}

/// A role by a user on this machine. `uid` or `gid` is there, or both, which then both have to fit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixUser {
    /// The user's id.
    pub uid: Option<u32>,
    /// The id of the process's own group: the kernel does not tell the others.
    pub gid: Option<u32>,
    /// What it may do.
    pub role: Role,
    /// Under which name: it names the cursors.
    pub name: String,
    /// The alerts that it may see: a condition in Falco's language. For the role `consumer`.
    pub filter: Option<String>,
    /// Calls that it may begin in a second, instead of `grpc.requests_per_second`. 0: any number.
    pub requests_per_second: Option<u32>,
    /// Connections that it may have, instead of `grpc.client_connections_max`.
    pub connections_max: Option<usize>,
}

/// Who called what, as JSON lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditLog {
    /// The file. `null`: none is written.
    pub path: Option<PathBuf>,
    /// Bytes of it. Past that it is renamed to `PATH.1`, and a new one begins.
    pub bytes_max: u64,
    /// Renamed files that are kept.
    pub files_max: u32,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self { path: None, bytes_max: 64 << 20, files_max: 5 }
    }
}
