//! Sends each alert to a Telegram chat, by a bot.

use std::time::Duration;

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, priority_name};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Section;
use super::chat::lines;
use super::post::Post;
use crate::http::Reply;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::cut;
use crate::{Answer, Integration, SendError, Setup, http};

const ORDER: &[&str] = &["time", "source", "hostname", "tags", "fields"];

/// Telegram takes 4096 characters of text: so many may be the output's, and so many all before it.
const OUTPUT_MAX: usize = 1500;
const LINES_MAX: usize = 2400;

keys! {
    /// The section `telegram`.
    pub(crate) struct Config {
        /// The bot's token.
        token: Secret = "",
        /// The chat's id.
        chatid: String = "",
        /// The topic within the chat, if it has topics: its number.
        messagethreadid: String = "",
        /// The same, as falcosidekick's documentation writes it.
        message_thread_id: String = "",
        /// Where Telegram's Bot API is.
        apiurl: String = "https://api.telegram.org",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "telegram";
    const ABOUT: &'static str = "Sends each alert to a Telegram chat.";
    const EXAMPLE: &'static str = "telegram:\n  token: T0KEN\n  chatid: -100200\n  apiurl: URL\n";

    fn is_on(&self) -> bool {
        !self.token.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        if self.chatid.is_empty() {
            return Err("`chatid` is missing".to_owned());
        }
        let path = format!("bot{}/sendMessage", self.token.reveal());
        let address = http::below("apiurl", &self.apiurl, &path)?;
        let (chat, thread, kinds) = (self.chatid.clone(), self.thread()?, setup.kinds);
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            let mut payload = payload(alert, &chat, kinds);
            if let Some(thread) = thread {
                payload["message_thread_id"] = thread.into();
            }
            payload.to_string()
        });
        Ok(post.checked(check).boxed())
    }
}

impl Config {
    fn thread(&self) -> Result<Option<u64>, String> {
        let text =
            if self.messagethreadid.is_empty() { &self.message_thread_id } else { &self.messagethreadid };
        let number = (!text.is_empty()).then(|| text.parse()).transpose();
        number.map_err(|_| format!("`messagethreadid: {text}` is no number"))
    }
}

fn payload(alert: &Alert, chat: &str, kinds: FieldKinds) -> Value {
    let (priority, rule) = (priority_name(alert.priority), cut(&alert.rule, 200));
    let mut text = format!("*\\[{priority}\\] {}*\n\n", escaped(&rule));
    let (mut room, mut left_out) = (LINES_MAX, 0);
    for line in lines(alert, kinds, ORDER) {
        let characters = line.name.chars().count() + line.value.chars().count() + 5;
        if characters > room {
            left_out += 1;
            continue;
        }
        room -= characters;
        text.push_str(&format!("• *{}*: {}\n", escaped(line.name), escaped(&line.value)));
    }
    if left_out > 0 {
        text.push_str(&format!("• and {left_out} fields more\n"));
    }
    text.push_str(&format!("\n*Output*: {}", escaped(&cut(&alert.output, OUTPUT_MAX))));
    json!({"chat_id": chat, "text": text, "parse_mode": "MarkdownV2", "disable_web_page_preview": true})
}

/// Text in which nothing is taken for Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// When to come again is in Telegram's body, not in a header.
fn check(reply: &Reply) -> Result<Answer, SendError> {
    let judged = reply.judge();
    if reply.status != StatusCode::TOO_MANY_REQUESTS {
        return judged;
    }
    let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let after = body["parameters"]["retry_after"].as_u64().map(Duration::from_secs);
    Err(SendError::Retry { after: after.or(reply.after), cause: reply.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegram_says_in_its_body_when_to_come_again() {
        let text = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#.to_owned();
        let reply = Reply { status: StatusCode::TOO_MANY_REQUESTS, after: None, text };
        let Err(SendError::Retry { after, .. }) = check(&reply) else { panic!("{reply:?}") };
        assert_eq!(after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_long_alert_has_a_text_that_telegram_takes() {
        let fields = (0..500).map(|number| (format!("proc.aname[{number}]"), "_*x".repeat(20)));
        let alert = Alert { output: "ö".repeat(9000), output_fields: fields.collect(), ..Alert::default() };
        let text = payload(&alert, "1", |_| cadge_proto::json::FieldKind::Text)["text"].to_string();
        // The limit holds for what is left when the Markdown is gone.
        let shown = text.replace('\\', "").chars().count();
        assert!((3500..4096).contains(&shown), "{shown}");
        assert!(text.contains("fields more"), "{text}");
    }
}
