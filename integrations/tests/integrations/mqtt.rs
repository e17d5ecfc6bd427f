//! A real MQTT broker, with its own subscriber.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::counterpart::{Counterpart, find, libraries};
use super::feed::{Log, alert};
use super::restart::{self, assert_all_in_order, deliver_over_a_restart, number};
use super::server::{metric, wait_for_metric};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

const COUNT: u64 = 1500;

fn start(test: &str, more: &str) -> Option<Counterpart> {
    Counterpart::start(test, "mosquitto", |command, dir, port| {
        let file = dir.join("mosquitto.conf");
        let more = more.replace("FOLDER", &format!("{}/", dir.display()));
        let lines = format!("listener {port} 127.0.0.1\nmax_queued_messages 10000\nuser root\n{more}");
        std::fs::write(&file, lines).unwrap();
        command.arg("-v").arg("-c").arg(file);
    })
}

/// Its own subscriber, with these arguments.
fn subscriber(broker: &Counterpart, test: &str, arguments: &[&str]) -> Option<Command> {
    let Some(program) = find("mosquitto_sub") else { return super::counterpart::skip(test, "mosquitto_sub") };
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-t", "falco/events"]).args(arguments);
    command.env("LD_LIBRARY_PATH", libraries()).stdout(Stdio::piped()).kill_on_drop(true);
    Some(command)
}

/// Subscribes, and waits until the broker says that it has.
async fn subscribe(
    broker: &Counterpart,
    test: &str,
    qos: &str,
) -> Option<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = subscriber(broker, test, &["-q", qos])?.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let subscribed = async {
        while !broker.log().contains("Sending SUBACK") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, subscribed).await.unwrap();
    Some((child, lines))
}

#[tokio::test]
async fn a_subscriber_gets_every_alert_once_in_order() {
    let test = "a_subscriber_gets_every_alert_once_in_order";
    for qos in ["0", "1", "2"] {
        let Some(broker) = start(test, "allow_anonymous true\n") else { return };
        let Some((_child, mut lines)) = subscribe(&broker, test, qos).await else { return };
        let log = Log::default();
        for sequence in 1..=COUNT {
            log.push(alert(sequence, 4));
        }
        let (_running, stop, registry) =
            log.start(&format!("mqtt:\n  broker: tcp://{}\n  qos: {qos}\n", broker.address()));
        for sequence in 1..=COUNT {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            let line =
                line.unwrap_or_else(|_| panic!("{qos}: {sequence}: {}", broker.log())).unwrap().unwrap();
            let body: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(body["output"].as_str().unwrap().ends_with(&format!("#{sequence}")), "{qos}: {line}");
        }
        let line = "falcosecurity_falcosidekick_outputs_total{destination=\"mqtt\",status=\"ok\"}";
        wait_for_metric(&registry, line, 1500.0).await;
        assert_eq!(metric(&registry, "cadge_integration_retries_total{destination=\"mqtt\"}"), Some(0.0));
        stop.cancel();
    }
}

#[tokio::test]
async fn a_session_has_every_alert_in_order_also_when_the_broker_was_stopped() {
    let test = "a_session_has_every_alert_in_order_also_when_the_broker_was_stopped";
    for qos in ["1", "2"] {
        let kept = "allow_anonymous true\npersistence true\npersistence_location FOLDER\n";
        let Some(mut broker) = start(test, kept) else { return };
        // What comes for the session waits in the broker, and in its file.
        let session = ["-q", qos, "-c", "-i", "reader"];
        let Some(mut once) = subscriber(&broker, test, &[&session[..], &["-E"]].concat()) else { return };
        assert!(once.status().await.unwrap().success());
        let yaml = format!("mqtt:\n  broker: tcp://{}\n  qos: {qos}\n", broker.address());
        deliver_over_a_restart(&mut broker, "mqtt", &yaml).await;
        let mut reader = subscriber(&broker, test, &session).unwrap().spawn().unwrap();
        let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
        let mut numbers = Vec::new();
        while numbers.last() != Some(&restart::COUNT) {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("{qos}: {numbers:?}: {}", broker.log()));
            numbers.push(number(&line.unwrap().unwrap()));
        }
        assert_all_in_order(numbers);
    }
}

#[tokio::test]
async fn a_broker_that_wants_another_user_is_tried_again() {
    let test = "a_broker_that_wants_another_user_is_tried_again";
    let Some(broker) = start(test, "allow_anonymous false\n") else { return };
    let log = Log::default();
    let (running, stop, registry) =
        log.start(&format!("mqtt:\n  broker: {}\n  user: a\n  password: b\n", broker.address()));
    log.push(alert(1, 4));
    wait_for_metric(&registry, "cadge_integration_retries_total{destination=\"mqtt\"}", 1.0).await;
    let state = format!("{:?}", running.live().states());
    assert!(state.contains("may not connect") || state.contains("is wrong"), "{state}");
    stop.cancel();
}
