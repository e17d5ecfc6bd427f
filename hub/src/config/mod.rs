//! The hub's configuration. Names are Falco's and falcosidekick's where they have the thing.

mod grpc;
mod webserver;
mod log;
mod access;

use serde::Deserialize;

pub use access::{IdentityPattern, Role, UnixUser};
pub use grpc::Grpc;
pub use log::{LogCheck, LogConfig, LogKind};
pub use webserver::Webserver;

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
