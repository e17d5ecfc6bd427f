//! A real RabbitMQ.

use std::collections::BTreeSet;
use std::time::Duration;

use cadge_integrations::{DeadLetters, Running};
use serde_json::json;

use super::feed::{Log, alert};
use super::pki::Pki;
use super::rabbitmq_server::{RabbitMq, number};
use super::restart::{assert_all_in_order, deliver_over_a_restart};
use super::server::{metric, wait_for_metric};

/// Settings of a broker that has no memory left.
const ALARM: &str = "vm_memory_high_watermark.absolute = 1MB";

const RETRIES: &str = "cadge_integration_retries_total{destination=\"rabbitmq\"}";

fn counted(status: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"rabbitmq\",status=\"{status}\"}}")
}

fn section(rabbit: &RabbitMq, more: &str) -> String {
    format!("rabbitmq:\n  url: amqp://u:p%40ss%2F@{}\n{more}", rabbit.server.address())
}

fn push(log: &Log, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        log.push(alert(sequence, 4));
    }
}

fn states(running: &Running) -> String {
    format!("{:?}", running.live().states())
}

#[tokio::test]
async fn a_queue_has_every_alert_in_order_also_when_the_broker_was_stopped() {
    let test = "a_queue_has_every_alert_in_order_also_when_the_broker_was_stopped";
    let Some(mut rabbit) = RabbitMq::plain(test) else { return };
    let log = Log::default();
    push(&log, 1..=1000);
    let yaml = section(&rabbit, "  queue: alerts\n  declarequeue: quorum\n");
    let (running, stop, registry) = log.start(&yaml);
    wait_for_metric(&registry, &counted("ok"), 1000.0).await;
    assert_eq!(metric(&registry, RETRIES), Some(0.0));
    let taken = rabbit.take("alerts").await;
    assert_eq!(taken.iter().map(number).collect::<Vec<_>>(), (1..=1000).collect::<Vec<_>>());
    let properties = &taken[0]["properties"];
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["headers"]["rule"], "Sensitive file");
    let body: serde_json::Value = serde_json::from_str(taken[0]["payload"].as_str().unwrap()).unwrap();
    assert_eq!(properties["message_id"], body["uuid"]);
    stop.cancel();
    running.stopped().await;

    deliver_over_a_restart(&mut rabbit.server, "rabbitmq", &yaml).await;
    assert_all_in_order(rabbit.take("alerts").await.iter().map(number));
}

#[tokio::test]
async fn what_the_broker_does_not_take_is_a_dead_letter_or_tried_again_as_it_says() {
    let test = "what_the_broker_does_not_take_is_a_dead_letter_or_tried_again_as_it_says";
    let Some(rabbit) = RabbitMq::plain(test) else { return };
    what_no_queue_takes_is_a_dead_letter_and_does_not_hold_up_the_next(&rabbit).await;
    what_a_full_queue_refuses_waits(&rabbit).await;
    what_is_wrong_is_named(&rabbit).await;
    an_exchange_leads_by_the_routing_key(&rabbit).await;
}

async fn what_no_queue_takes_is_a_dead_letter_and_does_not_hold_up_the_next(rabbit: &RabbitMq) {
    let (log, dead) = (Log::default(), DeadLetters::open(None, 1000).unwrap());
    let (running, stop, registry) = log.start_with(&section(rabbit, "  queue: alerts\n"), dead.clone());
    push(&log, 1..=300);
    wait_for_metric(&registry, &counted("error"), 300.0).await;
    let letters = dead.list(None, 0, 1000).await.unwrap();
    assert!(
        letters.len() == 300 && letters[0].cause.contains("gave it back: 312 NO_ROUTE"),
        "{}",
        letters[0].cause
    );
    rabbit.add_queue("alerts", &json!({})).await;
    push(&log, 301..=301);
    wait_for_metric(&registry, &counted("ok"), 1.0).await;
    running.live().replay(&letters[0]).await.unwrap();
    assert_eq!(
        rabbit.take("alerts").await.iter().map(number).collect::<Vec<_>>(),
        [301, letters[0].alert.sequence]
    );
    stop.cancel();
    running.stopped().await;
}

