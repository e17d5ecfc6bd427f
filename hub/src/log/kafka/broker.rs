//! The brokers: how each client of theirs is made, and what its errors mean to a person.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Semaphore;

use super::super::LogError;
use super::security::KafkaSecurity;

/// What is asked of a broker gets an answer within that time, or fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Questions that are under way at once.
const QUESTIONS: usize = 8;

/// News of a client that are looked through for why it is not let in.
const HEARD_MAX: usize = 100;

/// How to keep a log in Kafka.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// Brokers to begin with: `host:port`, several with commas.
    pub hostport: String,
    /// The topic of the alerts. Beside it there is `<topic>.state`.
    pub topic: String,
    /// The name under which the hub shows up at the brokers.
    pub clientid: String,
    /// Copies of each alert; 0 for as many as the brokers make by themselves.
    pub replication: u16,
    /// Bytes in all. Past that the oldest alerts go. Only a topic that is made now gets it.
    pub bytes_max: u64,
    /// How the brokers let the hub in.
    pub security: KafkaSecurity,
}

/// Writes what a client says into the hub's own log lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traced;

pub(super) fn trace(level: RDKafkaLogLevel, part: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(part, "kafka: {text}");
        }
        _ => tracing::warn!(part, "kafka: {text}"),
    }
}

impl ClientContext for Traced {
    fn log(&self, level: RDKafkaLogLevel, part: &str, text: &str) {
        trace(level, part, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka");
    }
}

impl ConsumerContext for Traced {}

/// A client that reads from where it is told.
pub(super) type Reader = BaseConsumer<Traced>;

/// The brokers. Clones are the same.
#[derive(Clone)]
pub(super) struct Broker {
    pub(super) settings: Arc<KafkaSettings>,
    /// Only asks.
    asking: Arc<Reader>,
    questions: Arc<Semaphore>,
}

impl Broker {
    pub(super) fn new(settings: KafkaSettings) -> Result<Self, LogError> {
        let made = config(&settings).create_with_context(Traced);
        let asking = made.map_err(|cause| failed(&settings, "a client can't be made", &cause))?;
        let questions = Arc::new(Semaphore::new(QUESTIONS));
        Ok(Self { settings: settings.into(), asking: Arc::new(asking), questions })
    }

    /// The settings that every client has.
    pub(super) fn config(&self) -> ClientConfig {
        config(&self.settings)
    }

    /// A client that reads a topic's only partition. It takes no more memory than so many bytes.
    pub(super) fn reader(&self, bytes: usize) -> Result<Reader, LogError> {
        let mut config = self.config();
        config
            // The client wants a name, but never joins that group.
            .set("group.id", format!("{}.readers", self.settings.topic))
            .set("queued.max.messages.kbytes", (bytes >> 10).to_string())
            .set("fetch.message.max.bytes", bytes.to_string())
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false");
        config.create_with_context(Traced).map_err(|cause| self.failed("a reader can't be made", &cause))
    }

    /// Why the brokers don't let the hub in, if they don't: what was asked only says that no answer came.
    pub(super) fn refusal(&self) -> Option<KafkaError> {
        // A line of the client's own counts as nothing heard: that alone is no end.
        let heard = (0..HEARD_MAX).filter_map(|_| self.asking.poll(Duration::ZERO));
        heard.filter_map(Result::err).find(|error| {
            let code = error.rdkafka_error_code();
            matches!(code, Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL))
        })
    }

    pub(super) fn topic(&self) -> &str {
        &self.settings.topic
    }

    /// The topic of cursors and checkpoints.
    pub(super) fn state_topic(&self) -> String {
        format!("{}.state", self.settings.topic)
    }

    /// Where the log is.
    pub(super) fn path(&self) -> String {
        path(&self.settings)
    }

    pub(super) fn failed(&self, doing: &str, cause: &KafkaError) -> LogError {
        failed(&self.settings, doing, cause)
    }

    pub(super) fn problem(&self, problem: impl Into<String>) -> LogError {
        LogError { path: self.path(), problem: problem.into() }
    }

    /// Asks where waiting for a broker harms nobody.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        question: impl FnOnce(&Reader) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, LogError> {
        let closed = || self.problem("it is closed");
        let _permit = self.questions.acquire().await.map_err(|_| closed())?;
        let asking = Arc::clone(&self.asking);
        let outcome = tokio::task::spawn_blocking(move || question(&asking)).await.map_err(|_| closed())?;
        outcome.map_err(|cause| self.failed(doing, &cause))
    }

    /// The first offset that the alerts' topic has, and the one behind its last.
    pub(super) async fn bounds(&self) -> Result<(u64, u64), LogError> {
        let topic = self.topic().to_owned();
        self.ask("its end can't be found", move |asking| bounds(asking, &topic)).await
    }
}

/// The first offset that a topic has, and the one behind its last.
pub(super) fn bounds(asking: &Reader, topic: &str) -> Result<(u64, u64), KafkaError> {
    let (first, end) = asking.fetch_watermarks(topic, 0, PATIENCE)?;
    Ok((u64::try_from(first).unwrap_or(0), u64::try_from(end).unwrap_or(0)))
}

fn config(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.hostport)
        .set("client.id", &settings.clientid)
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.max.ms", "1000")
        .set_log_level(RDKafkaLogLevel::Warning);
    settings.security.set(&mut config);
    config
}

fn path(settings: &KafkaSettings) -> String {
    format!("kafka://{}/{}", settings.hostport, settings.topic)
}

fn failed(settings: &KafkaSettings, doing: &str, cause: &KafkaError) -> LogError {
    let code = match cause {
        KafkaError::AdminOp(code) => Some(*code),
        cause => cause.rdkafka_error_code(),
    };
    let advice = match code {
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::Resolve,
        ) => "; check that the brokers are up, and `log.kafka.hostport`, `tls` and `sasl`",
        Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
            "; check `log.kafka.sasl`, `username` and `password`"
        }
        Some(RDKafkaErrorCode::SSL) => "; check `log.kafka.cacertfile`, and the brokers' certificates",
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ) => "; allow the hub to use the topic, its `.state`, and groups with the topic's name",
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            "; the topic is gone: start the hub again to make a new one"
        }
        Some(RDKafkaErrorCode::NotEnoughReplicas | RDKafkaErrorCode::NotEnoughReplicasAfterAppend) => {
            "; bring the brokers with the topic's other copies back"
        }
        Some(RDKafkaErrorCode::InvalidReplicationFactor) => {
            "; set `log.kafka.replication` to the number of brokers at most"
        }
        _ => "",
    };
    LogError { path: path(settings), problem: format!("{doing}: {cause}{advice}") }
}
