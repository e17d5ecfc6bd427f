//! What AWS's services answer: errors by their names, in JSON or XML.

use super::credentials::is_over;
use crate::http::Reply;
use crate::{Answer, SendError};

/// Errors with status 400 or 403 that are over after a while, or once the clock is right again.
const TRANSIENT: [&str; 15] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "KMS.ThrottlingException",
    "KMSThrottling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "OverLimit",
    "BandwidthLimitExceeded",
    "SlowDown",
    "RequestTimeTooSkewed",
    "RequestTimeout",
];

/// What an answer means: AWS says some of what is over after a while with status 400 or 403.
pub(super) fn judge(reply: &Reply) -> Result<Answer, SendError> {
    reply.judge().map_err(|error| match error {
        SendError::Refused(cause) if code(&reply.text).is_some_and(|code| is_transient(&code)) => {
            SendError::Retry { after: reply.after, cause }
        }
        error => error,
    })
}

/// Whether an error with this name is over after a while, or with other keys.
pub(super) fn is_transient(code: &str) -> bool {
    let name = code.trim_end_matches("Exception");
    TRANSIENT.iter().any(|known| known.trim_end_matches("Exception") == name) || is_over(code)
}

/// The name of an answer's error: in JSON behind a `#` or before a `:`, in XML within `Code`.
pub(super) fn code(text: &str) -> Option<String> {
    if let Ok(body) = serde_json::from_str::<serde_json::Value>(text) {
        let named = ["__type", "code", "Code"].iter().find_map(|key| body[key].as_str())?;
        let name = named.rsplit('#').next().unwrap_or_default();
        return Some(name.split(':').next().unwrap_or_default().to_owned());
    }
    within(text, "Code").next().map(str::to_owned)
}

/// What stands within each element of a name, in XML without attributes.
pub(super) fn within<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (found, behind) = rest.split_once(&begin)?.1.split_once(&end)?;
        rest = behind;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::StatusCode;

    use super::*;

    fn refused(text: &str) -> Reply {
        Reply { status: StatusCode::BAD_REQUEST, after: None, text: text.to_owned() }
    }

    #[test]
    fn what_is_over_after_a_while_is_told_from_what_is_not() {
        for text in [
            r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"x"}"#,
            r#"{"__type":"ThrottlingException"}"#,
            r#"{"__type":"ExpiredTokenException:http://internal.amazon.com/x/"}"#,
            "<Error><Code>SlowDown</Code></Error>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>",
        ] {
            assert!(matches!(judge(&refused(text)), Err(SendError::Retry { .. })), "{text}");
        }
        for text in [
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#,
            "<Code>AccessDenied</Code>",
            "<Code>",
            "Throttling",
            "{}",
            "",
        ] {
            assert!(matches!(judge(&refused(text)), Err(SendError::Refused(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in "(<Code>|</Code>|\\{\"__type\":\"|#|\"\\}|x|ü){0,12}") {
            let _ = judge(&refused(&text));
        }
    }
}
