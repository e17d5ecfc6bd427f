//! What can go wrong, divided by what the caller can do.

use tonic::{Code, Status};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The hub can't be reached, or it refused the certificate: try again later, or check the files.
    #[error("can't connect to the hub: {0}")]
    Connect(String),
    /// The hub knows the caller and won't do this for it.
    #[error("permission denied: {0}")]
    Refused(String),
    /// The hub does not understand the call, or the client not the answer.
    #[error("the hub speaks another protocol: {0}")]
    Protocol(String),
    /// The hub ended the stream.
    #[error("the hub closed the stream: {0}")]
    Closed(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Closed(_))
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let text = explain(&status);
        match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => Self::Refused(text),
            Code::Unimplemented | Code::InvalidArgument | Code::OutOfRange | Code::NotFound => {
                Self::Protocol(text)
            }
            Code::Unavailable => Self::Connect(text),
            // A connection that breaks in the middle surfaces as one of several codes.
            _ => Self::Closed(text),
        }
    }
}

/// A status with its innermost cause: "transport error" alone says nothing.
fn explain(status: &Status) -> String {
    match root_cause(status) {
        Some(cause) if cause != status.message() => format!("{}: {cause}", status.message()),
        _ => status.message().to_string(),
    }
}

/// The text of the last error in the chain, if there is more than one.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}
