//! AWS's services as moto has them: it checks each request's signature, and whether the key may do that.

use std::process::Command;

use cadge_integrations::{Config, Destination};
use serde_json::Value;

use super::counterpart::{Counterpart, again, find};
use super::feed::{Log, alert};
use super::secrets;
use super::server::wait_for_metric;

/// `make setup-test` puts it there.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python-aws/bin");

const COUNT: u32 = 200;

/// A running moto with a user, a role, a bucket, queues and topics.
pub(crate) struct Moto {
    server: Counterpart,
    /// The user's keys, the role, the topics.
    pub(crate) made: Value,
}

impl Moto {
    pub(crate) fn start(test: &str) -> Option<Self> {
        let program = format!("{PYTHON}/moto_server");
        let server = Counterpart::start(test, &program, |command, _, port| {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        })?;
        let mut moto = Self { server, made: Value::Null };
        moto.made = serde_json::from_str(&moto.ask(&["arrange"])).unwrap();
        Some(moto)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.made[name].as_str().unwrap_or_default()
    }

    /// What AWS's own client prints.
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws.py");
        let mut python = Command::new(find(&format!("{PYTHON}/python")).unwrap());
        python.arg(script).arg(self.url()).args(command);
        if !self.made.is_null() {
            python.env("KEY", self.text("key")).env("SECRET", self.text("secret"));
        }
        let output = python.output().unwrap();
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {problems} {}", self.server.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The section `aws` with the user's keys.
    pub(crate) fn section(&self, more: &str) -> String {
        let (key, secret) = (self.text("key"), self.text("secret"));
        format!(
            "aws:\n  region: eu-west-1\n  accesskeyid: {key}\n  secretaccesskey: {secret}\n{}",
            more.replace("URL", &self.url())
        )
    }

    /// Delivers alerts to some destinations, not all at once: moto is slow.
    pub(crate) async fn deliver(section: &str, labels: &[&str]) {
        let log = Log::default();
        let (_running, stop, registry) = log.start(section);
        for sequence in 1..=COUNT {
            log.push(alert(sequence.into(), 4));
            if sequence % 50 != 0 {
                continue;
            }
            for label in labels {
                let line = format!(
                    "falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"ok\"}}"
                );
                wait_for_metric(&registry, &line, sequence.into()).await;
            }
        }
        stop.cancel();
    }

    /// Every alert is there once, in order.
    fn check(&self, place: [&str; 2]) {
        let text = self.ask(&place);
        let alerts: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(alerts.len(), usize::try_from(COUNT).unwrap(), "{place:?}");
        for (sequence, alert) in (1..=COUNT).zip(&alerts) {
            let output = alert["output"].as_str().unwrap();
            assert!(output.ends_with(&format!(" #{sequence}")), "{place:?} {sequence}: {alert}");
        }
    }
}

#[tokio::test]
async fn each_service_has_every_alert_once_in_order() {
    let Some(moto) = Moto::start("each_service_has_every_alert_once_in_order") else { return };
    let topic = |name: &str| moto.made["topics"][name].as_str().unwrap().to_owned();
    let plain = moto.section(&format!(
        "  s3: {{bucket: alerts, endpoint: URL}}\n  sqs: {{url: 'URL/123456789012/plain'}}\n  sns: {{topicarn: '{}', rawjson: true, endpoint: URL}}\n",
        topic("plain")
    ));
    Moto::deliver(&plain, &["awss3", "awssqs", "awssns"]).await;
    let ordered = moto.section(&format!(
        "  sqs: {{url: 'URL/123456789012/ordered.fifo'}}\n  sns: {{topicarn: '{}', rawjson: true, endpoint: URL}}\n",
        topic("ordered.fifo")
    ));
    Moto::deliver(&ordered, &["awssqs", "awssns"]).await;
    for place in [
        ["s3", "alerts"],
        ["sqs", "plain"],
        ["sqs", "ordered.fifo"],
        ["sqs", "subscribed"],
        ["sqs", "subscribed.fifo"],
    ] {
        moto.check(place);
    }
}

#[tokio::test]
async fn a_queue_that_knows_repetitions_takes_a_second_test_and_refuses_a_wrong_key() {
    let Some(moto) = Moto::start("a_queue_that_knows_repetitions_takes_a_second_test") else { return };
    let section = moto.section("  sqs: {url: 'URL/123456789012/ordered.fifo'}\n");
    let kind = Destination::named("aws.sqs").unwrap();
    let test = async |section: &str| {
        let config: Config = serde_saphyr::from_str(section).unwrap();
        cadge_integrations::test(&config, kind, |_| cadge_proto::json::FieldKind::Text)
            .await
            .unwrap()
            .unwrap()
    };
    for _ in 0..2 {
        test(&section).await.unwrap();
    }
    assert_eq!(moto.ask(&["sqs", "ordered.fifo"]).lines().count(), 2);
    let error = test(&section.replace(moto.text("secret"), "wrong")).await.unwrap_err();
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
}

/// The hub has no keys of its own: it finds in its environment what gives it those of a role.
#[tokio::test]
async fn a_role_is_taken_on_with_what_the_environment_has() {
    let name = "a_role_is_taken_on_with_what_the_environment_has";
    if let Ok(keys) = std::env::var("TEST_KEYS") {
        secrets::listen();
        let section = format!("aws: {{region: eu-west-1, {keys}}}\n");
        let labels: &[_] = if keys.contains("s3") { &["awss3", "awssqs"] } else { &["awssqs"] };
        Moto::deliver(&section, labels).await;
        let own = std::env::var("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|_| "vouched".to_owned());
        return assert!(!secrets::is_logged(&own) && !secrets::is_logged("SessionToken"));
    }
    let Some(moto) = Moto::start(name) else { return };
    let (url, role) = (moto.url(), moto.text("role"));
    let run = |variables: [(&str, &str); 2], keys: &str| {
        let place = [("AWS_ENDPOINT_URL", url.as_str()), ("TEST_KEYS", keys)];
        again(&format!("moto::{name}"), &[place, variables].concat());
        moto.check(["sqs", "plain"]);
    };
    let own = [("AWS_ACCESS_KEY_ID", moto.text("key")), ("AWS_SECRET_ACCESS_KEY", moto.text("secret"))];
    let queue = "sqs: {url: 'http://sqs/123456789012/plain'}";
    run(own, &format!("rolearn: '{role}', externalid: e, s3: {{bucket: alerts}}, {queue}"));
    moto.check(["s3", "alerts"]);
    // A role by a web identity is asked for without keys.
    let identity = moto.server.dir.path().join("token");
    std::fs::write(&identity, "vouched").unwrap();
    moto.ask(&["check", "1"]);
    run([("AWS_WEB_IDENTITY_TOKEN_FILE", identity.to_str().unwrap()), ("AWS_ROLE_ARN", role)], queue);
    assert!(!moto.server.log().contains(" 403 "), "{}", moto.server.log());
}
