//! What goes wrong, and the only place where that becomes a gRPC status.

use std::path::PathBuf;

use tonic::Status;

use crate::history::HistoryError;
use crate::log::LogError;

/// Why a hub does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A certificate or key cannot be used.
    #[error("{}: {problem}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An address cannot be listened on.
    #[error("listening on {address}: {cause}")]
    Listen {
        /// The address or socket.
        address: String,
        /// Why.
        cause: std::io::Error,
    },
    /// An integration's settings cannot be used.
    #[error(transparent)]
    Integration(#[from] cadge_integrations::ConfigError),
    /// The file of what they could not deliver cannot be used.
    #[error(transparent)]
    DeadLetters(#[from] cadge_integrations::DeadError),
    /// Anything else that a configuration says wrongly.
    #[error("{0}")]
    Configuration(String),
}

impl Error {
    /// Whether another configuration would help.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Certificate { .. } | Self::Integration(_) | Self::Configuration(_))
    }
}

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("permission denied: {presented}; this call needs the role {needed}")]
    Role { presented: String, needed: String },
    #[error("{0}")]
    Request(String),
    #[error(
        "permission denied: `grpc.outputs.shared_queue` divides all alerts among the callers, and this one may not see all"
    )]
    Divided,
    #[error("another hub serves the shared queue now")]
    Elsewhere,
    #[error("the log cannot be used now")]
    Log(#[from] LogError),
    #[error("the history cannot be used now")]
    History(HistoryError),
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let text = error.to_string();
        match error {
            CallError::Role { .. } | CallError::Divided => Self::permission_denied(text),
            CallError::Request(_) => Self::invalid_argument(text),
            CallError::Elsewhere => Self::unavailable(text),
            CallError::Log(cause) => {
                tracing::error!(%cause, "a call has failed");
                Self::unavailable(text)
            }
            CallError::History(cause) => {
                tracing::error!(%cause, "a call has failed");
                Self::unavailable(text)
            }
        }
    }
}
