//! A real Redis.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::restart::{assert_all_in_order, deliver_over_a_restart, number};
use super::server::wait_for_metric;

const COUNT: u64 = 1500;

fn start(test: &str) -> Option<Counterpart> {
    Counterpart::start(test, "redis-server", |command, dir, port| {
        // What it has answered for is in its file.
        command.args(["--appendonly", "yes"]);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(dir);
        command.args(["--requirepass", "s3cret"]);
    })
}

/// Asks with a command in one line; answers everything until the connection is closed.
async fn ask(redis: &Counterpart, command: &str) -> String {
    let mut stream = TcpStream::connect(redis.address()).await.unwrap();
    stream.write_all(format!("AUTH s3cret\r\nSELECT 3\r\n{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

fn counted(status: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"redis\",status=\"{status}\"}}")
}

fn section(redis: &Counterpart, more: &str) -> String {
    format!("redis:\n  address: {}\n  password: s3cret\n  database: 3\n{more}", redis.address())
}

fn bodies(text: &str) -> Vec<serde_json::Value> {
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_list_has_every_alert_once_in_order() {
    let Some(redis) = start("a_list_has_every_alert_once_in_order") else { return };
    let log = Log::default();
    for sequence in 1..=COUNT {
        log.push(alert(sequence, 4));
    }
    let (_running, stop, registry) = log.start(&section(&redis, ""));
    wait_for_metric(&registry, &counted("ok"), 1500.0).await;
    stop.cancel();
    let bodies = bodies(&ask(&redis, "LRANGE falco 0 -1").await);
    assert_eq!(bodies.len(), 1500);
    for (sequence, body) in (1..=COUNT).zip(&bodies) {
        assert!(body["output"].as_str().unwrap().ends_with(&format!("#{sequence}")), "{sequence}: {body}");
    }
}

#[tokio::test]
async fn a_list_has_every_alert_in_order_also_when_redis_was_stopped() {
    let test = "a_list_has_every_alert_in_order_also_when_redis_was_stopped";
    let Some(mut redis) = start(test) else { return };
    let yaml = section(&redis, "");
    deliver_over_a_restart(&mut redis, "redis", &yaml).await;
    let kept = ask(&redis, "LRANGE falco 0 -1").await;
    assert_all_in_order(kept.lines().filter(|line| line.starts_with('{')).map(number));
}

#[tokio::test]
async fn a_hash_has_every_alert_by_its_id() {
    let Some(redis) = start("a_hash_has_every_alert_by_its_id") else { return };
    let log = Log::default();
    let (_running, stop, registry) = log.start(&section(&redis, "  storagetype: hashmap\n  key: alerts\n"));
    for sequence in 1..=COUNT {
        log.push(alert(sequence, 4));
    }
    wait_for_metric(&registry, &counted("ok"), 1500.0).await;
    stop.cancel();
    let text = ask(&redis, "HGETALL alerts").await;
    let bodies = bodies(&text);
    assert_eq!(bodies.len(), 1500);
    let fields: Vec<&str> = text.lines().filter(|line| line.len() == 36 && line.contains('-')).collect();
    let ids: Vec<&str> = bodies.iter().map(|body| body["uuid"].as_str().unwrap()).collect();
    assert_eq!(fields, ids);
}

#[tokio::test]
async fn what_redis_refuses_is_a_dead_letter_or_tried_again_as_it_says() {
    let Some(redis) = start("what_redis_refuses_is_a_dead_letter_or_tried_again_as_it_says") else { return };
    let log = Log::default();
    let dead = cadge_integrations::DeadLetters::open(None, 10).unwrap();
    assert!(ask(&redis, "SET falco text").await.contains("+OK"));
    let (_running, stop, registry) = log.start_with(&section(&redis, ""), dead.clone());
    log.push(alert(1, 4));
    wait_for_metric(&registry, &counted("error"), 1.0).await;
    let letters = dead.list(None, 0, 10).await.unwrap();
    assert!(letters[0].cause.contains("WRONGTYPE"), "{}", letters[0].cause);
    // No memory left is no fault of an alert's: it is delivered once there is some.
    ask(&redis, "DEL falco").await;
    ask(&redis, "CONFIG SET maxmemory 1").await;
    log.push(alert(2, 4));
    let retries = "cadge_integration_retries_total{destination=\"redis\"}";
    wait_for_metric(&registry, retries, 1.0).await;
    ask(&redis, "CONFIG SET maxmemory 0").await;
    wait_for_metric(&registry, &counted("ok"), 1.0).await;
    stop.cancel();
    let bodies = bodies(&ask(&redis, "LRANGE falco 0 -1").await);
    assert!(bodies.len() == 1 && bodies[0]["output"].as_str().unwrap().ends_with("#2"), "{bodies:?}");
}
