//! What can go wrong, divided by what the caller can do.

use tonic::{Code, Status};

/// Why a call failed. Each text says what happened, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The hub can't be reached. The same call may succeed later: subscriptions and pushers try again by
    /// themselves.
    #[error("the hub is down: {0}")]
    HubDown(String),
    /// The hub's certificate is not signed by the authority that was given, or is for another name; or the hub
    /// refused ours; or a PEM file can't be used.
    #[error("wrong certificate: {0}")]
    WrongCertificate(String),
    /// The hub knows the caller, and won't do this for it; or it does not know the token.
    #[error("permission denied: {0}")]
    PermissionDenied(String),
    /// What answers is no Cadge hub, or one of another version: it speaks something else, does not know the
    /// call, or gives an answer that can't be decoded.
    #[error("the other end is no hub that this client understands: {0}")]
    ProtocolMismatch(String),
    /// The hub has understood and refuses: a filter with a mistake, a page that is too large. Also an address
    /// that is none.
    #[error("the request is not valid: {0}")]
    InvalidRequest(String),
    /// The stream broke. The same call may succeed later: subscriptions and pushers try again by themselves.
    #[error("the connection was closed: {0}")]
    Closed(String),
}

/// What of an error's text tells that certificates do not fit. The last four are how the other end names what
/// it has against ours, beside those that have `Certificate` in their names.
const ALERT: &str = "received fatal alert: ";
const CERTIFICATE_ALERTS: [&str; 4] = ["Certificate", "UnknownCA", "AccessDenied", "DecryptError"];

/// What of an error's text tells that the other end speaks something else.
const MISMATCHES: [&str; 8] = [
    "received corrupt message",
    "received unexpected",
    "peer is incompatible",
    "peer misbehaved",
    "HTTP/2 was not negotiated",
    "frame with invalid size",
    "invalid compression flag",
    "failed to decode Protobuf",
];

impl Error {
    /// The error's name, which is the same in all of Cadge's clients: `HubDown`, `WrongCertificate`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::HubDown(_) => "HubDown",
            Self::WrongCertificate(_) => "WrongCertificate",
            Self::PermissionDenied(_) => "PermissionDenied",
            Self::ProtocolMismatch(_) => "ProtocolMismatch",
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::Closed(_) => "Closed",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::HubDown(_) | Self::Closed(_))
    }

    /// Why a call to the hub at an address failed.
    pub(crate) fn of(status: &Status, address: &str) -> Self {
        let cause = root_cause(status);
        let text = match &cause {
            Some(cause) if cause != status.message() => format!("{}: {cause}", status.message()),
            _ => status.message().to_owned(),
        };
        if let Some(error) = told_by(&text, address) {
            return error;
        }
        let placed = format!("`{address}`: {text}");
        match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => {
                let text = text.strip_prefix("permission denied: ").unwrap_or(&text);
                Self::PermissionDenied(format!("`{address}`: {text}"))
            }
            Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition | Code::AlreadyExists => {
                Self::InvalidRequest(text)
            }
            // What is larger than the client takes has this code too.
            Code::OutOfRange | Code::Unimplemented => {
                Self::ProtocolMismatch(format!("{placed}; see that hub and client are of the same version"))
            }
            Code::Unavailable => Self::HubDown(placed),
            // A connection that breaks in the middle surfaces as one of several codes.
            _ => Self::Closed(placed),
        }
    }

    /// Why there is no connection to an address.
    pub(crate) fn of_connecting(error: &tonic::transport::Error, address: &str) -> Self {
        let text = root_cause(error).unwrap_or_else(|| error.to_string());
        if let Some(error) = told_by(&text, address) {
            return error;
        }
        if io_kind(error) == Some(std::io::ErrorKind::PermissionDenied) {
            return Self::PermissionDenied(format!("`{address}`: {text}; ask for access to the socket"));
        }
        Self::HubDown(format!("`{address}`: {text}; see that the hub runs and listens there"))
    }
}

/// What a text alone tells. The library that makes it hides the error's type.
fn told_by(text: &str, address: &str) -> Option<Error> {
    if let Some((_, alert)) = text.split_once(ALERT) {
        let ours = CERTIFICATE_ALERTS.iter().any(|name| alert.contains(name));
        return Some(if ours {
            Error::WrongCertificate(format!(
                "`{address}`: the hub refused the client's certificate: {alert}; give one that its authority has signed, and its key"
            ))
        } else {
            Error::ProtocolMismatch(format!("`{address}`: {text}; see that a hub listens there"))
        });
    }
    if text.contains("invalid peer certificate") {
        return Some(Error::WrongCertificate(format!(
            "`{address}`: {text}; give the certificate of the authority that signed the hub's, and the name that it is for"
        )));
    }
    let mismatch = MISMATCHES.iter().any(|part| text.contains(part));
    mismatch.then(|| Error::ProtocolMismatch(format!("`{address}`: {text}; see that a hub listens there")))
}

/// The text of the last error in the chain, if there is more than one.
fn root_cause(error: &dyn std::error::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}

/// What the operating system said, if it is at the chain's end.
fn io_kind(error: &dyn std::error::Error) -> Option<std::io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}
