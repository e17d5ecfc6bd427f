//! What other programs hand in.

use std::collections::BTreeMap;
use std::time::SystemTime;

use cadge_proto::cadge::v1;

use crate::Priority;

/// What a program has seen, to be kept as an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "users make these, with `..Event::default()`")]
pub struct Event {
    /// When it happened. `None`: when it is handed in. To hand in the same event again with the same time makes
    /// no second alert.
    pub time: Option<SystemTime>,
    /// How urgent it is. By default a notice.
    pub priority: Priority,
    /// What kind of thing happened: consumers find it as the rule's name. Not empty.
    pub rule: String,
    /// What happened, for people.
    pub output: String,
    /// The same for machines: names as in Falco's fields, such as `user.name`, or others.
    pub output_fields: BTreeMap<String, String>,
    /// The host on which it happened. Empty: the caller's name.
    pub hostname: String,
    /// Sorted by the hub.
    pub tags: Vec<String>,
    /// The source's name. Empty: `input`.
    pub source: String,
}

impl Event {
    /// A notice that happens now.
    pub fn new(rule: impl Into<String>, output: impl Into<String>) -> Self {
        Self { rule: rule.into(), output: output.into(), ..Self::default() }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.output_fields.insert(name.into(), text.into());
        self
    }
}

impl Default for Event {
    fn default() -> Self {
        Self {
            time: None,
            priority: Priority::Notice,
            rule: String::new(),
            output: String::new(),
            output_fields: BTreeMap::new(),
            hostname: String::new(),
            tags: Vec::new(),
            source: String::new(),
        }
    }
}

impl From<Event> for v1::Event {
    fn from(event: Event) -> Self {
        Self {
            time: event.time.map(Into::into),
            priority: event.priority.number(),
            rule: event.rule,
            output: event.output,
            output_fields: event.output_fields.into_iter().collect(),
            hostname: event.hostname,
            tags: event.tags,
            source: event.source,
        }
    }
}

impl From<v1::Event> for Event {
    fn from(event: v1::Event) -> Self {
        Self {
            time: event.time.map(|at| crate::time::moment(at.seconds, at.nanos)),
            priority: Priority::from_number(event.priority),
            rule: event.rule,
            output: event.output,
            output_fields: event.output_fields.into_iter().collect(),
            hostname: event.hostname,
            tags: event.tags,
            source: event.source,
        }
    }
}
