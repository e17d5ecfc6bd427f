//! Posts each alert to a Microsoft Teams incoming webhook.

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::Section;
use super::chat::{Line, lines};
use super::post::Post;
use crate::http::Reply;
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::text::{by_priority, go_time};
use crate::{Answer, Integration, SendError, Setup, http};

/// Colours by priority, most urgent first. falcosidekick's.
const COLOURS: [&str; 8] = ["e20b0b", "ff5400", "ff9000", "ffc700", "ffff00", "5bffb5", "68c2ff", "ccfff2"];

const ORDER: &[&str] = &["rule", "priority", "source", "hostname", "fields", "tags"];

/// What stands before the status when Teams answers 200 and means something else.
const HIDDEN_STATUS: &str = "returned HTTP error ";

keys! {
    /// The section `teams`.
    pub(crate) struct Config {
        /// The incoming webhook's address.
        webhookurl: Secret = "",
        /// The picture's address.
        activityimage: String = "",
        /// What a message has: `all`, `text` or `facts`.
        outputformat: String = "all",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "teams";
    const ABOUT: &'static str = "Posts each alert to a Microsoft Teams incoming webhook.";
    const EXAMPLE: &'static str = "teams:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("outputformat", &self.outputformat, &["all", "text", "facts"])?;
        let address = http::url("webhookurl", self.webhookurl.reveal())?;
        let (config, kinds) = (self.clone(), setup.kinds);
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            config.payload(alert, kinds).to_string()
        });
        Ok(post.checked(check).boxed())
    }
}

impl Config {
    fn payload(&self, alert: &Alert, kinds: FieldKinds) -> Value {
        let mut section = Map::new();
        section.insert("activityTitle".to_owned(), "Cadge".into());
        section.insert("activitySubtitle".to_owned(), go_time(alert).into());
        if !self.activityimage.is_empty() {
            section.insert("activityImage".to_owned(), self.activityimage.clone().into());
        }
        if self.outputformat != "facts" {
            section.insert("text".to_owned(), alert.output.clone().into());
        }
        if self.outputformat != "text" {
            let facts = lines(alert, kinds, ORDER);
            let fact = |line: Line<'_>| json!({"name": line.name, "value": line.value});
            section.insert("facts".to_owned(), facts.into_iter().map(fact).collect());
        }
        json!({
            "@type": "MessageCard",
            "summary": alert.output,
            "themeColor": by_priority(alert, &COLOURS),
            "sections": [section],
        })
    }
}

/// Teams answers 200 with the text of an error, such as `endpoint returned HTTP error 429`.
fn check(reply: &Reply) -> Result<Answer, SendError> {
    let answer = reply.judge()?;
    let hidden = reply.text.split_once(HIDDEN_STATUS).and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    match hidden.and_then(|number: u16| StatusCode::from_u16(number).ok()) {
        None => Ok(answer),
        Some(status) => Reply { status, after: reply.after, text: reply.text.clone() }.judge(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_behind_a_status_of_200_is_one() {
        let reply = |text: &str| Reply { status: StatusCode::OK, after: None, text: text.to_owned() };
        let failed = |status: u16| {
            check(&reply(&format!(
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with ContextId x"
            )))
        };
        assert!(check(&reply("1")).is_ok());
        assert!(matches!(failed(429), Err(SendError::Retry { .. })));
        assert!(matches!(failed(413), Err(SendError::Refused(_))));
        assert!(check(&reply("returned HTTP error ö")).is_ok());
    }
}
