//! A log at a broker that wants TLS and a password.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use cadge_client::GetOptions;
use cadge_hub::{Config, Hub};
use futures_util::StreamExt as _;
use rcgen::{ExtendedKeyUsagePurpose, SanType};

use super::kafka::broker::{Broker, free_pair};
use super::secured::Pki;
use super::site::{PATIENCE, Sensor, client_at, connect};

const USER: &str = "hub";
const PASSWORD: &str = "a password; with 'signs in it";

/// A broker of its own. It ends when its standard input closes, so when this process is gone too.
struct SecuredBroker {
    dir: tempfile::TempDir,
    pki: Pki,
    port: u16,
    process: Child,
}

impl Drop for SecuredBroker {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn java(libs: &Path) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
    java.arg(format!("{}/*", libs.display()));
    java
}

impl SecuredBroker {
    fn start(test: &str) -> Option<Self> {
        // Its jars are there once that one runs.
        let libs = Broker::get(test)?.dir.join("libs");
        let (dir, pki, port) = (tempfile::tempdir().unwrap(), Pki::new("brokers"), free_pair());
        let shown = pki.issue("", |params| {
            params.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        std::fs::write(dir.path().join("ca.pem"), pki.pem()).unwrap();
        std::fs::write(dir.path().join("broker.pem"), format!("{}{}", shown.key, shown.cert)).unwrap();
        let properties = dir.path().join("server.properties");
        std::fs::write(&properties, settings(dir.path(), port)).unwrap();
        let mut format = java(&libs);
        format.args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"]);
        format.arg(&properties).arg("--add-scram");
        format.arg(format!("SCRAM-SHA-512=[name={USER},password=\"{PASSWORD}\"]"));
        let formatted = format.output().unwrap();
        assert!(formatted.status.success(), "{formatted:?}");
        let log = std::fs::File::create(dir.path().join("kafka.log")).unwrap();
        let serve = java(&libs);
        let process = Command::new("sh")
            .args(["-c", "\"$@\" & read -r _; kill $!; wait", "sh", "java"])
            .args(serve.get_args())
            .arg("kafka.Kafka")
            .arg(&properties)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let broker = Self { dir, pki, port, process };
        broker.wait();
        Some(broker)
    }

    fn wait(&self) {
        let deadline = Instant::now() + 2 * PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let said = || std::fs::read_to_string(self.path("kafka.log")).unwrap();
            assert!(Instant::now() < deadline, "the broker does not come up: {}", said());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// The first hub. The broker has its port before it knows its users.
    async fn hub(&self) -> Hub {
        let deadline = Instant::now() + 2 * PATIENCE;
        loop {
            match Hub::start(self.config()).await {
                Ok(hub) => return hub,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> Config {
        let text = format!(
            "{{grpc: {{bind_address: '', unix_socket: '{socket}'}}, webserver: {{enabled: false}}, \
             log: {{kind: kafka, kafka: {{hostport: '127.0.0.1:{port}', topic: secured, replication: 1, \
             tls: true, cacertfile: '{ca}', sasl: SCRAM_SHA512, username: {USER}, \
             password_file: '{password}'}}}}}}",
            socket = self.path("cadge.sock").display(),
            port = self.port,
            ca = self.path("ca.pem").display(),
            password = self.path("password").display(),
        );
        let mut file = std::fs::File::create(self.path("password")).unwrap();
        writeln!(file, "{PASSWORD}").unwrap();
        let mut config: Config = serde_saphyr::from_str(&text).unwrap();
        config.history.enabled = false;
        config
    }
}

/// A broker with one listener for everybody, which speaks TLS and wants a password.
fn settings(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    let login = "org.apache.kafka.common.security";
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=SASL_SSL://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=SASL_SSL\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
         sasl.mechanism.inter.broker.protocol=PLAIN\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \
         username=\"broker\" password=\"its-own\" user_broker=\"its-own\" user_plain=\"in-a-tunnel\";\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={dir}/broker.pem\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={dir}/ca.pem\n\
         log.dirs={dir}/data\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\n",
        controller = port + 1,
    )
}

/// What a hub with these settings says instead of starting.
async fn refusal(config: Config) -> String {
    match Hub::start(config).await {
        Ok(_) => panic!("it was let in"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_at_a_broker_with_tls_and_a_password_works() {
    let Some(broker) = SecuredBroker::start("a_log_at_a_broker_with_tls") else { return };
    let read = async |first: u64| {
        let mut sensor = Sensor::connect(connect(broker.path("cadge.sock")).await, "s").await;
        sensor.send(first..=first + 99).await;
        drop(sensor);
        // Who greets a sensor has read all of the log.
        Sensor::connect(connect(broker.path("cadge.sock")).await, "s").await;
        let client = client_at(&broker.path("cadge.sock")).await;
        client
            .get(GetOptions::default())
            .await
            .unwrap()
            .map(|entry| entry.unwrap().sequence)
            .collect::<Vec<_>>()
            .await
    };
    let hub = broker.hub().await;
    assert_eq!(read(1).await, (1..=100).collect::<Vec<_>>());
    hub.stop().await;
    let mut plain = broker.config();
    let kafka = &mut plain.log.kafka;
    (kafka.sasl, kafka.username, kafka.password) = ("PLAIN".into(), "plain".into(), "in-a-tunnel".into());
    kafka.password_file = None;
    let hub = Hub::start(plain).await.unwrap();
    assert_eq!(read(101).await, (1..=200).collect::<Vec<_>>());
    hub.stop().await;
    // A broker that somebody else vouches for, a wrong password, and no TLS at all.
    let mut stranger = broker.config();
    std::fs::write(broker.path("stranger.pem"), Pki::new("brokers").pem()).unwrap();
    assert_ne!(std::fs::read_to_string(broker.path("stranger.pem")).unwrap(), broker.pki.pem());
    stranger.log.kafka.cacertfile = Some(broker.path("stranger.pem"));
    let mut wrong = broker.config();
    std::fs::write(broker.path("wrong"), "guessed").unwrap();
    wrong.log.kafka.password_file = Some(broker.path("wrong"));
    let mut bare = broker.config();
    (bare.log.kafka.tls, bare.log.kafka.cacertfile) = (false, None);
    let refused = futures_util::future::join_all([stranger, wrong, bare].map(refusal)).await;
    for (text, key) in refused.iter().zip(["`log.kafka.cacertfile`", "`username` and `password`", "`tls`"]) {
        assert!(text.contains(key), "{key}: {refused:?}");
    }
}
