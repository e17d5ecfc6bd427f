//! A log in memory, with cursors.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use cadge_integrations::{
    Config, Context, DeadLetters, Delivery, Feed, FeedError, Feeds, Read, Running, start,
};
use cadge_proto::Alert;
use cadge_proto::json::FieldKind;
use futures_util::future::BoxFuture;
use prometheus::Registry;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// An alert like a sensor's.
pub(crate) fn alert(sequence: u64, priority: i32) -> Alert {
    let fields = [
        ("proc.name", "cat <x>"),
        ("proc.pid", "42"),
        ("fd.name", "<NA>"),
        ("evt.time", "1718200000123456789"),
    ];
    Alert {
        time: Some(prost_types::Timestamp { seconds: 1_718_200_000, nanos: 123_456_789 }),
        priority,
        rule: "Sensitive file".to_owned(),
        output: format!("13:46:40.123456789: Warning Sensitive file #{sequence}"),
        output_fields: fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        hostname: "node-1".to_owned(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        source: "syscall".to_owned(),
        sensor: "s1".to_owned(),
        epoch: 7,
        sequence,
        ..Alert::default()
    }
}

fn kinds(name: &str) -> FieldKind {
    if matches!(name, "proc.pid" | "evt.time") { FieldKind::Number } else { FieldKind::Text }
}

/// The log.
#[derive(Clone, Default)]
pub(crate) struct Log {
    alerts: Arc<Mutex<Vec<Arc<Alert>>>>,
    cursors: Arc<Mutex<HashMap<String, u64>>>,
    changed: Arc<Notify>,
    /// So often it fails when a cursor is to be moved.
    failures: Arc<AtomicU32>,
}

impl Log {
    pub(crate) fn push(&self, alert: Alert) {
        self.alerts.lock().unwrap().push(Arc::new(alert));
        self.changed.notify_waiters();
    }

    pub(crate) fn fail(&self, times: u32) {
        self.failures.store(times, Ordering::SeqCst);
    }

    pub(crate) fn cursor(&self, name: &str) -> Option<u64> {
        self.cursors.lock().unwrap().get(name).copied()
    }

    /// Starts integrations on this log.
    pub(crate) fn start(&self, yaml: &str) -> (Running, CancellationToken, Registry) {
        let dead = DeadLetters::open(None, 1000).unwrap();
        self.start_with(yaml, dead)
    }

    /// The same, with dead letters to look at.
    pub(crate) fn start_with(&self, yaml: &str, dead: DeadLetters) -> (Running, CancellationToken, Registry) {
        let config: Config = serde_saphyr::from_str(yaml).unwrap();
        self.start_config(&config, dead).unwrap()
    }

    /// The same, with a configuration. The error is what is shown of a setting that cannot be used.
    pub(crate) fn start_config(
        &self,
        config: &Config,
        dead: DeadLetters,
    ) -> Result<(Running, CancellationToken, Registry), String> {
        let (stop, registry) = (CancellationToken::new(), Registry::new());
        let feeds = Arc::new(self.clone());
        let (registry_of, stop_of) = (registry.clone(), stop.clone());
        let context = Context { feeds, dead, field_kinds: kinds, registry: registry_of, stop: stop_of };
        let running = start(config, &context).map_err(|error| error.to_string())?;
        Ok((running, stop, registry))
    }
}

impl Feeds for Log {
    fn check(&self, filter: &str) -> Result<(), String> {
        if filter.contains('(') { Err("expected `)`".to_owned()) } else { Ok(()) }
    }

    fn open(&self, consumer: &str, filter: &str) -> BoxFuture<'_, Result<Box<dyn Feed>, FeedError>> {
        let name = consumer.to_owned();
        let position = *self.cursors.lock().unwrap().entry(name.clone()).or_default();
        let place: Box<dyn Feed> =
            Box::new(Place { log: self.clone(), name, filter: filter.to_owned(), position });
        Box::pin(async { Ok(place) })
    }
}

struct Place {
    log: Log,
    name: String,
    /// The one rule that is admitted, in place of a condition. Empty: all are.
    filter: String,
    position: u64,
}

impl Feed for Place {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Read, FeedError>> {
        Box::pin(async move {
            loop {
                let changed = Arc::clone(&self.log.changed);
                let notified = changed.notified();
                let read: Vec<Delivery> = {
                    let alerts = self.log.alerts.lock().unwrap();
                    let numbered = (1..).zip(alerts.iter());
                    let rest = numbered.filter(|(position, _)| *position > self.position).take(max);
                    rest.map(|(position, alert)| Delivery { position, alert: Arc::clone(alert) }).collect()
                };
                if let Some(last) = read.last() {
                    self.position = last.position;
                    let is_admitted = |delivery: &Delivery| {
                        [delivery.alert.rule.as_str(), ""].contains(&self.filter.as_str())
                    };
                    let alerts = read.into_iter().filter(is_admitted).collect();
                    return Ok(Read { alerts, position: self.position });
                }
                let _ = tokio::time::timeout(std::time::Duration::from_millis(50), notified).await;
            }
        })
    }

    fn commit(&mut self, position: u64) -> BoxFuture<'_, Result<(), FeedError>> {
        let fails = |left: u32| left.checked_sub(1);
        if self.log.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Box::pin(async { Err(FeedError("the disk is full".to_owned())) });
        }
        self.log.cursors.lock().unwrap().insert(self.name.clone(), position);
        Box::pin(async { Ok(()) })
    }
}
