//! Sends each alert to a Gotify server.

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use reqwest::header::HeaderName;
use serde_json::{Value, json};

use super::Section;
use super::chat::lines;
use super::post::Post;
use crate::format::canonical;
use crate::settings::{Common, Secret, Tls, keys, one_of};
use crate::text::by_priority;
use crate::{Integration, Setup, http};

const ORDER: &[&str] = &["rule", "priority", "source", "hostname", "tags", "time", "fields"];

/// Gotify's priorities by ours, most urgent first. From 8 on a phone makes a noise.
const PRIORITIES: [u8; 8] = [10, 9, 8, 7, 5, 3, 1, 0];

keys! {
    /// The section `gotify`.
    pub(crate) struct Config {
        /// Where the server is, such as `https://gotify:8080`.
        hostport: String = "",
        /// The application's token.
        token: Secret = "",
        /// What a message is: `markdown`, `plaintext` or `json`.
        format: String = "markdown",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "gotify";
    const ABOUT: &'static str = "Sends each alert to a Gotify server.";
    const EXAMPLE: &'static str = "gotify:\n  hostport: URL\n  token: T0KEN\n  format: plaintext\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        one_of("format", &self.format, &["markdown", "plaintext", "json"])?;
        let address = http::below("hostport", &self.hostport, "message")?;
        let (format, kinds) = (self.format.clone(), setup.kinds);
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            payload(alert, &format, kinds).to_string()
        });
        // In a header: an address is written into logs.
        let name = HeaderName::from_static("x-gotify-key");
        Ok(post.header(name, "token", self.token.reveal())?.boxed())
    }
}

fn payload(alert: &Alert, format: &str, kinds: FieldKinds) -> Value {
    let message = match format {
        "json" => canonical(alert, kinds).trim_end().to_owned(),
        "plaintext" => text(alert, kinds, |name, value| format!("{name}: {value}")),
        // As code: nothing in it is taken for Markdown.
        _ => text(alert, kinds, |name, value| format!("- **{name}**: `{}`", value.replace('`', "'"))),
    };
    let kind = if ["plaintext", "json"].contains(&format) { "text/plain" } else { "text/markdown" };
    json!({
        "title": alert.rule,
        "priority": by_priority(alert, &PRIORITIES),
        "message": message,
        "extras": {"client::display": {"contentType": kind}},
    })
}

fn text(alert: &Alert, kinds: FieldKinds, line: impl Fn(&str, &str) -> String) -> String {
    let found = lines(alert, kinds, ORDER);
    let lines = found.iter().map(|found| line(found.name, &found.value));
    lines.chain([line("output", &alert.output)]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_alert_is_taken_for_markdown() {
        let alert = Alert { rule: "R".to_owned(), output: "a `b` **c**".to_owned(), ..Alert::default() };
        let kinds = |_: &str| cadge_proto::json::FieldKind::Text;
        let found = payload(&alert, "markdown", kinds);
        let message = found["message"].as_str().unwrap();
        assert!(message.ends_with("- **output**: `a 'b' **c**`"), "{message}");
        assert_eq!(found["extras"]["client::display"]["contentType"], "text/markdown");
        assert_eq!(payload(&alert, "json", kinds)["message"].as_str().unwrap().chars().next(), Some('{'));
    }
}
