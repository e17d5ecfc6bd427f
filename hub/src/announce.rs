//! Alerts of the hub's own, of the source `internal`: what was lost, who has fallen silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use cadge_proto::raw::RawAlert;
use cadge_proto::{Alert, Priority, priority_name, source_number};
use prost::Message as _;

use crate::log::{Append, Log};
use crate::time::now_ns;

/// The source of what is about Cadge itself.
const INTERNAL: &str = "internal";

/// Raises alerts. Clones are the same.
#[derive(Clone)]
pub(crate) struct Announcer {
    log: Arc<dyn Log>,
    sensor: Arc<str>,
    hostname: Arc<str>,
    epoch: u64,
    last: Arc<AtomicU64>,
}

impl Announcer {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        let hostname = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            log,
            sensor: format!("hub/{hostname}").into(),
            hostname: hostname.into(),
            epoch: u64::try_from(now_ns()).unwrap_or(1).max(1),
            last: Arc::default(),
        }
    }

    /// Puts an alert into the log like any other. If that fails it is logged, and gone.
    pub(crate) async fn raise(
        &self,
        rule: &str,
        priority: Priority,
        text: &str,
        fields: BTreeMap<String, String>,
    ) {
        tracing::warn!(rule, "{text}");
        let sequence = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let alert = RawAlert::new(self.alert(rule, priority, text, fields, sequence).encode_to_vec());
        let batch = Append {
            sensor: self.sensor.to_string(),
            epoch: self.epoch,
            previous: 0,
            first: sequence,
            alerts: vec![(sequence, alert)],
            last: sequence,
        };
        let outcome = match self.log.append(batch).await {
            Ok(durable) => durable.await.unwrap_or_else(|_| Ok(crate::log::Appended::default())).map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::error!(%error, rule, "an alert of the hub's own can't be kept");
        }
    }

    fn alert(
        &self,
        rule: &str,
        priority: Priority,
        text: &str,
        fields: BTreeMap<String, String>,
        sequence: u64,
    ) -> Alert {
        let time = SystemTime::now();
        let mut alert = Alert {
            time: Some(time.into()),
            priority: priority.into(),
            source_deprecated: source_number(INTERNAL).into(),
            rule: rule.to_owned(),
            output_fields: fields.into_iter().collect(),
            hostname: self.hostname.to_string(),
            source: INTERNAL.to_owned(),
            sensor: self.sensor.to_string(),
            epoch: self.epoch,
            sequence,
            ..Alert::default()
        };
        alert.output_fields.insert("evt.time".to_owned(), now_ns().to_string());
        alert.output =
            format!("{}: {} {text}", cadge_proto::json::time(&alert), priority_name(alert.priority));
        alert
    }
}
