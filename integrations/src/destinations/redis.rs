//! Puts alerts into Redis: at the end of a list, or into a hash by their id.
//!
//! All alerts that are waiting go in one command, which Redis does wholly or not at all.

use cadge_proto::json::FieldKinds;
use futures_util::future::BoxFuture;

use super::Section;
use crate::format::{canonical, uuid};
use crate::link::{Connection, Files, Link, Trust};
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::{Answer, Delivery, Integration, SendError, Setup};

/// Alerts of one command.
const BATCH: usize = 500;

/// The beginnings of errors that another time is no cure for.
const FOR_GOOD: [&str; 2] = ["ERR", "WRONGTYPE"];

keys! {
    /// The section `redis`.
    pub(crate) struct Config {
        /// Where Redis is: `host:port`.
        address: String = "",
        /// The user, where Redis has several.
        username: String = "",
        /// The password.
        password: Secret = "",
        /// The number of the database.
        database: u32 = 0,
        /// `list`: each alert is appended. `hashmap`: each is a field of a hash, by its `uuid`.
        storagetype: String = "list",
        /// The name of the list or the hash.
        key: String = "falco",
        /// Whether the connection is encrypted.
        tls: bool = false,
        /// With `mutualtls`: the certificate to show, if not that of the common folder.
        certfile: String = "",
        /// With `mutualtls`: its key, if not that of the common folder.
        keyfile: String = "",
        /// An authority to trust besides the system's.
        cacertfile: String = "",
        /// Unused: what is needed is in every version of the protocol.
        version: u32 = 2,
        + certificates: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "redis";
    const ABOUT: &'static str = "Appends alerts to a list in Redis, or puts them into a hash.";
    const EXAMPLE: &'static str = "redis:\n  address: ADDRESS\n";

    fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("storagetype", &self.storagetype, &["list", "hashmap"])?;
        if self.password.is_empty() && !self.username.is_empty() {
            return Err("`username` needs `password`".to_owned());
        }
        let files = Files { certificate: &self.certfile, key: &self.keyfile, authority: &self.cacertfile };
        let trust = if self.tls { Some(Trust::new(&self.certificates, &files, setup)?) } else { None };
        let link = Link::new("address", &self.address, 6379, trust)?;
        Ok(Box::new(Redis { link, config: self.clone(), kinds: setup.kinds }))
    }
}

struct Redis {
    link: Link,
    config: Config,
    kinds: FieldKinds,
}

impl Integration for Redis {
    fn batch(&self) -> usize {
        BATCH
    }

    fn send<'a>(&'a self, alerts: &'a [Delivery]) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let mut connection = self.link.idle_or(self.greet()).await?;
            let reply = ask(&mut connection, &self.store(alerts)).await?;
            self.link.keep(connection);
            match reply {
                Ok(text) => Ok(Answer(format!("it answered {text}"))),
                Err(cause) if FOR_GOOD.contains(&cause.split(' ').next().unwrap_or_default()) => {
                    Err(SendError::Refused(format!("it answered {cause}")))
                }
                Err(cause) => Err(SendError::later(format!("it answered {cause}"))),
            }
        })
    }
}

impl Redis {
    /// A new connection, with its user and database.
    async fn greet(&self) -> Result<Connection, SendError> {
        let mut connection = self.link.connect().await?;
        let (user, password) = (self.config.username.as_str(), self.config.password.reveal());
        let database = self.config.database.to_string();
        let mut commands = Vec::new();
        match (user, password) {
            (_, "") => {}
            ("", password) => commands.push(vec!["AUTH", password]),
            (user, password) => commands.push(vec!["AUTH", user, password]),
        }
        if self.config.database > 0 {
            commands.push(vec!["SELECT", &database]);
        }
        for words in commands {
            ask(&mut connection, &command(&words))
                .await?
                .map_err(|cause| SendError::later(format!("it answered {cause}")))?;
        }
        Ok(connection)
    }

    /// The command that stores alerts.
    fn store(&self, alerts: &[Delivery]) -> Vec<u8> {
        let is_hash = self.config.storagetype == "hashmap";
        let mut words = vec![if is_hash { "HSET" } else { "RPUSH" }.to_owned(), self.config.key.clone()];
        for delivery in alerts {
            if is_hash {
                words.push(uuid(&delivery.alert));
            }
            words.push(canonical(&delivery.alert, self.kinds).trim_end().to_owned());
        }
        command(&words)
    }
}

/// A command as Redis reads it: the number of its words, and each with its length.
fn command(words: &[impl AsRef<str>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Sends a command that is answered with one line: what it says, or the error that it is.
async fn ask(connection: &mut Connection, command: &[u8]) -> Result<Result<String, String>, SendError> {
    connection.write(command).await?;
    let line = connection.line().await?;
    reply(&line).ok_or_else(|| SendError::Unreachable("what answered is no Redis".to_owned()))
}

fn reply(line: &str) -> Option<Result<String, String>> {
    match line.split_at_checked(1)? {
        ("+" | ":", text) => Some(Ok(text.to_owned())),
        ("-", text) => Some(Err(text.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_has_lengths_in_bytes() {
        assert_eq!(command(&["RPUSH", "ä\r\n"]), "*2\r\n$5\r\nRPUSH\r\n$4\r\nä\r\n\r\n".as_bytes());
    }

    proptest! {
        #[test]
        fn any_line_is_a_reply_or_none(line in ".*") {
            let known = line.starts_with(['+', ':', '-']);
            prop_assert_eq!(reply(&line).is_some(), known);
        }
    }
}
