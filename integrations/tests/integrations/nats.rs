//! A real NATS server, with `JetStream` and without.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cadge_integrations::DeadLetters;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::counterpart::Counterpart;
use super::feed::{Log, alert};
use super::restart::{assert_all_in_order, deliver_over_a_restart, number};
use super::server::{metric, wait_for_metric};

/// What surely comes is waited for so long.
const PATIENCE: Duration = Duration::from_mins(1);

const COUNT: u64 = 1500;

fn start(test: &str) -> Option<Counterpart> {
    Counterpart::start(test, "nats-server", |command, dir, port| {
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "--user", "u", "--pass", "p@ss"]);
        command.arg("-js").arg("-sd").arg(dir);
    })
}

fn section(nats: &Counterpart, more: &str) -> String {
    format!("nats:\n  hostport: nats://u:p@ss@{}\n{more}", nats.address())
}

fn counted(status: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"nats\",status=\"{status}\"}}")
}

/// A client for what a test asks.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(nats: &Counterpart) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(nats.address()).await.unwrap()));
        client
            .write("CONNECT {\"verbose\":false,\"user\":\"u\",\"pass\":\"p@ss\"}\r\nSUB answers 1\r\n")
            .await;
        client
    }

    async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next publication's subject and body.
    async fn next(&mut self) -> (String, Value) {
        let next = async {
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).await.unwrap();
                assert!(!line.is_empty() && !line.starts_with("-ERR"), "{line}");
                if let Some(rest) = line.strip_prefix("MSG ") {
                    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
                    let mut body = vec![0; words.last().unwrap().parse::<usize>().unwrap() + 2];
                    self.0.read_exact(&mut body).await.unwrap();
                    return (words[0].to_owned(), serde_json::from_slice(&body).unwrap());
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.unwrap()
    }

    /// Asks `JetStream`.
    async fn ask(&mut self, what: &str, request: &Value) -> Value {
        let request = request.to_string();
        self.write(&format!("PUB $JS.API.{what} answers {}\r\n{request}\r\n", request.len())).await;
        self.next().await.1
    }

    async fn add_stream(&mut self) {
        self.add_stream_of("falco.>").await;
    }

    async fn add_stream_of(&mut self, subjects: &str) {
        let stream =
            json!({"name": "alerts", "subjects": [subjects], "storage": "file", "retention": "limits"});
        let answer = self.ask("STREAM.CREATE.alerts", &stream).await;
        assert!(answer["error"].is_null(), "{answer}");
    }

    /// The subject and the body that the stream has at a place.
    async fn get(&mut self, place: u64) -> (String, String) {
        let answer = self.ask("STREAM.MSG.GET.alerts", &json!({ "seq": place })).await;
        let kept = |key: &str| answer["message"][key].as_str().unwrap().to_owned();
        (kept("subject"), String::from_utf8(BASE64_STANDARD.decode(kept("data")).unwrap()).unwrap())
    }

    /// How many alerts the stream has.
    async fn kept(&mut self) -> u64 {
        self.ask("STREAM.INFO.alerts", &json!({})).await["state"]["messages"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn a_stream_has_every_alert_once_in_order_even_if_it_comes_again() {
    let test = "a_stream_has_every_alert_once_in_order_even_if_it_comes_again";
    let Some(nats) = start(test) else { return };
    let mut client = Client::connect(&nats).await;
    client.add_stream().await;
    for _ in 0..2 {
        // The second has no cursor of the first: everything is delivered anew.
        let log = Log::default();
        for sequence in 1..=COUNT {
            log.push(alert(sequence, 4));
        }
        let (_running, stop, registry) = log.start(&section(&nats, ""));
        wait_for_metric(&registry, &counted("ok"), 1500.0).await;
        assert_eq!(metric(&registry, "cadge_integration_retries_total{destination=\"nats\"}"), Some(0.0));
        stop.cancel();
        assert_eq!(client.kept().await, COUNT);
    }
    for sequence in 1..=COUNT {
        let (subject, body) = client.get(sequence).await;
        assert_eq!(subject, "falco.warning.sensitive_file");
        assert_eq!(number(&body), sequence);
    }
}

#[tokio::test]
async fn a_stream_has_every_alert_in_order_also_when_the_server_was_stopped() {
    let test = "a_stream_has_every_alert_in_order_also_when_the_server_was_stopped";
    let Some(mut nats) = start(test) else { return };
    Client::connect(&nats).await.add_stream().await;
    let yaml = section(&nats, "");
    deliver_over_a_restart(&mut nats, "nats", &yaml).await;
    let mut client = Client::connect(&nats).await;
    let mut numbers = Vec::new();
    for place in 1..=client.kept().await {
        numbers.push(number(&client.get(place).await.1));
    }
    assert_all_in_order(numbers);
}

#[tokio::test]
async fn alerts_wait_until_there_is_a_stream() {
    let Some(nats) = start("alerts_wait_until_there_is_a_stream") else { return };
    let log = Log::default();
    let (running, stop, registry) = log.start(&section(&nats, ""));
    log.push(alert(1, 4));
    wait_for_metric(&registry, "cadge_integration_retries_total{destination=\"nats\"}", 1.0).await;
    let states = format!("{:?}", running.live().states());
    assert!(states.contains("no stream has the subjects"), "{states}");
    let mut client = Client::connect(&nats).await;
    client.add_stream().await;
    wait_for_metric(&registry, &counted("ok"), 1.0).await;
    assert_eq!(client.kept().await, 1);
    stop.cancel();
}

#[tokio::test]
async fn what_a_stream_has_of_a_batch_that_is_given_up_is_no_dead_letter() {
    let Some(nats) = start("what_a_stream_has_of_a_batch_that_is_given_up_is_no_dead_letter") else { return };
    let mut client = Client::connect(&nats).await;
    client.add_stream_of("falco.warning.>").await;
    let (log, dead) = (Log::default(), DeadLetters::open(None, 1000).unwrap());
    for sequence in 1..=200 {
        log.push(alert(sequence, if sequence % 3 == 0 { 2 } else { 4 }));
    }
    let (_running, stop, registry) = log.start_with(&section(&nats, "  maxattempts: 2\n"), dead.clone());
    wait_for_metric(&registry, &counted("error"), 66.0).await;
    wait_for_metric(&registry, &counted("ok"), 134.0).await;
    stop.cancel();
    assert_eq!(client.kept().await, 134);
    let letters = dead.list(None, 0, 1000).await.unwrap();
    assert!(letters.iter().all(|letter| letter.alert.sequence % 3 == 0), "{}", letters.len());
    assert!(letters[0].cause.contains("no stream has the subjects"), "{}", letters[0].cause);
}

#[tokio::test]
async fn without_jetstream_subscribers_get_every_alert_once_in_order() {
    let test = "without_jetstream_subscribers_get_every_alert_once_in_order";
    let Some(nats) = start(test) else { return };
    let mut client = Client::connect(&nats).await;
    client.write("SUB falco.> 2\r\n").await;
    // Whoever is answered has been subscribed before.
    client.ask("INFO", &json!({})).await;
    let log = Log::default();
    for sequence in 1..=COUNT {
        log.push(alert(sequence, 4));
    }
    let (_running, stop, registry) = log.start(&section(&nats, "  jetstream: false\n"));
    for sequence in 1..=COUNT {
        let (subject, body) = client.next().await;
        assert_eq!(subject, "falco.warning.sensitive_file");
        assert!(body["output"].as_str().unwrap().ends_with(&format!("#{sequence}")), "{sequence}: {body}");
    }
    wait_for_metric(&registry, &counted("ok"), 1500.0).await;
    stop.cancel();
}
