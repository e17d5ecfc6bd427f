//! The right to do something alone: the only partition of the topic, as a member of a consumer group
//! of that name. The group's offset shows to Kafka's own tools how far the work has come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::{Claim, LogError};
use super::broker::trace;
use super::follow::place;
use super::shared::Shared;

/// A hub that is gone loses its claims after so long.
const SESSION_MS: &str = "10000";

/// Whoever works under a claim that another hub is to have gets so long to finish.
const HAND_OVER: Duration = Duration::from_secs(5);

/// A wait for news of the group.
const IDLE: Duration = Duration::from_millis(100);

/// Whether the work is done.
#[derive(Default)]
struct Released {
    released: Mutex<bool>,
    changed: Condvar,
}

impl Released {
    fn set(&self) {
        *self.released.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, time: Duration) {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(released, time, |released| !*released));
    }
}

/// Gives the claim back, or the attempt to have it up.
struct Held {
    released: Arc<Released>,
    shared: Arc<Shared>,
    name: String,
    position: Arc<AtomicU64>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut claimed = self.shared.claimed();
        if claimed.get(&self.name).is_some_and(|position| Arc::ptr_eq(position, &self.position)) {
            claimed.remove(&self.name);
        }
        drop(claimed);
        self.released.set();
    }
}

/// A member of the group.
struct Member {
    won: Mutex<Option<oneshot::Sender<()>>>,
    lost: CancellationToken,
    released: Arc<Released>,
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, part: &str, text: &str) {
        trace(level, part, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka");
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance
            && list.count() > 0
        {
            self.lost.cancel();
            self.released.wait(HAND_OVER);
        }
    }

    fn post_rebalance(&self, client: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        if list.count() == 0 {
            return;
        }
        // The log is read elsewhere.
        if let Err(error) = client.pause(list) {
            tracing::warn!(%error, "a claim's partition can't be paused");
        }
        let won = self.won.lock().unwrap_or_else(PoisonError::into_inner).take();
        won.map(|won| won.send(()));
    }
}

/// Waits until this hub is the only one that works under a name.
pub(super) async fn claim(shared: Arc<Shared>, name: &str) -> Result<Claim, LogError> {
    let (won, wait) = oneshot::channel();
    let (lost, released) = (CancellationToken::new(), Arc::<Released>::default());
    let member = Member { won: Mutex::new(Some(won)), lost: lost.clone(), released: Arc::clone(&released) };
    let broker = shared.broker.clone();
    let group = format!("{}.{name}", broker.topic());
    let failed = |cause: KafkaError| broker.failed(&format!("the group `{group}` can't be joined"), &cause);
    let mut config = broker.config();
    config
        .set("group.id", &group)
        .set("session.timeout.ms", SESSION_MS)
        .set("heartbeat.interval.ms", "2000")
        // Whoever has the partition keeps it when another hub comes.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("auto.offset.reset", "latest")
        .set("queued.max.messages.kbytes", "1024")
        .set("enable.auto.commit", "false");
    let client: BaseConsumer<Member> = config.create_with_context(member).map_err(failed)?;
    client.subscribe(&[broker.topic()]).map_err(failed)?;
    let position = Arc::new(AtomicU64::new(0));
    let held = Held { released, shared, name: name.to_owned(), position: Arc::clone(&position) };
    let topic = broker.topic().to_owned();
    std::thread::Builder::new()
        .name("cadge-log-claim".to_owned())
        .spawn(move || belong(&client, &topic, &position))
        .map_err(|cause| broker.problem(format!("a thread can't be started: {cause}")))?;
    wait.await.map_err(|_| broker.problem("it is closed"))?;
    held.shared.claimed().insert(held.name.clone(), Arc::clone(&held.position));
    Ok(Claim { lost, held: Box::new(held) })
}

/// Belongs to the group until the claim is given back, or lost and given up.
fn belong(client: &BaseConsumer<Member>, topic: &str, position: &AtomicU64) {
    let mut committed = 0;
    let member = client.context();
    while !member.released.is_set() && !member.lost.is_cancelled() {
        if let Some(Err(error)) = client.poll(IDLE) {
            tracing::debug!(%error, "a claim's group");
        }
        commit(client, topic, position, &mut committed, CommitMode::Async);
    }
    if !member.lost.is_cancelled() {
        commit(client, topic, position, &mut committed, CommitMode::Sync);
    }
    // Dropping the client takes leave of the group: another hub has the claim at once.
}

fn commit(
    client: &BaseConsumer<Member>,
    topic: &str,
    position: &AtomicU64,
    committed: &mut u64,
    mode: CommitMode,
) {
    let now = position.load(Ordering::Relaxed);
    if now != *committed {
        *committed = now;
        if let Err(error) = client.commit(&place(topic, now), mode) {
            tracing::debug!(%error, "a group's offset can't be moved: only Kafka's own tools miss it");
        }
    }
}
