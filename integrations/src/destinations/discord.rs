//! Posts each alert to a Discord webhook, within Discord's limits.

use cadge_proto::Alert;
use cadge_proto::json::FieldKinds;
use serde_json::{Map, Value, json};

use super::Section;
use super::chat::lines;
use super::post::Post;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::{by_priority, cut};
use crate::{Integration, Setup, http};

/// Colours by priority, most urgent first. falcosidekick's, and as text, as it sends them.
const COLOURS: [&str; 8] =
    ["15158332", "11027200", "15105570", "15844367", "12745742", "3066993", "3447003", "12370112"];

const ORDER: &[&str] = &["rule", "priority", "source", "hostname", "tags", "time", "fields"];

/// Discord refuses an embed with more fields, with longer parts, or with more characters in all. Of the latter
/// some are left for the line below.
const FIELDS_MAX: usize = 25;
const DESCRIPTION_MAX: usize = 2048;
const NAME_MAX: usize = 256;
const VALUE_MAX: usize = 1000;
const CHARACTERS_MAX: usize = 5900;

keys! {
    /// The section `discord`.
    pub(crate) struct Config {
        /// The webhook's address.
        webhookurl: Secret = "",
        /// The picture's address.
        icon: String = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "discord";
    const ABOUT: &'static str = "Posts each alert to a Discord webhook.";
    const EXAMPLE: &'static str = "discord:\n  webhookurl: URL\n";

    fn is_on(&self) -> bool {
        !self.webhookurl.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let address = http::url("webhookurl", self.webhookurl.reveal())?;
        let (icon, kinds) = (self.icon.clone(), setup.kinds);
        let post = Post::new(http::client(&self.tls, setup)?, address, move |alert| {
            payload(alert, &icon, kinds).to_string()
        });
        Ok(post.boxed())
    }
}

fn payload(alert: &Alert, icon: &str, kinds: FieldKinds) -> Value {
    let description = cut(&alert.output, DESCRIPTION_MAX);
    let mut embed = Map::new();
    let (fields, left_out) = fields(alert, kinds, CHARACTERS_MAX - description.chars().count());
    embed.insert("title".to_owned(), "".into());
    embed.insert("url".to_owned(), "".into());
    embed.insert("description".to_owned(), description.into());
    embed.insert("color".to_owned(), by_priority(alert, &COLOURS).into());
    embed.insert("fields".to_owned(), fields.into());
    if left_out > 0 {
        embed.insert("footer".to_owned(), json!({"text": format!("and {left_out} fields more")}));
    }
    let mut payload = Map::new();
    payload.insert("content".to_owned(), "".into());
    if !icon.is_empty() {
        payload.insert("avatar_url".to_owned(), icon.into());
    }
    payload.insert("embeds".to_owned(), json!([embed]));
    payload.into()
}

/// The fields that fit, and how many do not. What every alert has comes first, so that it is always there.
fn fields(alert: &Alert, kinds: FieldKinds, mut room: usize) -> (Vec<Value>, usize) {
    let all = lines(alert, kinds, ORDER);
    let count = all.len();
    let mut fields = Vec::new();
    for line in all.into_iter().take(FIELDS_MAX) {
        let name = cut(line.name, NAME_MAX);
        let value = cut(&line.value, VALUE_MAX);
        // Backquotes would end the block in which the value stands.
        let value =
            if line.is_field { format!("```{}```", value.replace("```", "'''")) } else { value.into_owned() };
        let characters = name.chars().count() + value.chars().count();
        if characters > room {
            break;
        }
        room -= characters;
        fields.push(json!({"name": name, "value": value, "inline": true}));
    }
    let left_out = count - fields.len();
    (fields, left_out)
}

#[cfg(test)]
mod tests {
    use cadge_proto::json::FieldKind;
    use proptest::prelude::*;

    use super::*;

    fn characters(value: &Value) -> usize {
        value.as_str().map_or(0, |text| text.chars().count())
    }

    proptest! {
        #[test]
        fn any_alert_is_within_discords_limits(
            output in ".{0,3000}", rule in ".{0,2000}",
            names in prop::collection::vec("[a-z.]{1,300}", 0..40), value in ".{0,2000}",
        ) {
            let output_fields = names.iter().map(|name| (name.clone(), value.clone())).collect();
            let alert = Alert { output, rule, output_fields, ..Alert::default() };
            let payload = payload(&alert, "", |_| FieldKind::Text);
            let embed = &payload["embeds"][0];
            let fields = embed["fields"].as_array().unwrap();
            prop_assert!(fields.len() <= 25);
            let mut all = characters(&embed["description"]) + characters(&embed["footer"]["text"]);
            for field in fields {
                let (name, value) = (characters(&field["name"]), characters(&field["value"]));
                prop_assert!((1..=256).contains(&name) && (1..=1024).contains(&value));
                all += name + value;
            }
            prop_assert!(all <= 6000, "{}", all);
        }
    }
}
