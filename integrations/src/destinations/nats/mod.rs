//! Publishes alerts to NATS: to `JetStream`, which acknowledges each and knows one that comes again, or to whoever
//! is subscribed.

mod answer;
mod wire;

use std::collections::BTreeSet;

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;
use serde_json::Value;

use self::answer::{acknowledged, ponged};
use self::wire::Said;
use super::Section;
use super::taken::Taken;
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
        let greeting = wire::greeting(who);
        let (config, kinds, taken) = (self.clone(), setup.kinds, Taken::default());
        Ok(Box::new(Nats { link, encrypted, greeting, config, kinds, taken }))
    }
}

struct Nats {
    link: Link,
    encrypted: bool,
    greeting: String,
    config: Config,
    kinds: FieldKinds,
    taken: Taken,
}

impl Integration for Nats {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let left = self.taken.left(alerts);
            let mut outcome = Ok(Answer("the server has it".to_owned()));
            if !left.is_empty() {
                let mut connection = self.link.idle_or(self.greet()).await?;
                connection.write(&self.lines(&left)).await?;
                if self.config.jetstream {
                    outcome = self.settle(&mut connection, &left).await?;
                } else {
                    ponged(&mut connection).await?;
                }
                self.link.keep(connection);
            }
            if outcome.is_ok() {
                self.taken.forget(alerts);
            }
            outcome
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}

impl Nats {
    /// A new connection that the server has accepted.
    async fn greet(&self) -> Result<Connection, SendError> {
        let mut connection = self.link.connect_plain().await?;
        let info = wire::read(&mut connection).await?;
        let Said::Info(info) = info else { return Err(wire::no_server().into()) };
        if !self.encrypted && info["tls_required"] == Value::Bool(true) {
            return Err(SendError::later("the server wants TLS: `hostport` begins with `tls://` then"));
        }
        let mut connection = self.link.encrypt(connection).await?;
        connection.write(self.greeting.as_bytes()).await?;
        ponged(&mut connection).await?;
        Ok(connection)
    }

    /// Waits for the acknowledgement of each. Those that a stream has are not published again with the others; what may
    /// go well another time is tried before the rest is given up.
    async fn settle(
        &self,
        connection: &mut Connection,
        alerts: &[&Delivery],
    ) -> Result<Result<Answer, SendError>, SendError> {
        let mut outcome = Ok(Answer::default());
        let mut waiting: BTreeSet<usize> = (0..alerts.len()).collect();
        while !waiting.is_empty() {
            let (place, fate) = acknowledged(connection, &self.config.subjecttemplate).await?;
            waiting.remove(&place);
            outcome = match (outcome, fate) {
                (outcome, Ok(answer)) => {
                    self.taken.keep(alerts.get(place).map(|delivery| delivery.position));
                    outcome.map(|_| answer)
                }
                (Err(error @ SendError::Retry { .. }), _) | (_, Err(error)) => Err(error),
            };
        }
        Ok(outcome)
    }

    /// Everything to write for alerts.
    fn lines(&self, alerts: &[&Delivery]) -> Vec<u8> {
        let mut lines = Vec::new();
        let inbox = format!("_INBOX.cadge{:016x}", rand::random::<u64>());
        if self.config.jetstream {
            // It ends by itself, with the last acknowledgement.
            wire::subscribe(&inbox, SUBSCRIPTION, alerts.len(), &mut lines);
        }
        for (place, Delivery { alert, .. }) in alerts.iter().enumerate() {
            let subject = topic(&self.config.subjecttemplate, alert);
            let body = canonical(alert, self.kinds);
            let body = body.trim_end().as_bytes();
            if self.config.jetstream {
                wire::publish_known(&subject, (&inbox, place), &uuid(alert), body, &mut lines);
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
}
