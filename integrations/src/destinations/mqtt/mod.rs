//! Publishes alerts by MQTT 3.1.1, and waits until the broker has acknowledged each.

mod packet;

use std::collections::HashSet;
use std::io;

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;

use self::packet::{Answered, Publish};
use super::Section;
use crate::format::canonical;
use crate::link::{self, Connection, Files, Link, Trust};
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts that are on their way together.
const BATCH: usize = 200;

/// With quality of service 2: what Mosquitto has under way by default. It does not keep the order of more.
const BATCH_ONCE: usize = 20;

keys! {
    /// The section `mqtt`.
    pub(crate) struct Config {
        /// The broker, such as `tcp://mosquitto:1883`, or `ssl://` with TLS.
        broker: String = "",
        /// The topic.
        topic: String = "falco/events",
        /// Quality of service: 1, or 2 for brokers and subscribers that keep each alert apart from its repetition. With 0
        /// the broker promises nothing.
        qos: u16 = 1,
        /// Whether the broker keeps the last alert for whoever subscribes later.
        retained: bool = false,
        /// The user.
        user: String = "",
        /// Its password.
        password: Secret = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "mqtt";
    const ABOUT: &'static str = "Publishes alerts to an MQTT broker, each acknowledged.";
    const EXAMPLE: &'static str = "mqtt:\n  broker: tcp://ADDRESS\n";

    fn is_on(&self) -> bool {
        !self.broker.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let qos = u8::try_from(self.qos).ok().filter(|qos| *qos <= 2);
        let qos = qos.ok_or_else(|| format!("`qos: {}` is none of 0, 1, 2", self.qos))?;
        if self.topic.is_empty() || self.topic.contains(['#', '+', '\0']) {
            return Err("`topic` is empty, or for subscribers: it has `#` or `+` in it".to_owned());
        }
        if self.user.is_empty() && !self.password.is_empty() {
            return Err("`password` needs `user`".to_owned());
        }
        for (key, text) in
            [("topic", self.topic.as_str()), ("user", &self.user), ("password", self.password.reveal())]
        {
            u16::try_from(text.len()).map_err(|_| format!("`{key}` is longer than 65535 bytes"))?;
        }
        let (address, encrypted) =
            link::scheme("broker", &self.broker, &["tcp", "mqtt"], &["ssl", "tls", "mqtts"])?;
        let trust = if encrypted { Some(Trust::new(&self.tls, &Files::default(), setup)?) } else { None };
        let link = Link::new("broker", address, if encrypted { 8883 } else { 1883 }, trust)?;
        Ok(Box::new(Mqtt { link, qos, config: self.clone(), kinds: setup.kinds }))
    }
}

struct Mqtt {
    link: Link,
    qos: u8,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Mqtt {
    fn batch(&self) -> usize {
        if self.qos == 2 { BATCH_ONCE } else { BATCH }
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut connection = self.link.idle_or(self.greet()).await?;
            let (packets, waiting) = self.packets(alerts)?;
            connection.write(&packets).await?;
            acknowledged(&mut connection, waiting).await?;
            self.link.keep(connection);
            Ok(Answer("the broker has it".to_owned()))
        })
    }
}

impl Mqtt {
    /// A new connection that the broker has accepted.
    async fn greet(&self) -> Result<Connection, SendError> {
        let mut connection = self.link.connect().await?;
        // Brokers close the older one of two connections with the same id.
        let id = format!("cadge{:08x}", rand::random::<u32>());
        let greeting = packet::connect(&id, &self.config.user, self.config.password.reveal());
        connection.write(&greeting).await?;
        match packet::read(&mut connection).await? {
            Answered::Connected(0) => Ok(connection),
            Answered::Connected(code) => {
                let cause = format!("the broker refuses the connection: {}", packet::refusal(code));
                Err(SendError::later(cause))
            }
            other => Err(unexpected(other).into()),
        }
    }

    /// What to write for alerts, and the ids whose end is to be waited for.
    fn packets(&self, alerts: &[Delivery]) -> Result<(Vec<u8>, HashSet<u16>), SendError> {
        let (mut packets, mut waiting) = (Vec::new(), HashSet::new());
        for (id, delivery) in (1..).zip(alerts) {
            let body = canonical(&delivery.alert, self.kinds);
            let publish = Publish {
                topic: &self.config.topic,
                qos: self.qos,
                retained: self.config.retained,
                id,
                body: body.trim_end().as_bytes(),
            };
            let too_large = || SendError::Refused("it is too large for MQTT".to_owned());
            publish.push(&mut packets).ok_or_else(too_large)?;
            if self.qos > 0 {
                waiting.insert(id);
            }
        }
        // What answers a ping has read all that was before it.
        if self.qos == 0 {
            packets.extend_from_slice(&packet::PING);
        }
        Ok((packets, waiting))
    }
}

/// Waits until the broker has answered for every id, or the ping where there is none.
async fn acknowledged(connection: &mut Connection, mut waiting: HashSet<u16>) -> io::Result<()> {
    loop {
        match packet::read(connection).await? {
            Answered::Pong if waiting.is_empty() => return Ok(()),
            Answered::Done(id) if waiting.remove(&id) => {
                if waiting.is_empty() {
                    return Ok(());
                }
            }
            // It has not got it twice, and may forget the id now.
            Answered::Received(id) if waiting.contains(&id) => connection.write(&packet::release(id)).await?,
            other => return Err(unexpected(other)),
        }
    }
}

fn unexpected(answered: Answered) -> io::Error {
    io::Error::other(format!("the broker answered what nobody asked for: {answered:?}"))
}
