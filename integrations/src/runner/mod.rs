//! Runs the destinations: everything that is the same for all of them.

mod attempt;
mod circuit;
mod way;
mod deliver;
mod outcomes;
mod storm;
mod live;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cadge_proto::json::FieldKinds;
use cadge_proto::{Alert, Priority, priority_name};
use tokio::sync::oneshot;

use crate::destinations::{AnySection, Destination};
use crate::dress::Dress;
use crate::event::priority_number;
use crate::{Answer, Config, ConfigError, Context, Delivery, SendError, Setup, within};
use attempt::{BACK_OFF, Sender};
use circuit::Health;
use deliver::Runner;
use outcomes::Counters;

pub use circuit::{Circuit, State};
pub use live::{Live, ReplayError};

/// The rule of a test alert, which every destination gets.
const TEST_RULE: &str = "Test rule";

/// What was started.
pub struct Running {
    /// One for each destination. It is told when that has ended; an error: it has failed.
    ended: Vec<(&'static Destination, oneshot::Receiver<()>)>,
    live: Live,
}

/// Starts what is switched on, each on a thread of its own: a request and its answer need no other, and what one
/// destination computes holds up nobody else.
pub fn start(config: &Config, context: &Context) -> Result<Running, ConfigError> {
    config.check()?;
    let counters = Counters::new(&context.registry, &context.dead);
    let setup = setup(config, context.field_kinds);
    let mut runners = Vec::new();
    for (kind, section) in config.sections.iter().filter(|(_, section)| section.is_on()) {
        let dress = config.shared.dress.clone();
        let runner = runner(kind, section.as_ref(), &setup, dress, context, &counters)
            .map_err(|problem| ConfigError { integration: kind.name, problem })?;
        runners.push((*kind, runner));
    }
    let senders = runners.iter().map(|(kind, runner)| (*kind, Arc::clone(&runner.sender))).collect();
    let live = Live::new(senders, context.dead.clone(), &counters);
    let start = |(kind, runner): (&'static Destination, Runner)| {
        let ended = thread(runner).map_err(|problem| ConfigError { integration: kind.name, problem })?;
        Ok((kind, ended))
    };
    let ended = runners.into_iter().map(start);
    Ok(Running { ended: ended.collect::<Result<_, _>>()?, live })
}

/// Runs one destination's delivery. A mistake of ours that breaks it off is told, and it begins again at the cursor.
fn thread(runner: Runner) -> Result<oneshot::Receiver<()>, String> {
    let failed = |error: std::io::Error| format!("its thread can't be started: {error}");
    let name = format!("to-{}", runner.sender.label);
    let (says, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let run = move || {
        let mut wait = BACK_OFF.0;
        while catch_unwind(AssertUnwindSafe(|| runtime.block_on(runner.run()))).is_err() {
            runtime.block_on(runner.broken(wait));
            wait = (wait * 2).min(BACK_OFF.1);
        }
        // A look at a disk or a name server that hangs is left to itself.
        runtime.shutdown_background();
        let _ = says.send(());
    };
    std::thread::Builder::new().name(name).spawn(run).map_err(failed)?;
    Ok(ended)
}

fn setup(config: &Config, kinds: FieldKinds) -> Setup {
    let dress = &config.shared.dress;
    Setup {
        kinds,
        certificates: config.certificates(),
        added_fields: dress.added_fields(),
        custom_fields: dress.customfields.clone(),
    }
}

fn runner(
    kind: &'static Destination,
    section: &dyn AnySection,
    setup: &Setup,
    dress: Dress,
    context: &Context,
    counters: &Counters,
) -> Result<Runner, String> {
    let common = section.common();
    if !common.filter.is_empty() {
        context.feeds.check(&common.filter).map_err(|problem| format!("`filter`: {problem}"))?;
    }
    let label = kind.label();
    let outcomes = counters.of(&label);
    let sender = Sender {
        integration: section.build(setup)?.into(),
        timeout: timeout(section),
        attempts: common.maxattempts,
        dead: context.dead.clone(),
        health: Health::new(outcomes.circuit.clone(), outcomes.position.clone()),
        outcomes,
        said: attempt::Said::default(),
        replay: tokio::sync::Mutex::default(),
        label,
    };
    Ok(Runner {
        sender: Arc::new(sender),
        least: least(&common.minimumpriority)?,
        cursor: kind.cursor(),
        filter: common.filter.clone(),
        dress,
        kinds: context.field_kinds,
        concurrency: common.maxconcurrentrequests,
        per_minute: common.ratelimit,
        feeds: Arc::clone(&context.feeds),
        stop: context.stop.clone(),
    })
}

/// The number of the least urgent priority that is sent.
fn least(minimum: &str) -> Result<i32, String> {
    if minimum.is_empty() {
        return Ok(7);
    }
    priority_number(minimum).ok_or_else(|| {
        format!("`minimumpriority: {minimum}` is no priority: use emergency, alert, critical, error, warning, notice, informational or debug")
    })
}

impl Running {
    /// For whoever looks after it while it runs.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// Waits until every delivery has ended, after the context's `stop`.
    pub async fn stopped(self) {
        for (kind, ended) in self.ended {
            if ended.await.is_err() {
                tracing::error!(integration = kind.name, "it has failed");
            }
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.live.fmt(f)
    }
}

/// Sends one alert that says it is a test. `None`: the destination is not switched on.
pub async fn test(
    config: &Config,
    kind: &'static Destination,
    kinds: FieldKinds,
) -> Result<Option<Result<Answer, SendError>>, ConfigError> {
    let section = config.sections.iter().find(|(known, section)| known.name == kind.name && section.is_on());
    let Some((_, section)) = section else { return Ok(None) };
    let integration = section.build(&setup(config, kinds));
    let integration = integration.map_err(|problem| ConfigError { integration: kind.name, problem })?;
    // Each has an id of its own: what was sent before would be dropped by a queue that knows repetitions.
    let alert = Alert { epoch: rand::random(), sequence: 1, ..test_alert("cadge", "cadge") };
    let alert = [Delivery { position: 0, alert: Arc::new(alert) }];
    Ok(Some(within(timeout(section.as_ref()), integration.send(&alert)).await))
}

/// How long an attempt may take.
fn timeout(section: &dyn AnySection) -> Duration {
    Duration::from_millis(section.common().timeoutms.max(1))
}

/// falcosidekick's test alert, with a text of our own.
pub fn test_alert(hostname: &str, sensor: &str) -> Alert {
    let mut alert = Alert {
        time: Some(SystemTime::now().into()),
        priority: Priority::Debug.into(),
        rule: TEST_RULE.to_owned(),
        output_fields: [("proc.name", "cadge"), ("user.name", "cadge")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        hostname: hostname.to_owned(),
        tags: vec!["test".to_owned()],
        source: "internal".to_owned(),
        sensor: sensor.to_owned(),
        ..Alert::default()
    };
    let (time, priority) = (cadge_proto::json::time(&alert), priority_name(alert.priority));
    alert.output = format!("{time}: {priority} This is a test from cadge");
    alert
}
