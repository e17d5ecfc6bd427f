//! The lines of NATS that a publisher writes and reads.

use std::io;

use serde_json::{Value, json};

use crate::link::Connection;

/// An acknowledgement has at most so many bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What a server says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// About itself.
    Info(Value),
    /// To a place of an inbox: an acknowledgement, or a status alone.
    Answer {
        place: usize,
        status: Option<u16>,
        body: Vec<u8>,
    },
    Ping,
    Pong,
    Well,
    Error(String),
}

/// A line, of which some have something behind them: so many bytes of headers, so many with the body, which is for a
/// place of an inbox.
#[derive(Debug, PartialEq)]
enum Line {
    Whole(Said),
    Begun { place: usize, headers: usize, all: usize },
}

/// What a client says first, and a ping: who it is, and that it does not want each line confirmed.
pub(super) fn greeting(who: &str) -> String {
    let mut about = json!({
        "name": "cadge", "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "protocol": 1,
        "verbose": false, "pedantic": false, "headers": true, "no_responders": true,
    });
    match who.split_once(':') {
        Some((user, password)) => {
            about["user"] = user.into();
            about["pass"] = password.into();
        }
        None if !who.is_empty() => about["auth_token"] = who.into(),
        None => {}
    }
    format!("CONNECT {about}\r\nPING\r\n")
}

/// Asks for so many answers to the places of an inbox.
pub(super) fn subscribe(inbox: &str, id: &str, answers: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("SUB {inbox}.* {id}\r\nUNSUB {id} {answers}\r\n").as_bytes());
}

/// Publishes to whoever is subscribed.
pub(super) fn publish(subject: &str, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("PUB {subject} {}\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}

/// Publishes to a stream that answers to an inbox's place, and that knows the id when it comes again.
pub(super) fn publish_known(
    subject: &str,
    (inbox, place): (&str, usize),
    id: &str,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    let headers = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
    let all = headers.len() + body.len();
    let begin = format!("HPUB {subject} {inbox}.{place} {} {all}\r\n{headers}", headers.len());
    out.extend_from_slice(begin.as_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}

/// Reads what the server says next.
pub(super) async fn read(connection: &mut Connection) -> io::Result<Said> {
    match parse(&connection.line().await?).ok_or_else(no_server)? {
        Line::Whole(said) => Ok(said),
        Line::Begun { place, headers, all } => {
            let mut bytes = vec![0; all + 2];
            connection.fill(&mut bytes).await?;
            let status = status(&bytes[..headers]);
            Ok(Said::Answer { place, status, body: bytes[headers..all].to_vec() })
        }
    }
}

pub(super) fn no_server() -> io::Error {
    io::Error::other("what answered is no NATS server")
}

fn parse(line: &str) -> Option<Line> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let said = match word.to_ascii_uppercase().as_str() {
        "INFO" => Said::Info(serde_json::from_str(rest).ok()?),
        "PING" => Said::Ping,
        "PONG" => Said::Pong,
        "+OK" => Said::Well,
        "-ERR" => Said::Error(rest.to_owned()),
        kind @ ("MSG" | "HMSG") => {
            let mut numbers = rest.split_ascii_whitespace().rev().map_while(|word| word.parse().ok());
            let all = numbers.next().filter(|all| *all <= ANSWER_BYTES_MAX)?;
            let headers = if kind == "MSG" { 0 } else { numbers.next()? };
            let place = rest.split(' ').next()?.rsplit('.').next()?.parse().ok()?;
            return (headers <= all).then_some(Line::Begun { place, headers, all });
        }
        _ => return None,
    };
    Some(Line::Whole(said))
}

/// The status in the first line of headers, if there is one: `NATS/1.0 503`.
fn status(headers: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(headers).ok()?.lines().next()?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_as_the_protocol_has_them() {
        let mut out = Vec::new();
        subscribe("_INBOX.a", "1", 2, &mut out);
        publish("a.b", "ä".as_bytes(), &mut out);
        publish_known("a.b", ("_INBOX.a", 1), "7", b"x", &mut out);
        let expected = "SUB _INBOX.a.* 1\r\nUNSUB 1 2\r\nPUB a.b 2\r\nä\r\n\
            HPUB a.b _INBOX.a.1 28 29\r\nNATS/1.0\r\nNats-Msg-Id: 7\r\n\r\nx\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(parse("MSG _INBOX.a.7 1 5"), Some(Line::Begun { place: 7, headers: 0, all: 5 }));
        assert_eq!(parse("HMSG _INBOX.a.0 1 16 16"), Some(Line::Begun { place: 0, headers: 16, all: 16 }));
        for line in [
            "HMSG a.1 1 7 6",
            "MSG a.1 1 100000",
            "MSG a 1 5",
            "MSG a.x 1 5",
            "MSG",
            "HMSG x",
            "INFO {",
            "HTTP/1.1 400 no",
            "",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
        assert_eq!(status(b"NATS/1.0 503\r\n\r\n"), Some(503));
        assert_eq!((status(b"NATS/1.0\r\n\r\n"), status(b"")), (None, None));
    }

    proptest! {
        #[test]
        fn any_line_is_something_or_nothing(line in "(INFO|MSG|HMSG|-ERR|PING)?.*", headers: Vec<u8>) {
            if let Some(Line::Begun { headers, all, .. }) = parse(&line) {
                prop_assert!(headers <= all && all <= ANSWER_BYTES_MAX);
            }
            status(&headers);
        }
    }
}
