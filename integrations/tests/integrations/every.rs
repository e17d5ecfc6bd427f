//! What holds for every destination by HTTP: one list, one suite. A new one is covered without a test of its own.

use cadge_integrations::{Config, DESTINATIONS, DeadLetters, Destination, ReplayError, SendError};
use cadge_proto::json::FieldKind;

use super::feed::{Log, alert};
use super::server::{Server, wait_for_metric};

/// Those that are reached by HTTP, as their example says.
fn by_http() -> impl Iterator<Item = &'static Destination> {
    DESTINATIONS.iter().filter(|kind| kind.example.contains("URL"))
}

/// The section of an example, at a server.
fn section(kind: &Destination, url: &str) -> String {
    kind.example.replace("URL", url)
}

fn counted(kind: &Destination, status: &str) -> String {
    let label = kind.label();
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"{status}\"}}")
}

fn retried(kind: &Destination) -> String {
    format!("cadge_integration_retries_total{{destination=\"{}\"}}", kind.label())
}

#[tokio::test]
async fn what_may_go_well_later_is_tried_again() {
    for kind in by_http() {
        for answers in [&[500, 503][..], &[429], &[408]] {
            let (server, log) = (Server::start(answers).await, Log::default());
            let (_running, stop, registry) = log.start(&section(kind, &server.url));
            log.push(alert(1, 4));
            let requests = server.requests(answers.len() + 1).await;
            assert!(requests.windows(2).all(|pair| pair[0].body == pair[1].body), "{kind:?}");
            wait_for_metric(&registry, &counted(kind, "ok"), 1.0).await;
            wait_for_metric(&registry, &retried(kind), f64::from(u32::try_from(answers.len()).unwrap()))
                .await;
            stop.cancel();
        }
    }
}

#[tokio::test]
async fn a_log_that_fails_for_a_while_is_delivered_once_it_works_again() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    log.fail(2);
    let (_running, stop, _) = log.start(&format!("webhook:\n  address: {}\n", server.url));
    log.push(alert(1, 4));
    // The alert comes again with each try: its place could not be kept.
    let requests = server.requests(3).await;
    assert!(requests.iter().all(|request| request.body.contains("#1")));
    log.push(alert(2, 4));
    let requests = server.requests(4).await;
    assert!(requests[3].body.contains("#2"), "{}", requests[3].body);
    stop.cancel();
}

#[tokio::test]
async fn what_is_refused_for_good_is_a_dead_letter_and_does_not_hold_up_the_next() {
    for kind in by_http() {
        for code in [400, 403, 404, 302] {
            let (server, log) = (Server::start(&[code]).await, Log::default());
            let dead = DeadLetters::open(None, 10).unwrap();
            let (running, stop, registry) = log.start_with(&section(kind, &server.url), dead.clone());
            log.push(alert(1, 4));
            // Not both at once: some take several in one request.
            server.requests(1).await;
            log.push(alert(2, 4));
            let requests = server.requests(2).await;
            assert!(requests[0].body.contains("#1") && requests[1].body.contains("#2"), "{kind:?} {code}");
            wait_for_metric(&registry, &counted(kind, "error"), 1.0).await;
            wait_for_metric(&registry, &counted(kind, "ok"), 1.0).await;
            let letters = dead.list(Some(&kind.label()), 0, 10).await.unwrap();
            assert_eq!((letters.len(), letters[0].alert.sequence), (1, 1), "{kind:?}");
            assert!(letters[0].cause.contains(&code.to_string()), "{}", letters[0].cause);
            let answer = running.live().replay(&letters[0]).await.unwrap();
            assert!(answer.to_string().contains("200"), "{answer}");
            assert!(server.requests(3).await[2].body.contains("#1"), "{kind:?}");
            assert!(matches!(running.live().replay(&letters[0]).await, Err(ReplayError::Gone)), "{kind:?}");
            stop.cancel();
        }
    }
}

#[tokio::test]
async fn a_destination_that_is_away_gets_everything_in_order_when_it_is_back() {
    for kind in by_http() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let log = Log::default();
        let (_running, stop, registry) = log.start(&section(kind, &format!("http://{address}/hook")));
        for sequence in 1..=20 {
            log.push(alert(sequence, 4));
        }
        while super::server::metric(&registry, &retried(kind)).unwrap_or_default() < 1.0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let server = Server::serve(tokio::net::TcpListener::bind(address).await.unwrap(), &[]);
        wait_for_metric(&registry, &counted(kind, "ok"), 20.0).await;
        // Some take several in one request.
        let bodies: String = server.requests(1).await.into_iter().map(|request| request.body).collect();
        let places: Vec<_> =
            (1..=20).map(|sequence| bodies.find(&format!("#{sequence}\"")).expect("each alert")).collect();
        assert!(places.is_sorted(), "{kind:?}: {bodies}");
        stop.cancel();
    }
}

