//! Publishes alerts to NATS: to `JetStream`, which acknowledges each and knows one that comes again, or to whoever
//! is subscribed.

mod wire;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use self::wire::Said;
use super::Section;
use crate::format::{canonical, uuid};
use crate::link::{self, Connection, Files, Link, Trust};
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::topic;
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts that are on their way together.
const BATCH: usize = 200;

/// What is asked for before the alerts: their acknowledgements come under one subscription.
const SUBSCRIPTION: &str = "1";

keys! {
    /// The section `nats`.
    pub(crate) struct Config {
        /// The server, such as `nats://nats:4222`, or `tls://` with TLS. Before the host there may be `user:password@` or
        /// `token@`, as they are.
        hostport: Secret = "",
        /// The subject. `<priority>` and `<rule>` stand for the alert's, in small letters with `_` between words.
        subjecttemplate: String = "falco.<priority>.<rule>",
        /// Whether a stream of `JetStream` has the subjects, and is to acknowledge each alert. If not, an alert that nobody
        /// is subscribed to is lost.
        jetstream: bool = true,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "nats";
    const ABOUT: &'static str = "Publishes alerts to NATS, where a stream of JetStream acknowledges each.";
    const EXAMPLE: &'static str = "nats:\n  hostport: nats://ADDRESS\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let example = topic(&self.subjecttemplate, &Alert::default());
        let is_token = |token: &str| !token.is_empty() && !token.contains(['*', '>', '<']);
        if !example.split('.').all(is_token)
            || example.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            let problem = "is no subject: it is words with `.` between them";
            return Err(format!("`subjecttemplate: {}` {problem}", self.subjecttemplate));
        }
        let (address, encrypted) = link::scheme("hostport", self.hostport.reveal(), &["nats"], &["tls"])?;
        let trust = if encrypted { Some(Trust::new(&self.tls, &Files::default(), setup)?) } else { None };
        let (who, address) = address.rsplit_once('@').unwrap_or(("", address));
        let link = Link::new("hostport", address, 4222, trust)?;
        let greeting = greeting(who);
        Ok(Box::new(Nats { link, encrypted, greeting, config: self.clone(), kinds: setup.kinds }))
    }
}

/// What a client says first, and a ping: who it is, and that it does not want each line confirmed.
fn greeting(who: &str) -> String {
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

struct Nats {
    link: Link,
    encrypted: bool,
    greeting: String,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Nats {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut connection = self.link.idle_or(self.greet()).await?;
            connection.write(&self.lines(alerts)).await?;
            let answer = if self.config.jetstream {
                let mut answer = Answer::default();
                for _ in alerts {
                    answer = self.acknowledged(&mut connection).await?;
                }
                answer
            } else {
                ponged(&mut connection).await?;
                Answer("the server has it".to_owned())
            };
            self.link.keep(connection);
            Ok(answer)
        })
    }
}

impl Nats {
    /// A new connection that the server has accepted.
    async fn greet(&self) -> Result<Connection, SendError> {
        let mut connection = self.link.connect_plain().await?;
        let info = wire::read(&mut connection).await?;
        let Said::Info(info) = info else { return Err(wire::no_server().into()) };
        if !self.encrypted && info["tls_required"] == Value::Bool(true) {
            return Err(later("the server wants TLS: `hostport` begins with `tls://` then"));
        }
        let mut connection = self.link.encrypt(connection).await?;
        connection.write(self.greeting.as_bytes()).await?;
        ponged(&mut connection).await?;
        Ok(connection)
    }

    /// Everything to write for alerts.
    fn lines(&self, alerts: &[Delivery]) -> Vec<u8> {
        let mut lines = Vec::new();
        let inbox = format!("_INBOX.cadge{:016x}", rand::random::<u64>());
        if self.config.jetstream {
            // It ends by itself, with the last acknowledgement.
            wire::subscribe(&inbox, SUBSCRIPTION, alerts.len(), &mut lines);
        }
        for Delivery { alert, .. } in alerts {
            let subject = topic(&self.config.subjecttemplate, alert);
            let body = canonical(alert, self.kinds);
            let body = body.trim_end().as_bytes();
            if self.config.jetstream {
                wire::publish_known(&subject, &inbox, &uuid(alert), body, &mut lines);
            } else {
                wire::publish(&subject, body, &mut lines);
            }
        }
        if !self.config.jetstream {
            // What answers a ping has read all that was before it.
            lines.extend_from_slice(b"PING\r\n");
        }
        lines
    }

    /// Waits for the next acknowledgement.
    async fn acknowledged(&self, connection: &mut Connection) -> Result<Answer, SendError> {
        match said(connection).await? {
            Said::Answer { status: Some(503), .. } => {
                let subjects = &self.config.subjecttemplate;
                let way = "add one, or set `jetstream: false`";
                Err(later(&format!("no stream has the subjects `{subjects}`: {way}")))
            }
            Said::Answer { body, .. } => judge(&body),
            other => Err(SendError::Unreachable(format!("the server said what nobody asked for: {other:?}"))),
        }
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
        _ => Err(later(&cause)),
    }
}

/// Waits for the answer to a ping.
async fn ponged(connection: &mut Connection) -> Result<(), SendError> {
    match said(connection).await? {
        Said::Pong => Ok(()),
        other => Err(SendError::Unreachable(format!("the server said what nobody asked for: {other:?}"))),
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
            Said::Error(cause) => return Err(later(&format!("the server answered {cause}"))),
            other => return Ok(other),
        }
    }
}

fn later(cause: &str) -> SendError {
    SendError::Retry { after: None, cause: cause.to_owned() }
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
