//! Posts each alert to a Mattermost incoming webhook.

use super::Section;
use super::chat::{Attachment, message_format, one_of};
use super::post::Post;
use crate::settings::{Common, Secret, Tls, keys};
use crate::{Integration, Setup, http};

const ORDER: &[&str] = &["rule", "hostname", "priority", "source", "tags", "fields", "time"];

keys! {
    /// The section `mattermost`.
    pub(crate) struct Config {
        /// The incoming webhook's address.
        webhookurl: Secret = "",
        /// The name under which it posts.
        username: String = "Cadge",
        /// The picture's address.
        icon: String = "",
        /// The line below.
        footer: String = "",
        /// What a message has: `all`, `text` or `fields`.
        outputformat: String = "all",
        /// A text above, as a Go template over the alert, such as `{{ .Rule }} on {{ .Hostname }}`.
        messageformat: String = "",
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
        one_of("outputformat", &self.outputformat, &["all", "text", "fields"])?;
        let attachment = Attachment {
            username: self.username.clone(),
            icon: self.icon.clone(),
            channel: String::new(),
            footer: self.footer.clone(),
            outputformat: self.outputformat.clone(),
            message: message_format(&self.messageformat)?,
            order: ORDER,
            kinds: setup.kinds,
        };
        let address = http::url("webhookurl", self.webhookurl.reveal())?;
        let client = http::client(&self.tls, setup)?;
        Ok(Post::new(client, address, move |alert| attachment.payload(alert)).boxed())
    }
}