async fn what_a_full_queue_refuses_waits(rabbit: &RabbitMq) {
    rabbit.add_queue("full", &json!({ "x-max-length": 2, "x-overflow": "reject-publish" })).await;
    let log = Log::default();
    let (running, stop, registry) = log.start(&section(rabbit, "  queue: full\n"));
    push(&log, 1..=5);
    wait_for_metric(&registry, RETRIES, 1.0).await;
    assert!(states(&running).contains("its queue is full"), "{}", states(&running));
    let mut taken = BTreeSet::new();
    while taken.len() < 5 {
        taken.extend(rabbit.take("full").await.iter().map(number));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait_for_metric(&registry, &counted("ok"), 5.0).await;
    stop.cancel();
}

const EXCHANGE: &str = "  exchange: security\n  routingkey: falco.<priority>.<rule>\n";

async fn what_is_wrong_is_named(rabbit: &RabbitMq) {
    let address = rabbit.server.address();
    for (section, words) in [
        (section(rabbit, EXCHANGE), "404 NOT_FOUND - no exchange 'security'"),
        (format!("rabbitmq:\n  url: amqp://u:T0KEN@{address}\n  queue: q\n"), "403 ACCESS_REFUSED"),
        (
            format!("rabbitmq:\n  url: amqp://u:p%40ss%2F@{address}/other\n  queue: q\n"),
            "vhost other not found",
        ),
    ] {
        let log = Log::default();
        let (running, stop, registry) = log.start(&section);
        push(&log, 1..=1);
        wait_for_metric(&registry, RETRIES, 1.0).await;
        let states = states(&running);
        assert!(states.contains(words) && !states.contains("T0KEN"), "{states}");
        stop.cancel();
        running.stopped().await;
    }
}

async fn an_exchange_leads_by_the_routing_key(rabbit: &RabbitMq) {
    rabbit.ask("PUT", "exchanges/%2F/security", &json!({ "type": "topic", "durable": true })).await;
    rabbit.add_queue("warnings", &json!({})).await;
    let binding = json!({ "routing_key": "falco.warning.*" });
    rabbit.ask("POST", "bindings/%2F/e/security/q/warnings", &binding).await;
    let (log, dead) = (Log::default(), DeadLetters::open(None, 10).unwrap());
    let (_running, stop, registry) = log.start_with(&section(rabbit, EXCHANGE), dead.clone());
    for (sequence, priority) in [(1, 4), (2, 2), (3, 4)] {
        log.push(alert(sequence, priority));
    }
    wait_for_metric(&registry, &counted("ok"), 2.0).await;
    wait_for_metric(&registry, &counted("error"), 1.0).await;
    stop.cancel();
    assert_eq!(rabbit.take("warnings").await.iter().map(number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(dead.list(None, 0, 10).await.unwrap()[0].alert.sequence, 2);
}

#[tokio::test]
async fn a_broker_knows_its_user_by_a_certificate_and_takes_alerts_when_it_has_memory() {
    let test = "a_broker_knows_its_user_by_a_certificate_and_takes_alerts_when_it_has_memory";
    let started = RabbitMq::start(test, |dir, port| {
        Pki::new().write(dir, &["server", "client"]);
        let shown = dir.display();
        format!(
            "listeners.tcp = none\nlisteners.ssl.default = 127.0.0.1:{port}\nssl_options.verify = verify_peer\n\
             ssl_options.fail_if_no_peer_cert = true\nssl_options.cacertfile = {shown}/ca.crt\n\
             ssl_options.certfile = {shown}/server.crt\nssl_options.keyfile = {shown}/server.key\n\
             auth_mechanisms.1 = EXTERNAL\n{ALARM}\nssl_cert_login_from = common_name\n\
             default_user = u\ndefault_pass = p@ss/\n"
        )
    });
    let Some(mut rabbit) = started else { return };
    rabbit.ask("PUT", "users/client", &json!({ "password": "", "tags": "" })).await;
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    rabbit.ask("PUT", "permissions/%2F/client", &all).await;
    let other = tempfile::tempdir().unwrap();
    Pki::new().write(other.path(), &["client"]);
    let address = rabbit.server.address();
    let yaml = |dir: &std::path::Path, mechanism: &str| {
        format!(
            "mutualtlsfilespath: {}\nrabbitmq:\n  url: amqps://{address}\n  mutualtls: true\n  queue: alerts\n  \
             declarequeue: classic\n  authmechanism: {mechanism}\n",
            dir.display()
        )
    };
    let own = &rabbit.server.dir.path().to_owned();
    for (dir, mechanism, words) in
        [(other.path(), "external", "certificate"), (own, "plain", "and not `PLAIN`")]
    {
        let log = Log::default();
        let (running, stop, registry) = log.start(&yaml(dir, mechanism));
        push(&log, 1..=1);
        wait_for_metric(&registry, RETRIES, 1.0).await;
        assert!(states(&running).contains(words), "{}", states(&running));
        stop.cancel();
        running.stopped().await;
    }
    let log = Log::default();
    push(&log, 1..=1000);
    let (running, stop, registry) = log.start(&yaml(own, "external"));
    wait_for_metric(&registry, RETRIES, 1.0).await;
    assert!(states(&running).contains("takes nothing now: low on memory"), "{}", states(&running));
    rabbit.server.stop();
    let settings = std::fs::read_to_string(own.join("rabbitmq.conf")).unwrap();
    std::fs::write(own.join("rabbitmq.conf"), settings.replace(ALARM, "")).unwrap();
    rabbit.server.start_again();
    wait_for_metric(&registry, &counted("ok"), 1000.0).await;
    stop.cancel();
    assert_eq!(
        rabbit.take("alerts").await.iter().map(number).collect::<Vec<_>>(),
        (1..=1000).collect::<Vec<_>>()
    );
}
