//! Why a request is refused: the status, the counter's label, and what its sender reads.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::connect::clients;
use crate::falco_json::Malformed;

/// After so many seconds another try is worth it.
const RETRY_SECONDS: u64 = 1;

/// A refusal.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Not `POST`: falcosidekick answers so.
    Method,
    /// Nothing says how a caller could show who it is.
    Closed,
    /// The caller has not shown who it is.
    Unknown(&'static str),
    /// The caller may not do this.
    Role(String),
    /// The caller has as much as it may.
    Limit(clients::Refusal),
    /// The body is compressed or otherwise encoded.
    Encoding(String),
    /// The body is larger than allowed.
    Size(usize),
    /// The body did not come in time.
    Slow,
    /// The body broke off.
    Broken,
    /// The bodies of all requests together are as large as allowed.
    Busy,
    /// The body is not what it should be.
    Malformed(Malformed),
    /// The log cannot take it now.
    Log,
}

impl Refusal {
    /// The value of the label `cause`.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Closed | Self::Role(_) => "permission",
            Self::Unknown(_) => "authentication",
            Self::Limit(refusal) => refusal.cause(),
            Self::Encoding(_) => "encoding",
            Self::Size(_) | Self::Malformed(Malformed::TooLarge(_)) => "size",
            Self::Slow => "slow",
            Self::Broken => "broken",
            Self::Busy => "busy",
            Self::Malformed(Malformed::Content(_)) => "content",
            Self::Log => "log",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Method | Self::Broken | Self::Malformed(Malformed::Content(_)) => StatusCode::BAD_REQUEST,
            Self::Closed | Self::Role(_) => StatusCode::FORBIDDEN,
            Self::Unknown(_) => StatusCode::UNAUTHORIZED,
            Self::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Size(_) | Self::Malformed(Malformed::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Log => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When another try is worth it.
    fn retry_seconds(&self) -> Option<u64> {
        match self {
            Self::Limit(clients::Refusal::Rate { retry_ms, .. }) => Some(retry_ms.div_ceil(1000)),
            Self::Limit(_) | Self::Busy | Self::Log => Some(RETRY_SECONDS),
            _ => None,
        }
    }

    /// What its sender reads.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Method => "Please send with post http method".to_owned(),
            Self::Closed => "alerts are not taken here: set `webserver.token_file`, or `webserver.ssl_enabled` and send a client certificate with the role sensor".to_owned(),
            Self::Unknown(problem) => (*problem).to_owned(),
            Self::Role(problem) => problem.clone(),
            Self::Limit(refusal) => refusal.to_string(),
            Self::Encoding(encoding) => {
                format!("the content encoding `{encoding}` is not taken: send the body as it is")
            }
            Self::Size(max) => format!("the body has more than {max} bytes: send it in parts"),
            Self::Slow => "the body did not come in time".to_owned(),
            Self::Broken => "the body broke off".to_owned(),
            Self::Busy => "too many bodies are on their way: try again".to_owned(),
            Self::Malformed(problem) => format!("Please send a valid request body: {problem}"),
            Self::Log => "the log cannot be used now: try again".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.text() + "\n").into_response();
        if let Self::Unknown(_) = self {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
