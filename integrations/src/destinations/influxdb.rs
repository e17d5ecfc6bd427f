//! Writes alerts to `InfluxDB` by its line protocol, many at a time.

use std::collections::BTreeMap;

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, priority_name};
use reqwest::header::AUTHORIZATION;

use super::Section;
use super::post::{Batch, Post};
use crate::event::text_fields;
use crate::settings::{Common, Secret, Tls, keys};
use crate::text::nanoseconds;
use crate::{Integration, Setup, http};

/// A point that is written again takes the place of itself, so all of a body may come again.
const BATCH: Batch = Batch { alerts: 500, bytes: 1 << 20, frame: ["", "\n", ""] };

/// Precisions, and how many nanoseconds they have.
const PRECISIONS: [(&str, i128); 5] =
    [("ns", 1), ("u", 1000), ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000)];

keys! {
    /// The section `influxdb`.
    pub(crate) struct Config {
        /// Where it is, such as `http://influxdb:8086`.
        hostport: String = "",
        /// The database, of version 1.
        database: String = "falco",
        /// The organization, of version 2. Empty: it is version 1.
        organization: String = "",
        /// The bucket, of version 2.
        bucket: String = "falco",
        /// What times are rounded to: `ns`, `us`, `ms` or `s`. Alerts that differ in nothing else become one.
        precision: String = "ns",
        /// The user, of version 1.
        user: String = "",
        /// Its password.
        password: Secret = "",
        /// The API token, of version 2.
        token: Secret = "",
        + tls: Tls,
        + common: Common,
    }
}

impl Section for Config {
    const NAME: &'static str = "influxdb";
    const ABOUT: &'static str = "Writes alerts to InfluxDB.";
    const EXAMPLE: &'static str = "influxdb:\n  hostport: URL\n  organization: acme\n  token: T0KEN\n";

    fn is_on(&self) -> bool {
        !self.hostport.is_empty()
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn build(&self, setup: &Setup) -> Result<Box<dyn Integration>, String> {
        let known = PRECISIONS.iter().find(|(name, _)| *name == self.precision);
        let (precision, unit) =
            known.ok_or_else(|| format!("`precision: {}` is none of ns, us, ms, s", self.precision))?;
        let is_old = self.organization.is_empty();
        let path = if is_old { "/write" } else { "/api/v2/write" };
        let mut address = http::below("hostport", &self.hostport, path)?;
        if is_old {
            address.query_pairs_mut().append_pair("db", &self.database);
        } else {
            let place = [("org", &self.organization), ("bucket", &self.bucket)];
            address.query_pairs_mut().extend_pairs(place);
        }
        // The two versions have not the same word for microseconds.
        let precision = match *precision {
            "u" | "us" if is_old => "u",
            "u" => "us",
            other => other,
        };
        address.query_pairs_mut().append_pair("precision", precision);
        let kinds = setup.kinds;
        let post =
            Post::new(http::client(&self.tls, setup)?, address, move |alert| line(alert, kinds, *unit));
        let post = post.batched(BATCH).content_type("text/plain; charset=utf-8");
        if self.token.is_empty() {
            return Ok(post.basic(&self.user, "password", &self.password)?.boxed());
        }
        let token = format!("Token {}", self.token.reveal());
        Ok(post.header(AUTHORIZATION, "token", &token)?.boxed())
    }
}

/// falcosidekick's point, at the alert's own time.
fn line(alert: &Alert, kinds: FieldKinds, unit: i128) -> String {
    let tags = alert.tags.join(",");
    let mut all: BTreeMap<&str, &str> = text_fields(alert, kinds).into_iter().collect();
    all.extend([
        ("rule", alert.rule.as_str()),
        ("priority", priority_name(alert.priority)),
        ("source", &alert.source),
        ("hostname", &alert.hostname),
        ("tags", &tags),
    ]);
    let mut line = "events".to_owned();
    for (name, value) in all {
        if !name.is_empty() && !value.is_empty() {
            line.push_str(&format!(",{}={}", word(name), word(value)));
        }
    }
    let output = alert.output.replace('\\', "\\\\").replace('"', "\\\"");
    line.push_str(&format!(" value=\"{output}\" {}", nanoseconds(alert).div_euclid(unit)));
    line
}

/// A tag's name or value. What would end it is masked or, where the protocol has no way to, `_`.
fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            ',' | '=' => word.extend(['\\', character]),
            '\\' => word.push('_'),
            _ if character.is_whitespace() || character.is_control() => word.push('_'),
            _ => word.push(character),
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of a line between characters that are not masked, as the protocol's own readers part it.
    fn parts(line: &str, between: char) -> Vec<String> {
        let (mut parts, mut is_quoted, mut characters) = (vec![String::new()], false, line.chars());
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    parts.last_mut().unwrap().extend([Some('\\'), characters.next()].into_iter().flatten());
                }
                '"' if parts.len() > 1 => is_quoted = !is_quoted,
                _ if character == between && !is_quoted => parts.push(String::new()),
                _ => parts.last_mut().unwrap().push(character),
            }
        }
        parts
    }

    proptest! {
        #[test]
        fn any_alert_is_one_point(rule in ".{0,20}", output in "(?s).{0,40}", name in ".{0,9}", value in "[a\\\\,= \n\"]{0,9}") {
            let alert = Alert { rule, output, output_fields: [(name, value)].into(), ..Alert::default() };
            let line = line(&alert, |_| cadge_proto::json::FieldKind::Text, 1);
            let parts = parts(&line, ' ');
            prop_assert_eq!(parts.len(), 3, "{}", line);
            prop_assert!(parts[0].starts_with("events,") && !parts[0].contains('\n'), "{}", line);
            let shown = alert.output.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(&parts[1], &format!("value={shown}"));
        }
    }
}
