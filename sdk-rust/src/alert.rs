//! An alert, typed.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::fields::Fields;
use crate::json::Object;
use crate::priority::Priority;
use crate::time;

/// What a rule has raised, as the hub's log has it.
///
/// (`sensor`, `epoch`, `sequence`) names an alert for ever: see [`Alert::id`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "tests of users make alerts of their own, with `..Default::default()`"
)]
pub struct Alert {
    /// Its place in the hub's log. Positions grow, not necessarily by 1. 0 where it is not known: in what
    /// [`Client::get_new`](crate::Client::get_new) answers.
    pub position: u64,
    /// When the event happened, on the sensor's clock, in nanoseconds. 1970 if the alert does not say.
    pub time: SystemTime,
    /// How urgent it is.
    pub priority: Priority,
    /// The rule's name.
    pub rule: String,
    /// The formatted text, with time and priority in front.
    pub output: String,
    /// Each field that the rule's output names, as text.
    pub output_fields: Fields,
    /// The host on which the event happened.
    pub hostname: String,
    /// The rule's tags, sorted.
    pub tags: Vec<String>,
    /// The source's name: `syscall`, `k8s_audit`, `internal`, …
    pub source: String,
    /// The sensor's name.
    pub sensor: String,
    /// Names one life of the sensor's spool.
    pub epoch: u64,
    /// Counts the alerts of one epoch, from 1.
    pub sequence: u64,
}

impl Alert {
    /// `SENSOR/EPOCH/SEQUENCE`, in decimal numbers: the same alert has the same for ever.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.sensor, self.epoch, self.sequence)
    }

    /// Falco's JSON on one line: `hostname`, `output`, `output_fields`, `priority`, `rule`, `source`, `tags` and
    /// `time`. Output fields are text, as they are on the wire.
    pub fn to_json(&self) -> String {
        let mut object = Object::new(256 + self.output.len() * 2);
        object.text("hostname", &self.hostname);
        object.text("output", &self.output);
        object.texts("output_fields", self.output_fields.iter());
        object.text("priority", self.priority.name());
        object.text("rule", &self.rule);
        object.text("source", &self.source);
        object.list("tags", self.tags.iter().map(String::as_str));
        object.text("time", &time::rfc3339(self.time));
        object.end()
    }
}

impl Default for Alert {
    fn default() -> Self {
        Self {
            position: 0,
            time: UNIX_EPOCH,
            priority: Priority::Emergency,
            rule: String::new(),
            output: String::new(),
            output_fields: Fields::default(),
            hostname: String::new(),
            tags: Vec::new(),
            source: String::new(),
            sensor: String::new(),
            epoch: 0,
            sequence: 0,
        }
    }
}

/// From the type that the wire's description makes; the position is not known.
impl From<cadge_proto::Alert> for Alert {
    fn from(alert: cadge_proto::Alert) -> Self {
        Self {
            position: 0,
            time: alert.time.as_ref().map_or(UNIX_EPOCH, |at| time::moment(at.seconds, at.nanos)),
            priority: Priority::from_number(alert.priority),
            rule: alert.rule,
            output: alert.output,
            output_fields: alert.output_fields.iter().collect(),
            hostname: alert.hostname,
            tags: alert.tags,
            source: alert.source,
            sensor: alert.sensor,
            epoch: alert.epoch,
            sequence: alert.sequence,
        }
    }
}

/// The type that the wire's description makes.
impl From<Alert> for cadge_proto::Alert {
    fn from(alert: Alert) -> Self {
        Self {
            time: Some(alert.time.into()),
            priority: alert.priority.number(),
            source_deprecated: cadge_proto::source_number(&alert.source).into(),
            rule: alert.rule,
            output: alert.output,
            output_fields: alert
                .output_fields
                .iter()
                .map(|(name, text)| (name.into(), text.into()))
                .collect(),
            hostname: alert.hostname,
            tags: alert.tags,
            source: alert.source,
            sensor: alert.sensor,
            epoch: alert.epoch,
            sequence: alert.sequence,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn is_falcos_json_in_one_line() {
        let alert = Alert {
            time: UNIX_EPOCH + Duration::new(1_690_000_000, 5),
            priority: Priority::Informational,
            rule: "R".into(),
            output: "a \"b\"\n\u{1}é".into(),
            output_fields: [("proc.name", "ca\\t"), ("a", "")].into_iter().collect(),
            hostname: "h".into(),
            tags: vec!["x".into(), "y".into()],
            source: "syscall".into(),
            sensor: "s".into(),
            epoch: 2,
            sequence: 3,
            ..Alert::default()
        };
        assert_eq!(
            alert.to_json(),
            "{\"hostname\":\"h\",\"output\":\"a \\\"b\\\"\\n\\u0001é\",\"output_fields\":{\"a\":\"\",\"proc.name\":\"ca\\\\t\"},\"priority\":\"Informational\",\"rule\":\"R\",\"source\":\"syscall\",\"tags\":[\"x\",\"y\"],\"time\":\"2023-07-22T04:26:40.000000005Z\"}"
        );
        assert_eq!(alert.id(), "s/2/3");
        assert_eq!(Alert::from(cadge_proto::Alert::from(alert.clone())), alert);
    }
}
