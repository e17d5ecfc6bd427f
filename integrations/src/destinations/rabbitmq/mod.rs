//! Publishes alerts to RabbitMQ by AMQP 0.9.1. An alert counts as delivered once the broker has confirmed it; one that
//! no queue takes is refused.

mod address;
mod batch;
mod frame;
mod greeting;
mod inside;
mod publication;
mod said;
mod session;
mod waiting;

use std::collections::BTreeSet;

use cadge_proto::json::FieldKinds;
use cadge_proto::priority_name;
use futures_util::future::BoxFuture;

use self::address::Address;
use self::batch::Batch;
use self::publication::Publication;
use self::session::Session;
use super::Section;
use super::taken::Taken;
use crate::format::{canonical, uuid};
use crate::link::{Files, Link, Trust};
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::text::{cut, topic};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts that are on their way together.
const BATCH: usize = 200;

/// A name may have so many bytes.
const NAME_MAX: usize = 255;

/// A header may have so many characters: all fit into the smallest frame.
const HEADER_MAX: usize = 200;

keys! {
    /// The section `rabbitmq`.
    pub(crate) struct Config {
        /// The broker: `amqp://user:password@host:5672/vhost`, or `amqps://` with TLS. A `/` in a part is written `%2F`.
        url: Secret = "",
        /// The queue. Without `exchange` alerts go to it directly.
        queue: String = "",
        /// `classic` or `quorum`: the queue is made so, durable, if it is not there. Empty: what no queue takes is a dead
        /// letter.
        declarequeue: String = "",
        /// The exchange, in place of the queue alone.
        exchange: String = "",
        /// The routing key for the exchange. `<priority>` and `<rule>` stand for the alert's, in small letters with `_`
        /// between words. Empty: the queue's name.
        routingkey: String = "",
        /// Whether an alert that no queue takes is a dead letter. If not, the broker drops it.
        mandatory: bool = true,
        /// `plain`: by the user and the password of `url`. `external`: by the certificate of `mutualtls`.
        authmechanism: String = "plain",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "rabbitmq";
    const ABOUT: &'static str =
        "Publishes alerts to RabbitMQ, each confirmed by the broker and kept on its disk.";
    const EXAMPLE: &'static str = "rabbitmq:\n  url: amqp://ADDRESS\n  queue: falco\n";

    fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("declarequeue", &self.declarequeue, &["classic", "quorum"])?;
        one_of("authmechanism", &self.authmechanism, &["plain", "external"])?;
        for (key, name) in [("queue", &self.queue), ("exchange", &self.exchange)] {
            if name.len() > NAME_MAX {
                return Err(format!("`{key}` is longer than {NAME_MAX} bytes"));
            }
        }
        if self.exchange.is_empty() {
            if self.queue.is_empty() {
                return Err("`queue` or `exchange` is missing".to_owned());
            }
            if !self.routingkey.is_empty() {
                return Err("`routingkey` needs `exchange`: without one, alerts go to `queue`".to_owned());
            }
        } else if !self.declarequeue.is_empty() {
            return Err("`declarequeue` is of no use with `exchange`: nothing leads from there to the queue"
                .to_owned());
        }
        let address = Address::parse(self.url.reveal())?;
        if self.authmechanism == "external" && !(self.tls.mutualtls && address.is_encrypted) {
            return Err(
                "`authmechanism: external` needs `mutualtls: true` and an `amqps://` address".to_owned()
            );
        }
        let trust =
            address.is_encrypted.then(|| Trust::new(&self.tls, &Files::default(), setup)).transpose()?;
        let usual = if address.is_encrypted { 5671 } else { 5672 };
        let link = Link::new("url", &address.place, usual, trust)?;
        let (config, taken) = (self.clone(), Taken::default());
        Ok(Box::new(RabbitMq { link, address, config, kinds: setup.kinds, taken }))
    }
}

struct RabbitMq {
    link: Link<Session>,
    address: Address,
    config: Config,
    kinds: FieldKinds,
    taken: Taken,
}

impl Integration for RabbitMq {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let left = self.taken.left(alerts);
            if !left.is_empty() {
                self.publish(&left).await?;
            }
            self.taken.forget(alerts);
            Ok(Answer("the broker has confirmed it".to_owned()))
        })
    }

    fn give_up(&self, alerts: &[Delivery]) -> BTreeSet<u64> {
        self.taken.forget(alerts)
    }
}

impl RabbitMq {
    async fn publish(&self, alerts: &[&Delivery]) -> Result<(), SendError> {
        let publications: Vec<_> =
            alerts.iter().map(|delivery| self.publication(delivery)).collect::<Result<_, _>>()?;
        let mut session = self.link.idle_or(self.greet()).await?;
        let mut batch = Batch::new(alerts, &self.taken);
        session.publish(&publications, |place, fate| batch.settle(place, fate)).await?;
        self.link.keep(session);
        batch.outcome()
    }

    /// A new connection that the broker has accepted.
    async fn greet(&self) -> Result<Session, SendError> {
        let mechanism = if self.config.authmechanism == "external" { "EXTERNAL" } else { "PLAIN" };
        let mut session = Session::open(self.link.connect().await?, &self.address, mechanism).await?;
        if !self.config.declarequeue.is_empty() {
            session.declare(&self.config.queue, &self.config.declarequeue).await?;
        }
        Ok(session)
    }

    fn publication<'a>(&'a self, delivery: &'a Delivery) -> Result<Publication<'a>, SendError> {
        let (config, alert) = (&self.config, &*delivery.alert);
        let routing_key = if config.routingkey.is_empty() {
            config.queue.clone()
        } else {
            topic(&config.routingkey, alert)
        };
        if routing_key.len() > NAME_MAX {
            let bytes = routing_key.len();
            return Err(SendError::Refused(format!(
                "its routing key has {bytes} bytes: {NAME_MAX} are the most"
            )));
        }
        let headers = [
            ("rule", alert.rule.as_str()),
            ("priority", priority_name(alert.priority)),
            ("source", &alert.source),
            ("hostname", &alert.hostname),
        ];
        Ok(Publication {
            exchange: &config.exchange,
            routing_key,
            is_mandatory: config.mandatory,
            id: uuid(alert),
            time: alert.time.and_then(|time| time.seconds.try_into().ok()).unwrap_or_default(),
            headers: headers.map(|(name, text)| (name, cut(text, HEADER_MAX))),
            body: canonical(alert, self.kinds).trim_end().to_owned(),
        })
    }
}
