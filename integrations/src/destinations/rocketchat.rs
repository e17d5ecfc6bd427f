//! Posts each alert to a Rocket.Chat incoming webhook.

use super::Section;
use super::chat::Message;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup};

const ORDER: &[&str] = &["rule", "priority", "source", "tags", "fields", "time", "hostname"];

keys! {
    /// The section `rocketchat`.
    pub(crate) struct Config {
        /// The incoming webhook's address.
        webhookurl: Secret = "",
        /// Unused: falcosidekick has the key, and no line below its messages to Rocket.Chat.
        footer: String = "",
        + message: Message,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "rocketchat";
    const ABOUT: &'static str = "Posts each alert to a Rocket.Chat incoming webhook.";
    const EXAMPLE: &'static str = "rocketchat:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        self.message.attachment(ORDER, setup.kinds)?.post(&self.webhookurl, &self.tls, setup)
    }
}
