//! Posts each alert to a Slack incoming webhook.

use super::Section;
use super::chat::Message;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup};

const ORDER: &[&str] = &["rule", "priority", "source", "hostname", "tags", "fields", "time"];

keys! {
    /// The section `slack`.
    pub(crate) struct Config {
        /// The incoming webhook's address.
        webhookurl: Secret = "",
        /// The channel, if it is not the webhook's own.
        channel: String = "",
        /// The line below.
        footer: String = "",
        + message: Message,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "slack";
    const ABOUT: &'static str = "Posts each alert to a Slack incoming webhook.";
    const EXAMPLE: &'static str = "slack:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let mut attachment = self.message.attachment(ORDER, setup.kinds)?;
        (attachment.channel, attachment.footer) = (self.channel.clone(), self.footer.clone());
        attachment.post(&self.webhookurl, &self.tls, setup)
    }
}
