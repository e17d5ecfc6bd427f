//! How the Kafka client is set up: what it sends, how it logs in, whom it trusts.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Config;
use crate::{SendError, Setup};

/// falcosidekick's names and the client's.
const COMPRESSIONS: &[(&str, &str)] =
    &[("NONE", "none"), ("GZIP", "gzip"), ("SNAPPY", "snappy"), ("LZ4", "lz4")];
const BALANCERS: &[(&str, &str)] = &[
    ("crc32", "consistent"),
    ("crc32_random", "consistent_random"),
    ("murmur2", "murmur2"),
    ("murmur2_random", "murmur2_random"),
    ("round_robin", "random"),
    ("least_bytes", "random"),
];
const ACKNOWLEDGEMENTS: &[(&str, &str)] = &[("ALL", "all"), ("ONE", "1"), ("NONE", "0")];
const MECHANISMS: &[(&str, &str)] =
    &[("PLAIN", "PLAIN"), ("SCRAM_SHA256", "SCRAM-SHA-256"), ("SCRAM_SHA512", "SCRAM-SHA-512")];

/// The client's settings.
pub(super) fn settings(config: &Config, setup: &Setup) -> Result<ClientConfig, String> {
    let mut client = ClientConfig::new();
    let acknowledgements = named("requiredacks", &config.requiredacks, ACKNOWLEDGEMENTS)?;
    // The client itself tries for so long before it gives a record back: less than an attempt may take, so that it
    // still says why.
    let patience = (config.common.timeoutms / 5 * 4).max(10);
    client
        .set("bootstrap.servers", config.hostport.join(","))
        .set("client.id", &config.clientid)
        .set("compression.type", named("compression", &config.compression, COMPRESSIONS)?)
        .set("partitioner", named("balancer", &config.balancer, BALANCERS)?)
        .set("acks", acknowledgements)
        .set("enable.idempotence", (acknowledgements == "all").to_string())
        // Without idempotence only one request at a time keeps the order.
        .set("max.in.flight", if acknowledgements == "all" { "5" } else { "1" })
        .set("message.timeout.ms", patience.to_string())
        // The usual ten seconds would go by after a broker is back.
        .set("reconnect.backoff.max.ms", "2000")
        .set("linger.ms", "5");
    log_in(config, &mut client)?;
    encrypt(config, setup, &mut client)?;
    Ok(client)
}

/// The client's name of a value.
fn named(key: &str, value: &str, names: &[(&str, &'static str)]) -> Result<&'static str, String> {
    let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    let found = found.or_else(|| value.is_empty().then(|| names.first()).flatten());
    found.map(|(_, theirs)| *theirs).ok_or_else(|| {
        let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("`{key}: {value}` is none of {}", all.join(", "))
    })
}

fn log_in(config: &Config, client: &mut ClientConfig) -> Result<(), String> {
    let protocol = match (config.tls, config.sasl.is_empty()) {
        (false, true) => "plaintext",
        (true, true) => "ssl",
        (false, false) => "sasl_plaintext",
        (true, false) => "sasl_ssl",
    };
    client.set("security.protocol", protocol);
    if config.sasl.is_empty() {
        let is_bare = config.username.is_empty() && config.password.is_empty();
        return is_bare.then_some(()).ok_or_else(|| "`username` and `password` need `sasl`".to_owned());
    }
    client.set("sasl.mechanism", named("sasl", &config.sasl.replace('-', "_"), MECHANISMS)?);
    if config.username.is_empty() || config.password.is_empty() {
        return Err(format!("`sasl: {}` needs `username` and `password`", config.sasl));
    }
    client.set("sasl.username", &config.username).set("sasl.password", config.password.reveal());
    Ok(())
}

fn encrypt(config: &Config, setup: &Setup, client: &mut ClientConfig) -> Result<(), String> {
    let is_mutual = config.certificates.mutualtls;
    if !config.tls {
        let is_bare = config.cacertfile.is_empty() && !is_mutual;
        let problem = "`cacertfile` and `mutualtls` are of no use without `tls: true`";
        return is_bare.then_some(()).ok_or_else(|| problem.to_owned());
    }
    let shared = &setup.certificates;
    let file = |named: &str, usual: &str| {
        let path = if named.is_empty() { shared.path(usual) } else { PathBuf::from(named) };
        let text = std::fs::read_to_string(&path);
        text.map_err(|error| format!("reading {}: {error}", path.display()))
    };
    if is_mutual || !config.cacertfile.is_empty() {
        client.set("ssl.ca.pem", file(&config.cacertfile, "ca.crt")?);
    } else if let Some(trusted) = shared.trusted() {
        client.set("ssl.ca.pem", file(&trusted.to_string_lossy(), "ca.crt")?);
    }
    if is_mutual {
        client
            .set("ssl.certificate.pem", file(&config.certfile, "client.crt")?)
            .set("ssl.key.pem", file(&config.keyfile, "client.key")?);
    }
    // With mutual TLS the other side is checked in any case, as by falcosidekick.
    if !config.certificates.checkcert && !is_mutual {
        client.set("enable.ssl.certificate.verification", "false");
    }
    Ok(())
}

/// What the client last said about a broker: a record that is given back only tells that time was up.
#[derive(Clone, Default)]
pub(super) struct Reasons(Arc<Mutex<String>>);

impl Reasons {
    /// All is well again.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// An error, with what may have caused it.
    pub(super) fn explain(&self, error: &KafkaError) -> String {
        let reason = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reason.is_empty() { error.to_string() } else { format!("{error}: {reason}") }
    }
}

impl ClientContext for Reasons {
    fn error(&self, error: KafkaError, reason: &str) {
        // That all are down comes after why.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            reason.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Makes topics.
pub(super) struct Topics(AdminClient<DefaultClientContext>);

impl Topics {
    pub(super) fn new(client: &ClientConfig) -> Result<Self, KafkaError> {
        client.create().map(Self)
    }

    /// Makes a topic as the brokers would, unless it is there.
    pub(super) async fn make(&self, name: &str) -> Result<(), SendError> {
        let topic = NewTopic::new(name, -1, TopicReplication::Fixed(-1));
        let failed = |cause: String| SendError::Unreachable(format!("making the topic `{name}`: {cause}"));
        let made = self.0.create_topics([&topic], &AdminOptions::new()).await;
        match made.map_err(|error| failed(error.to_string()))?.pop() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(failed(code.to_string()))
            }
            _ => Ok(()),
        }
    }
}
