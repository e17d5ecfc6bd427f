//! The hot loop: events from the sources through the rules into the queue. Synchronous, on a thread
//! of its own; it waits for nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cadge_engine::{Alert, Event, Priority};

use crate::counters::Counters;
use crate::pending::Evaluator;
use crate::source::Source;
use crate::state::HostNames;

/// A source is waited for so long before the loop looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(100);

/// The same while an event waits for an answer.
const PENDING_WAIT: Duration = Duration::from_millis(2);

/// The counters of losses are looked at so often.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);

/// The rule under which losses are announced: Falco's name for it.
const LOSS_RULE: &str = "Falco internal: syscall event drop";

/// What the loop needs.
pub(crate) struct Evaluate {
    pub(crate) evaluator: Evaluator,
    pub(crate) hosts: HostNames,
    pub(crate) sources: Vec<Box<dyn Source>>,
    pub(crate) queue: SyncSender<Alert>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Evaluate {
    /// Runs until it is told to stop or every source has ended.
    pub(crate) fn run(mut self) {
        let mut losses = Losses::default();
        for source in &self.sources {
            source.containers(&mut |id| self.evaluator.expect(id));
        }
        while !self.stop.load(Ordering::Relaxed) && !self.sources.is_empty() {
            // With several sources none may be kept waiting by another.
            let wait = if self.sources.len() == 1 { WAIT } else { Duration::from_millis(1) };
            let wait = if self.evaluator.is_waiting() { wait.min(PENDING_WAIT) } else { wait };
            self.hosts.refresh();
            let (evaluator, hosts) = (&mut self.evaluator, &self.hosts);
            let (queue, counters) = (&self.queue, &self.counters);
            let mut raise = |alert| raise(queue, counters, alert);
            self.sources.retain_mut(|source| {
                let outcome = source
                    .poll(wait, &mut |event| evaluator.evaluate(&Event { hosts, ..*event }, &mut raise));
                match outcome {
                    Ok(more) => more,
                    Err(error) => {
                        tracing::error!(source = source.name(), %error, "the source has failed");
                        false
                    }
                }
            });
            evaluator.evaluate_parked(&mut raise);
            if losses.looked.is_none_or(|looked| looked.elapsed() >= LOSS_INTERVAL) {
                evaluator.tidy();
                self.announce(&mut losses);
            }
        }
        self.evaluator.finish(&mut |alert| raise(&self.queue, &self.counters, alert));
        self.announce(&mut losses);
    }

    /// Raises an alert if something was lost since the last look.
    fn announce(&self, losses: &mut Losses) {
        self.counters.set_sources(self.sources.iter().flat_map(|source| source.counters()).collect());
        losses.looked = Some(Instant::now());
        let dropped: Vec<(String, u64)> = self
            .counters
            .all()
            .into_iter()
            .filter(|(name, count)| name.starts_with("dropped_total") && *count > 0)
            .collect();
        let total = dropped.iter().map(|(_, count)| count).sum();
        if total > losses.total {
            raise(&self.queue, &self.counters, loss_alert(total - losses.total, &dropped));
        }
        losses.total = total;
    }
}

/// What was known of losses at the last look.
#[derive(Default)]
struct Losses {
    looked: Option<Instant>,
    total: u64,
}

fn raise(queue: &SyncSender<Alert>, counters: &Counters, alert: Alert) {
    Counters::add(&counters.raised, 1);
    if queue.try_send(alert).is_err() {
        Counters::add(&counters.queue_full, 1);
    }
}

fn loss_alert(grown: u64, dropped: &[(String, u64)]) -> Alert {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let critical = dropped.iter().any(|(name, _)| name.contains("critical") || name.contains("alert"));
    let mut fields = vec![("n_drops".into(), grown.to_string())];
    fields.extend(dropped.iter().map(|(name, count)| (name.as_str().into(), count.to_string())));
    Alert {
        time_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
        priority: if critical { Priority::Critical } else { Priority::Warning },
        rule: LOSS_RULE.into(),
        message: format!("{LOSS_RULE}. {grown} lost since the last look."),
        output_fields: fields,
        tags: Arc::from([]),
        source: "internal".into(),
    }
}
