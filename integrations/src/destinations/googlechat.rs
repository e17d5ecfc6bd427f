//! Posts each alert to a Google Chat space.

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use serde_json::{Value, json};

use super::Section;
use super::chat::{Line, lines, message_format};
use super::post::Post;
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::template::Template;
use crate::text::cut;
use crate::{Integration, Setup, http};

const ORDER: &[&str] = &["rule", "priority", "source", "hostname", "fields", "tags", "time"];

/// Characters of a text that Google Chat takes.
const TEXT_MAX: usize = 4096;

keys! {
    /// The section `googlechat`.
    pub(crate) struct Config {
        /// The space's webhook, with its key and token.
        webhookurl: Secret = "",
        /// What a message has: `all` or `text`.
        outputformat: String = "all",
        /// The text, as a Go template over the alert. Without it the text is the alert's output, which
        /// falcosidekick leaves out.
        messageformat: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "googlechat";
    const ABOUT: &'static str = "Posts each alert to a Google Chat space.";
    const EXAMPLE: &'static str = "googlechat:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("outputformat", &self.outputformat, &["all", "text"])?;
        let address = http::url("webhookurl", self.webhookurl.reveal())?;
        let message = message_format(&self.messageformat)?;
        let (with_card, kinds) = (self.outputformat != "text", setup.kinds);
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            payload(alert, message.as_ref(), with_card, kinds).to_string()
        });
        Ok(post.boxed())
    }
}

fn payload(alert: &Alert, message: Option<&Template>, with_card: bool, kinds: FieldKinds) -> Value {
    let text = message.map_or_else(|| alert.output.clone(), |template| template.render(alert, kinds));
    let mut payload = json!({"text": cut(&text, TEXT_MAX)});
    if with_card {
        let widget = |line: Line<'_>| json!({"keyValue": {"topLabel": line.name, "content": line.value}});
        let widgets: Vec<Value> = lines(alert, kinds, ORDER).into_iter().map(widget).collect();
        payload["cards"] = json!([{"sections": [{"widgets": widgets}]}]);
    }
    payload
}
