//! Posts each alert to a Mattermost incoming webhook.

use super::Section;
use super::chat::Message;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup};

const ORDER: &[&str] = &["rule", "hostname", "priority", "source", "tags", "fields", "time"];

keys! {
    /// The section `mattermost`.
    pub(crate) struct Config {
        /// The incoming webhook's address.
        webhookurl: Secret = "",
        /// The line below.
        footer: String = "",
        + message: Message,
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "mattermost";
    const ABOUT: &'static str = "Posts each alert to a Mattermost incoming webhook.";
    const EXAMPLE: &'static str = "mattermost:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let mut attachment = self.message.attachment(ORDER, setup.kinds)?;
        attachment.footer.clone_from(&self.footer);
        attachment.post(&self.webhookurl, &self.tls, setup)
    }
}
