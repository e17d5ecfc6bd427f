//! Falco's JSON, as its HTTP output and its files have it, turned into alerts.
//!
//! A text is one alert, several on a line each, or arrays of them. Whatever it holds, memory stays
//! within a few times its length: alerts are encoded as they are read, and lists are bounded.

mod fields;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use cadge_proto::raw::RawAlert;
use cadge_proto::{Alert, priority_name};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::unordered::{Defaults, Unfit, make};
use fields::{Fields, Tags};

/// The most alerts of one text.
const ALERTS_MAX: usize = 16_384;

/// Where a text comes from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The name under which its alerts are kept.
    pub(crate) sensor: &'a str,
    /// The host of alerts that name none.
    pub(crate) hostname: &'a str,
}

/// Why a text is refused. None of its alerts is taken then.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// It is not what it should be.
    #[error("{0}")]
    Content(String),
    /// There is too much of it.
    #[error("{0}")]
    TooLarge(String),
}

/// Reads every alert of a text, each with its identity.
pub(crate) fn read(text: &[u8], origin: Origin<'_>) -> Result<Vec<(u64, RawAlert)>, Malformed> {
    let mut found = Found { origin, alerts: Vec::new(), too_large: false };
    let mut input = serde_json::Deserializer::from_slice(text);
    while input.end().is_err() {
        if let Err(error) = Batch(&mut found).deserialize(&mut input) {
            let at = found.alerts.len() + 1;
            let text = format!("alert {at}: {error}");
            return Err(if found.too_large { Malformed::TooLarge(text) } else { Malformed::Content(text) });
        }
    }
    if found.alerts.is_empty() {
        return Err(Malformed::Content("it holds no alert".to_owned()));
    }
    Ok(found.alerts)
}

/// The number of a priority by its name, in any case; falcosidekick knows `info`, too.
fn priority(name: &str) -> Option<i32> {
    let name = if name.eq_ignore_ascii_case("info") { "Informational" } else { name };
    (0..8).find(|number| priority_name(*number).eq_ignore_ascii_case(name))
}

/// What has been read so far.
struct Found<'o> {
    origin: Origin<'o>,
    alerts: Vec<(u64, RawAlert)>,
    too_large: bool,
}

impl Found<'_> {
    fn add(&mut self, written: Written<'_>) -> Result<(), String> {
        let priority = priority(&written.priority).ok_or_else(|| {
            format!("unknown priority `{}`: expected one of Emergency to Debug", shortened(&written.priority))
        })?;
        let time: jiff::Timestamp = written.time.parse().map_err(|_| {
            format!("`{}` is no time as in 2026-01-31T12:00:00.000000000Z", shortened(&written.time))
        })?;
        if self.alerts.len() == ALERTS_MAX {
            self.too_large = true;
            return Err(format!("{ALERTS_MAX} alerts at once are allowed: send them in parts"));
        }
        let text = |text: Option<Cow<'_, str>>| text.unwrap_or_default().into_owned();
        let alert = Alert {
            time: Some(timestamp(time)),
            priority,
            rule: written.rule.into_owned(),
            output: text(written.output.or(written.message)),
            output_fields: written.output_fields.unwrap_or_default().0.into_iter().collect(),
            hostname: text(written.hostname),
            tags: written.tags.unwrap_or_default().0,
            source: text(written.source),
            sensor: self.origin.sensor.to_owned(),
            ..Alert::default()
        };
        let made = make(alert, Defaults { hostname: self.origin.hostname, source: "syscall" });
        self.too_large = matches!(made, Err(Unfit::TooLarge(_)));
        self.alerts.push(made.map_err(|unfit| unfit.to_string())?);
        Ok(())
    }
}

/// Nanoseconds count forward, also before 1970.
fn timestamp(time: jiff::Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    let before = i64::from(nanos < 0);
    let nanos = if nanos < 0 { nanos + 1_000_000_000 } else { nanos };
    prost_types::Timestamp { seconds: seconds - before, nanos }
}

/// The start of a text, for an error.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// An alert, key for key. Other keys are nobody's concern.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    priority: Cow<'a, str>,
    #[serde(borrow)]
    rule: Cow<'a, str>,
    // Falco leaves these out when its `json_include_*` settings say so.
    #[serde(default)]
    output: Option<Cow<'a, str>>,
    #[serde(default)]
    message: Option<Cow<'a, str>>,
    #[serde(default)]
    output_fields: Option<Fields>,
    #[serde(default)]
    tags: Option<Tags>,
    #[serde(default)]
    hostname: Option<Cow<'a, str>>,
    #[serde(default)]
    source: Option<Cow<'a, str>>,
}

/// An alert or an array of alerts.
struct Batch<'f, 'o>(&'f mut Found<'o>);

impl<'de> DeserializeSeed<'de> for Batch<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Batch<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an alert as a JSON object, or an array of them (Falco's `json_output: true`)")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(One(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        One(self.0).visit_map(members)
    }
}

/// One alert.
struct One<'f, 'o>(&'f mut Found<'o>);

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an alert as a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        let written = Written::deserialize(MapAccessDeserializer::new(members))?;
        self.0.add(written).map_err(A::Error::custom)
    }
}
