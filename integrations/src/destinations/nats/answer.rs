//! What becomes of alerts by what a NATS server answers.

use serde_json::Value;

use super::wire::{self, Said};
use crate::link::Connection;
use crate::{Answer, SendError};

/// Waits for the next acknowledgement of an alert on one of these subjects. Answers the alert's place, and its fate.
pub(super) async fn acknowledged(
    connection: &mut Connection,
    subjects: &str,
) -> Result<(usize, Result<Answer, SendError>), SendError> {
    match said(connection).await? {
        Said::Answer { place, status: Some(503), .. } => {
            let way = "add one, or set `jetstream: false`";
            Ok((place, Err(SendError::later(format!("no stream has the subjects `{subjects}`: {way}")))))
        }
        Said::Answer { place, body, .. } => Ok((place, judge(&body))),
        other => Err(unexpected(&other)),
    }
}

/// What an acknowledgement says.
fn judge(body: &[u8]) -> Result<Answer, SendError> {
    let known: Value = serde_json::from_slice(body).unwrap_or_default();
    if let (Some(stream), Some(place)) = (known["stream"].as_str(), known["seq"].as_u64()) {
        return Ok(Answer(format!("`{stream}` has it at {place}")));
    }
    let cause = known["error"]["description"].as_str().unwrap_or("it is no acknowledgement");
    let cause = format!("the stream answered: {cause}");
    match known["error"]["code"].as_u64() {
        Some(400..500) => Err(SendError::Refused(cause)),
        _ => Err(SendError::later(cause)),
    }
}

/// Waits for the answer to a ping.
pub(super) async fn ponged(connection: &mut Connection) -> Result<(), SendError> {
    match said(connection).await? {
        Said::Pong => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// What the server says next about what it was asked. Its own pings are answered.
async fn said(connection: &mut Connection) -> Result<Said, SendError> {
    loop {
        match wire::read(connection).await? {
            Said::Ping => connection.write(b"PONG\r\n").await?,
            Said::Info(_) | Said::Well => {}
            Said::Error(cause) if cause.to_ascii_lowercase().contains("maximum payload") => {
                return Err(SendError::Refused(format!("the server answered {cause}")));
            }
            Said::Error(cause) => return Err(SendError::later(format!("the server answered {cause}"))),
            other => return Ok(other),
        }
    }
}

fn unexpected(said: &Said) -> SendError {
    SendError::Unreachable(format!("the server said what nobody asked for: {said:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_s_no_is_for_good_or_for_now() {
        assert_eq!(judge(br#"{"stream":"a","seq":7}"#), Ok(Answer("`a` has it at 7".to_owned())));
        let refused =
            judge(br#"{"error":{"code":400,"description":"message size exceeds maximum allowed"}}"#);
        assert!(matches!(refused, Err(SendError::Refused(cause)) if cause.contains("exceeds")));
        for body in [&br#"{"error":{"code":503,"description":"maximum messages exceeded"}}"#[..], b"", b"[]"]
        {
            assert!(matches!(judge(body), Err(SendError::Retry { .. })));
        }
    }
}
