//! Requests with a bearer token, as clouds ask for them.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::lease::{Lease, Lender, Lent};
use crate::http::{self, Reply};
use crate::settings::Secret;
use crate::{Answer, SendError};

/// A token whose answer does not say how long it lasts is kept for so long.
const LASTS: Duration = Duration::from_mins(10);

/// Sends requests with a token.
pub(super) struct Bearer(Lease<Secret>);

impl Bearer {
    pub(super) fn new(lender: impl Lender<Secret> + 'static) -> Self {
        Self(Lease::new(lender))
    }

    /// Sends a request. A token that is not accepted is replaced once.
    pub(super) async fn exchange(&self, request: impl Fn() -> RequestBuilder) -> Result<Reply, SendError> {
        let token = self.token().await?;
        let reply = http::exchange(request().bearer_auth(token.reveal())).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        self.0.drop(&token).await;
        http::exchange(request().bearer_auth(self.token().await?.reveal())).await
    }

    async fn token(&self) -> Result<std::sync::Arc<Secret>, SendError> {
        // Without one nothing is known of what the destination would say: alerts wait.
        self.0.get().await.map_err(|error| SendError::Unreachable(format!("there is no token: {error}")))
    }
}

/// What an answer means. A new token that is not accepted is no fault of an alert's.
pub(super) fn judge(reply: &Reply) -> Result<Answer, SendError> {
    reply.judge().map_err(|error| match error {
        SendError::Refused(cause) if reply.status == StatusCode::UNAUTHORIZED => {
            SendError::Retry { after: reply.after, cause }
        }
        error => error,
    })
}

/// Asks for a token.
pub(super) async fn token(request: RequestBuilder) -> Result<Lent<Secret>, SendError> {
    let (reply, bytes) = http::exchange_bytes(request).await?;
    read(reply.status, &bytes).map_err(SendError::Unreachable)
}

/// The token of an answer. The error shows nothing of it but the words for what is wrong: the rest may be secret.
fn read(status: StatusCode, body: &[u8]) -> Result<Lent<Secret>, String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if !status.is_success() {
        let words: Vec<&str> =
            ["error", "error_description"].iter().filter_map(|key| body[key].as_str()).collect();
        let words = words.join(": ");
        return Err(format!(
            "asked for one, {status} is answered: {}",
            &words[..words.floor_char_boundary(200)]
        ));
    }
    let token = body["access_token"].as_str().filter(|token| is_plain(token));
    let token = token.ok_or("asked for one, what is answered has no `access_token`")?;
    // Azure writes numbers as text, and to apps only when it ends.
    let number = |key: &str| body[key].as_u64().or_else(|| body[key].as_str()?.parse().ok());
    let left = |ends: u64| ends.saturating_sub(Timestamp::now().as_second().unsigned_abs());
    let lasts = number("expires_in").or_else(|| number("expires_on").map(left));
    let lasts = lasts.map_or(LASTS, Duration::from_secs);
    Ok(Lent { value: token.to_owned().into(), lasts: Some(lasts) })
}

/// Whether a header can hold it.
fn is_plain(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_read_and_what_is_none_is_not_shown() {
        let lent = read(StatusCode::OK, br#"{"access_token":"T","expires_in":"3599"}"#).unwrap();
        assert_eq!((lent.value.reveal(), lent.lasts), ("T", Some(Duration::from_secs(3599))));
        let ends = Timestamp::now().as_second() + 1000;
        let lent =
            read(StatusCode::OK, format!(r#"{{"access_token":"T","expires_on":"{ends}"}}"#).as_bytes());
        assert!((990..=1000).contains(&lent.unwrap().lasts.unwrap().as_secs()));
        let refused = br#"{"error":"invalid_grant","error_description":"Invalid JWT","token":"S3CRET"}"#;
        let error = read(StatusCode::BAD_REQUEST, refused).err().unwrap();
        assert!(error.contains("400") && error.ends_with("invalid_grant: Invalid JWT"), "{error}");
        for text in ["S3CRET", "{\"access_token\":\"S3 CRET\"}", "{\"access_token\":\"\"}", "[]"] {
            let error = read(StatusCode::OK, text.as_bytes()).err().unwrap();
            assert!(error.contains("no `access_token`") && !error.contains("CRET"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in "\\PC{0,80}", lasts in any::<u64>(), code in 200_u16..600) {
            let status = StatusCode::from_u16(code).unwrap();
            let _ = read(status, body.as_bytes());
            let text = serde_json::json!({"access_token": body, "expires_in": lasts, "error": body.repeat(9)});
            let _ = read(status, text.to_string().as_bytes());
        }
    }
}
