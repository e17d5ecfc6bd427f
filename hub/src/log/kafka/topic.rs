//! The two topics: made if they are missing, and checked.

use cadge_proto::ALERT_BYTES_MAX;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::super::LogError;
use super::broker::{Broker, PATIENCE, Traced};

/// What comes with an alert in its record, at most: key, headers, framing.
const RECORD_MORE: usize = 16 << 10;

/// A checkpoint's part has to fit as well.
const RECORD_BYTES_MAX: usize = 1_000_000;

/// Makes the topics if they are missing, and refuses ones that can't be a log.
pub(super) async fn prepare(broker: &Broker) -> Result<(), LogError> {
    let admin: AdminClient<Traced> = broker
        .config()
        .create_with_context(Traced)
        .map_err(|cause| broker.failed("a client can't be made", &cause))?;
    let state = broker.state_topic();
    make(broker, &admin, &state).await?;
    check(broker, &admin, broker.topic(), "delete", ALERT_BYTES_MAX + RECORD_MORE).await?;
    check(broker, &admin, &state, "compact", RECORD_BYTES_MAX).await
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

async fn make(broker: &Broker, admin: &AdminClient<Traced>, state: &str) -> Result<(), LogError> {
    let (replication, in_sync) = match i32::from(broker.settings.replication) {
        0 => (-1, None),
        1 | 2 => (i32::from(broker.settings.replication), Some("1")),
        // One copy may be away, and what is acknowledged is still on two disks.
        more => (more, Some("2")),
    };
    let bytes_max = i64::try_from(broker.settings.bytes_max).unwrap_or(i64::MAX).to_string();
    let record_max = RECORD_BYTES_MAX.max(ALERT_BYTES_MAX + RECORD_MORE).to_string();
    let new = |name| {
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(replication))
            .set("max.message.bytes", &record_max);
        in_sync.into_iter().fold(topic, |topic, least| topic.set("min.insync.replicas", least))
    };
    let alerts = new(broker.topic())
        .set("cleanup.policy", "delete")
        // The time of an alert is when it was received; a position by time needs times that grow.
        .set("message.timestamp.type", "LogAppendTime")
        .set("retention.bytes", &bytes_max);
    let state = new(state).set("cleanup.policy", "compact");
    let made = admin.create_topics([&alerts, &state], &options()).await;
    let cannot = |cause: &KafkaError| {
        broker.failed("its topics can't be made", broker.refusal().as_ref().unwrap_or(cause))
    };
    for outcome in made.map_err(|cause| cannot(&cause))? {
        match outcome {
            Ok(name) => tracing::info!(name, "a topic was made"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                let cause = KafkaError::AdminOp(code);
                return Err(broker.failed(&format!("the topic `{name}` can't be made"), &cause));
            }
        }
    }
    Ok(())
}

async fn check(
    broker: &Broker,
    admin: &AdminClient<Traced>,
    name: &str,
    policy: &str,
    record: usize,
) -> Result<(), LogError> {
    let partitions = partitions(broker, name).await?;
    if partitions != 1 {
        let text = format!(
            "the topic `{name}` has {partitions} partitions, but a log has one order and so one partition; name another topic in `log.kafka.topic`"
        );
        return Err(broker.problem(text));
    }
    let described = admin.describe_configs([&ResourceSpecifier::Topic(name)], &options()).await;
    let cannot = |cause: &KafkaError| broker.failed(&format!("the topic `{name}` can't be looked at"), cause);
    let described = described.map_err(|cause| cannot(&cause))?;
    let Some(found) = described.into_iter().next() else { return Ok(()) };
    let found = found.map_err(|code| cannot(&KafkaError::AdminOp(code)))?;
    let value = |key| found.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let actual = value("cleanup.policy");
    if actual != policy {
        let text = format!(
            "the topic `{name}` has `cleanup.policy={actual}`, which would lose what the hub needs; set it to `{policy}`"
        );
        return Err(broker.problem(text));
    }
    let largest = value("max.message.bytes");
    if largest.parse::<usize>().is_ok_and(|bytes| bytes < record) {
        let text = format!(
            "the topic `{name}` has `max.message.bytes={largest}`, too little for every alert; set it to {record} or more"
        );
        return Err(broker.problem(text));
    }
    Ok(())
}

/// A topic that was made a moment ago is not known everywhere at once.
async fn partitions(broker: &Broker, name: &str) -> Result<usize, LogError> {
    let topic = name.to_owned();
    let doing = "its topics can't be looked at";
    broker
        .ask(doing, move |asking| {
            let deadline = std::time::Instant::now() + PATIENCE;
            loop {
                let found = asking.fetch_metadata(Some(&topic), PATIENCE)?;
                let ours = found.topics().first();
                let count = ours.map_or(0, |topic| topic.partitions().len());
                let led = ours.is_some_and(|topic| topic.partitions().iter().all(|part| part.leader() >= 0));
                if (count > 0 && led) || std::time::Instant::now() > deadline {
                    return Ok(count);
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        })
        .await
}