/// By HTTP, with and without a client of its own, by gRPC, and by each protocol on a link of its own.
#[tokio::test]
async fn where_nobody_listens_is_told_from_where_nobody_answers() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let names = [
        "webhook",
        "slack",
        "mqtt",
        "nats",
        "postgresql",
        "rabbitmq",
        "redis",
        "smtp",
        "syslog",
        "otlp.logs",
    ];
    for name in names {
        let kind = Destination::named(name).unwrap();
        let (url, address) = (format!("http://127.0.0.1:{port}/"), format!("127.0.0.1:{port}"));
        let yaml = kind.example.replace("URL", &url);
        let yaml = match name {
            "postgresql" | "syslog" => yaml.replace("ADDRESS", &format!("127.0.0.1\n  port: {port}")),
            _ => yaml.replace("ADDRESS", &address),
        };
        for protocol in ["http/json", "grpc"] {
            let config: Config = serde_saphyr::from_str(&yaml.replace("http/json", protocol)).unwrap();
            let sent = cadge_integrations::test(&config, kind, |_| FieldKind::Text).await.unwrap().unwrap();
            assert!(matches!(sent, Err(SendError::Away(_))), "{name} {protocol}: {sent:?}");
        }
    }
}

#[tokio::test]
async fn delivery_goes_on_at_the_cursor_after_a_restart() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    let yaml = format!("webhook:\n  address: {}\n", server.url);
    let (running, stop, _) = log.start(&yaml);
    log.push(alert(1, 4));
    server.requests(1).await;
    while log.cursor("integration/webhook") != Some(1) {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.stopped().await;
    log.push(alert(2, 4));
    let (_running, stop, _) = log.start(&yaml);
    let requests = server.requests(2).await;
    assert!(requests[1].body.contains("#2"), "{}", requests[1].body);
    stop.cancel();
}

#[tokio::test]
async fn less_urgent_alerts_are_left_out() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    let (_running, stop, registry) =
        log.start(&format!("webhook:\n  address: {}\n  minimumpriority: error\n", server.url));
    log.push(alert(1, 4));
    log.push(alert(2, 3));
    let requests = server.requests(1).await;
    assert!(requests[0].body.contains("#2"));
    wait_for_metric(&registry, "cadge_integration_filtered_total{destination=\"webhook\"}", 1.0).await;
    stop.cancel();
}

