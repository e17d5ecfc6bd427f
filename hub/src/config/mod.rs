//! The hub's configuration. Names are Falco's and falcosidekick's where they have the thing.

mod grpc;
mod outputs;
mod webserver;
mod log;
mod history;
mod access;
mod fleet;
mod inputs;
mod dead_letters;

use std::path::PathBuf;

use serde::Deserialize;

pub use access::{AuditLog, IdentityPattern, Role, UnixUser};
pub use dead_letters::DeadLettersConfig;
pub use fleet::FleetConfig;
pub use grpc::{Grpc, TlsMin};
pub use history::HistoryConfig;
pub use inputs::Input;
pub use log::{KafkaLog, LogCheck, LogConfig, LogKind};
pub use outputs::{Outputs, OutputsStart};
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
    /// Files that alerts are read from.
    pub inputs: Vec<Input>,
    /// The index of the log, for searching and counting.
    pub history: HistoryConfig,
    /// What is expected of sensors.
    pub fleet: FleetConfig,
    /// Who may do what, by certificate. The first that fits counts, before the role in a SPIFFE id does.
    pub identities: Vec<IdentityPattern>,
    /// Who may do what on the Unix socket. The first that fits counts. Root and the hub's own user, if none
    /// does, may do everything.
    pub unix: Vec<UnixUser>,
    /// Who called what.
    pub audit_log: AuditLog,
    /// What integrations could not deliver.
    pub dead_letters: DeadLettersConfig,
    /// A file that says where alerts are forwarded to, such as falcosidekick's, in place of `integrations`. The command
    /// line reads it.
    pub integrations_file: Option<PathBuf>,
    /// Where alerts are forwarded to.
    pub integrations: cadge_integrations::Config,
}
