//! Which alerts a consumer wants, or may have: a condition in Falco's language on what an alert says.

use cadge_engine::{Given, Said};
use cadge_proto::{Alert, priority_name};

use crate::time::time_ns;

/// What is wrong with a filter's text, and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FilterError(Box<cadge_engine::Problem>);

/// A condition on alerts.
#[derive(Debug)]
pub(crate) struct Filter(cadge_engine::Filter);

impl Filter {
    /// Compiles it.
    pub(crate) fn new(text: &str) -> Result<Self, FilterError> {
        cadge_engine::Filter::new(text).map(Self).map_err(FilterError)
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether it is true for an alert.
    pub(crate) fn admits(&self, alert: &Alert) -> bool {
        let said = Said {
            rule: &alert.rule,
            priority: alert.priority,
            priority_name: priority_name(alert.priority),
            output: &alert.output,
            hostname: &alert.hostname,
            sensor: &alert.sensor,
            source: &alert.source,
            time_ns: time_ns(&alert.time.unwrap_or_default()),
        };
        let tags = alert.tags.iter().map(String::as_str);
        let fields = alert.output_fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        self.0.is_true(&Given::alert(&said, tags, fields))
    }
}