#[test]
fn secrets_are_never_printed_and_unknown_keys_are_refused() {
    let yaml = "slack: {webhookurl: 'https://x/T0KEN'}\nwebhook: {address: 'https://x/T0KEN', customheaders: {Authorization: T0KEN}}\n";
    let config: Config = serde_saphyr::from_str(yaml).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("T0KEN") && printed.contains("***"), "{printed}");
    for yaml in ["slak: {}", "slack: {webhokurl: x}", "kafka: {hostport: 1, topik: x}"] {
        assert!(serde_saphyr::from_str::<Config>(yaml).is_err(), "{yaml}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    for (yaml, words) in [
        ("webhook: {address: nowhere}", "`address` is no URL"),
        ("webhook: {address: 'http://x', method: GET}", "neither POST nor PUT"),
        ("webhook: {address: 'http://x', minimumpriority: hgih}", "is no priority"),
        ("slack: {webhookurl: 'http://x', outputformat: none}", "is none of"),
        ("pagerduty: {routingkey: x, region: mars}", "`region: mars` is none of us, eu"),
        ("elasticsearch: {hostport: 'http://x', index: Falco}", "small letters"),
        ("azure: {eventhub: {namespace: a, name: b, sharedaccesskey: x}}", "give both, or neither"),
        ("gcp: {pubsub: {projectid: a, topic: b}}", "`credentials` is missing"),
        ("gcp: {credentials: ä, pubsub: {projectid: a, topic: b}}", "is not base64"),
        ("gcp: {credentials: eA==, storage: {bucket: a}}", "`credentials` is no JSON"),
        ("splunk: {host: 'http://x'}", "`token` is missing"),
        ("redis: {address: 'redis://a'}", "`address` is no address"),
        ("redis: {address: a, storagetype: set}", "none of list, hashmap"),
        ("mqtt: {broker: 'ws://a'}", "none of tcp, mqtt, ssl"),
        ("mqtt: {broker: a, qos: 3}", "`qos: 3` is none of 0, 1, 2"),
        ("mqtt: {broker: a, topic: 'a/#'}", "for subscribers"),
        ("nats: {hostport: a, subjecttemplate: 'falco.>'}", "is no subject"),
        ("rabbitmq: {url: 'amqp://a'}", "`queue` or `exchange` is missing"),
        ("rabbitmq: {url: 'http://a', queue: q}", "begins with `http://`"),
        ("rabbitmq: {url: 'amqp://a', queue: q, routingkey: k}", "`routingkey` needs `exchange`"),
        ("rabbitmq: {url: 'amqp://a', queue: q, declarequeue: lazy}", "none of classic, quorum"),
        (
            "rabbitmq: {url: 'amqp://a', queue: q, declarequeue: quorum, exchange: e}",
            "of no use with `exchange`",
        ),
        ("rabbitmq: {url: 'amqp://a', queue: q, authmechanism: external}", "needs `mutualtls: true`"),
        ("kafka: {hostport: 'localhost:1'}", "`topic` is missing"),
        ("kafka: {hostport: 'x:1', topic: t, sasl: GSSAPI}", "`sasl: GSSAPI` is none of"),
        ("kafka: {hostport: 'x:1', topic: t, sasl: PLAIN}", "needs `username` and `password`"),
        ("kafka: {hostport: 'x:1', topic: t, username: u}", "`username` and `password` need `sasl`"),
        ("kafka: {hostport: 'x:1', topic: t, compression: ZSTD}", "`compression: ZSTD` is none of"),
        ("kafka: {hostport: 'x:1', topic: t, balancer: hash}", "`balancer: hash` is none of"),
        ("kafka: {hostport: 'x:1', topic: t, requiredacks: TWO}", "`requiredacks: TWO` is none of"),
        ("kafka: {hostport: 'x:1', topic: t, tls: true, cacertfile: /nowhere}", "/nowhere"),
        ("kafka: {hostport: 'x:1', topic: t, cacertfile: /x}", "no use without `tls: true`"),
        ("otlp: {logs: {endpoint: 'http://x', protocol: udp}}", "takes at 4317"),
        ("otlp: {logs: {endpoint: 'x:4317', protocol: grpc}}", "neither http:// nor https://"),
        ("otlp: {metrics: {endpoint: 'http://x:1/v1', protocol: grpc}}", "has a path"),
        ("policyreport: {enabled: true, maxevents: 0}", "`maxevents: 0` leaves no room"),
        ("policyreport: {enabled: true, falconamespace: A/b}", "`falconamespace: A/b` is no name"),
        ("policyreport: {enabled: true, kubeconfig: /nowhere}", "`kubeconfig` /nowhere: No such file"),
        ("influxdb: {hostport: 'http://x', precision: h}", "is none of ns"),
        ("syslog: {host: x, protocol: sctp}", "`protocol: sctp` is none of tcp, udp, tls"),
        ("syslog: {host: x, facility: 24}", "`facility: 24` is above 23"),
        ("syslog: {host: x, protocol: tls, cacertfile: /nowhere}", "/nowhere"),
    ] {
        let config: Config = serde_saphyr::from_str(yaml).unwrap();
        let context = cadge_integrations::Context {
            dead: DeadLetters::open(None, 10).unwrap(),
            feeds: std::sync::Arc::new(Log::default()),
            field_kinds: |_| cadge_proto::json::FieldKind::Text,
            registry: prometheus::Registry::new(),
            stop: tokio_util::sync::CancellationToken::new(),
        };
        let error = cadge_integrations::start(&config, &context).unwrap_err().to_string();
        assert!(error.contains(words), "{yaml}: {error}");
    }
}

/// Those that write into a folder, as their example says.
#[tokio::test]
async fn a_file_gets_every_alert_as_a_line() {
    for kind in DESTINATIONS.iter().filter(|kind| kind.example.contains("FOLDER")) {
        let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
        for sequence in 1..=1500 {
            log.push(alert(sequence, 4));
        }
        let yaml = kind.example.replace("FOLDER", dir.path().to_str().unwrap());
        let (_running, stop, registry) = log.start(&yaml);
        wait_for_metric(&registry, &counted(kind, "ok"), 1500.0).await;
        stop.cancel();
        let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(file).unwrap();
        for (sequence, line) in (1..=1500).zip(text.lines()) {
            let alert: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(alert["output"].as_str().unwrap().ends_with(&format!("#{sequence}")), "{kind:?}: {line}");
        }
        assert_eq!(text.lines().count(), 1500, "{kind:?}");
    }
}
