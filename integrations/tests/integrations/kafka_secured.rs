//! A real Kafka broker that lets nobody in without a password or a certificate.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cadge_integrations::{Config, Destination, SendError};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;

use super::broker::{Broker, free_pair};
use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::pki::Pki;

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(2);

const PASSWORD: &str = "a password; with 'signs in it";

/// The broker, with a listener for passwords and one for certificates.
struct Secured {
    server: Counterpart,
    certificates_port: u16,
}

/// What the class path needs is there once the broker without secrets runs.
fn java(libs: &Path) -> Vec<String> {
    ["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", &format!("{}/*", libs.display())]
        .map(str::to_owned)
        .to_vec()
}

impl Secured {
    fn start(test: &str) -> Option<Self> {
        let libs = Broker::get(test)?.dir.join("libs");
        let certificates_port = free_pair();
        let server = Counterpart::start(test, "java", |command, dir, port| {
            let pki = Pki::new();
            pki.write(dir, &["client"]);
            let (key, certificate) = pki.issue("broker");
            std::fs::write(dir.join("broker.pem"), key + &certificate).unwrap();
            let properties = dir.join("server.properties");
            std::fs::write(&properties, settings(dir, port, certificates_port)).unwrap();
            let mut format = Command::new("java");
            format.args(java(&libs)).args(["kafka.tools.StorageTool", "format", "-t"]);
            format.args(["MkU3OEVBNTcwNTJENDM2Qg", "-c"]).arg(&properties).arg("--add-scram");
            format.arg(format!("SCRAM-SHA-512=[name=hub,password=\"{PASSWORD}\"]"));
            let formatted = format.output().unwrap();
            assert!(formatted.status.success(), "{formatted:?}");
            command.args(java(&libs)).arg("kafka.Kafka").arg(&properties);
        })?;
        Some(Self { server, certificates_port })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.server.dir.path().join(name)
    }

    /// A section for who has a password.
    fn with_password(&self, password: &str, more: &str) -> String {
        format!(
            "kafka:\n  hostport: {}\n  topic: passwords\n  tls: true\n  cacertfile: {}\n  \
             sasl: SCRAM_SHA512\n  username: hub\n  password: \"{password}\"\n{more}",
            self.server.address(),
            self.path("ca.crt").display(),
        )
    }

    /// A section for who has a certificate.
    fn with_certificate(&self, more: &str) -> String {
        let dir = self.server.dir.path().display();
        format!(
            "mutualtlsfilespath: {dir}\nkafka:\n  hostport: 127.0.0.1:{}\n  topic: certificates\n  tls: true\n{more}",
            self.certificates_port,
        )
    }

    /// Reads a topic by a third way in.
    async fn check(&self, topic: &str, count: u64) {
        let consumer: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.server.address())
            .set("security.protocol", "sasl_ssl")
            .set("ssl.ca.location", self.path("ca.crt").to_string_lossy())
            .set("sasl.mechanism", "PLAIN")
            .set("sasl.username", "reader")
            .set("sasl.password", "in-a-tunnel")
            .set("group.id", topic)
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let (mut next, deadline) = (1, Instant::now() + PATIENCE);
        while next <= count {
            assert!(Instant::now() < deadline, "{topic}: {next} of {count}");
            let read = tokio::time::timeout(Duration::from_secs(5), consumer.recv()).await;
            let Ok(Ok(record)) = read else { continue };
            let body: serde_json::Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
            assert_eq!(body["output"], format!("13:46:40.123456789: Warning Sensitive file #{next}"));
            next += 1;
        }
        tokio::task::spawn_blocking(move || drop(consumer)).await.unwrap();
    }
}

fn settings(dir: &Path, port: u16, certificates_port: u16) -> String {
    let (dir, controller) = (dir.display(), certificates_port + 1);
    let login = "org.apache.kafka.common.security";
    let (first, second) =
        (format!("SASL_SSL://127.0.0.1:{port}"), format!("SSL://127.0.0.1:{certificates_port}"));
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners={first},{second},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners={first},{second}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=SASL_SSL\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
         sasl.mechanism.inter.broker.protocol=PLAIN\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \
         username=\"broker\" password=\"its-own\" user_broker=\"its-own\" user_reader=\"in-a-tunnel\";\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;\n\
         listener.name.ssl.ssl.client.auth=required\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={dir}/broker.pem\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={dir}/ca.crt\n\
         log.dirs={dir}/data\n\
         num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\n"
    )
}

/// What a section that cannot work says.
async fn refusal(yaml: &str) -> String {
    let config: Config = serde_saphyr::from_str(yaml).unwrap();
    let kafka = Destination::named("kafka").unwrap();
    let kinds = |_: &str| cadge_proto::json::FieldKind::Text;
    match cadge_integrations::test(&config, kafka, kinds).await.unwrap().unwrap() {
        Err(SendError::Unreachable(cause)) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_written_to_with_a_password_or_a_certificate() {
    let test = "a_broker_is_written_to_with_a_password_or_a_certificate";
    let Some(broker) = Secured::start(test) else { return };
    for (yaml, topic) in [
        (broker.with_password(PASSWORD, "  topiccreation: true\n  compression: lz4\n"), "passwords"),
        (
            broker.with_certificate(
                "  mutualtls: true\n  topiccreation: true\n  requiredacks: ONE\n  balancer: murmur2\n  compression: SNAPPY\n",
            ),
            "certificates",
        ),
    ] {
        let log = Log::default();
        for sequence in 1..=1000 {
            log.push(alert(sequence, 4));
        }
        let (running, stop, _) = log.start(&yaml);
        broker.check(topic, 1000).await;
        stop.cancel();
        running.stopped().await;
    }
    let certificate = format!("  cacertfile: {}\n", broker.path("ca.crt").display());
    for (yaml, words) in [
        (broker.with_password("guessed", ""), "Authentication failed"),
        (broker.with_password(PASSWORD, "").replace("/ca.crt", "/client.crt"), "certificate verify failed"),
        (broker.with_certificate(&certificate), "SSL"),
    ] {
        let cause = refusal(&format!("{yaml}  timeoutms: 5000\n")).await;
        assert!(cause.contains(words), "{words}: {cause}");
    }
}
