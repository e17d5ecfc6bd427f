//! Alerts of the hub's own, of the source `internal`: what was lost, who has fallen silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use cadge_proto::raw::RawAlert;
use cadge_proto::{Alert, Priority, priority_name, source_number};
use prost::Message as _;
use tokio::sync::Mutex;

use crate::log::{Append, Appended, Durable, Log, LogError};
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
    /// The last sequence number.
    last: Arc<Mutex<u64>>,
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
        let outcome = match self.append(rule, priority, text, fields).await {
            Ok(durable) => durable.await.unwrap_or_else(|_| Ok(Appended::default())).map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::error!(%error, rule, "an alert of the hub's own can't be kept");
        }
    }

    /// Numbers an alert and puts it into the log's queue. Nobody comes between the two: a lower number behind
    /// a higher one is a repetition to the log, and left out.
    async fn append(
        &self,
        rule: &str,
        priority: Priority,
        text: &str,
        fields: BTreeMap<String, String>,
    ) -> Result<Durable, LogError> {
        let mut last = self.last.lock().await;
        *last += 1;
        let sequence = *last;
        let alert = RawAlert::new(self.alert(rule, priority, text, fields, sequence).encode_to_vec());
        let batch = Append {
            sensor: self.sensor.to_string(),
            epoch: self.epoch,
            // An alert that can't be kept is gone: those behind it do not wait for it.
            previous: 0,
            first: sequence,
            alerts: vec![(sequence, alert)],
            last: sequence,
        };
        self.log.append(batch).await
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::log::{Sqlite, SqliteSettings};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn alerts_that_are_raised_at_once_are_all_kept() {
        const AT_ONCE: usize = 20_000;
        let dir = tempfile::tempdir().unwrap();
        let settings = SqliteSettings { path: dir.path().join("log.db"), ..SqliteSettings::default() };
        let log: Arc<dyn Log> = Arc::new(Sqlite::open(&settings).unwrap());
        let announcer = Announcer::new(Arc::clone(&log));
        let raise = |number: usize| {
            let announcer = announcer.clone();
            async move { announcer.raise("R", Priority::Notice, &number.to_string(), BTreeMap::new()).await }
        };
        let raised: Vec<_> = (0..AT_ONCE).map(|number| tokio::spawn(raise(number))).collect();
        for one in raised {
            one.await.unwrap();
        }
        let kept = log.read(0, 2 * AT_ONCE, usize::MAX).await.unwrap();
        let alerts: Vec<_> = kept.iter().map(|entry| entry.alert.decode().unwrap()).collect();
        let texts: BTreeSet<&str> =
            alerts.iter().filter_map(|alert| alert.output.rsplit(' ').next()).collect();
        let missing = AT_ONCE - texts.len();
        assert_eq!(missing, 0, "alerts of {AT_ONCE} are gone");
        assert!(alerts.iter().map(|alert| alert.sequence).eq(1..=AT_ONCE as u64));
    }
}
