//! What is sent, and how much of it: priorities, filters, storms, requests at a time.

use std::time::Duration;

use cadge_integrations::DeadLetters;

use super::feed::{Log, alert};
use super::server::{Server, metric, wait_for_metric};

#[tokio::test]
async fn only_what_the_filter_admits_is_sent_and_the_cursor_moves_over_the_rest() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    let (_running, stop, _) =
        log.start(&format!("webhook:\n  address: {}\n  filter: Other rule\n", server.url));
    log.push(alert(1, 4));
    log.push(cadge_proto::Alert { rule: "Other rule".to_owned(), ..alert(2, 4) });
    log.push(alert(3, 4));
    let requests = server.requests(1).await;
    assert!(requests[0].body.contains("#2"), "{}", requests[0].body);
    while log.cursor("integration/webhook") != Some(3) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
}

#[tokio::test]
async fn a_storm_becomes_one_message_that_says_how_many() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    for sequence in 1..=500 {
        log.push(alert(sequence, 4));
    }
    let (_running, stop, registry) =
        log.start(&format!("webhook:\n  address: {}\n  ratelimit: 60\n", server.url));
    let requests = server.requests(1).await;
    assert!(
        requests[0].body.contains("#1 (500 alerts of this rule until 2024-06-12T13:46:40"),
        "{}",
        requests[0].body
    );
    wait_for_metric(&registry, "cadge_integration_grouped_total{destination=\"webhook\"}", 499.0).await;
    stop.cancel();
}

#[tokio::test]
async fn several_requests_at_a_time_deliver_each_alert_once() {
    let (server, log) = (Server::start(&[503, 200, 500]).await, Log::default());
    for sequence in 1..=50 {
        log.push(alert(sequence, 4));
    }
    let (_running, stop, registry) =
        log.start(&format!("webhook:\n  address: {}\n  maxconcurrentrequests: 8\n", server.url));
    let ok = "falcosecurity_falcosidekick_outputs_total{destination=\"webhook\",status=\"ok\"}";
    wait_for_metric(&registry, ok, 50.0).await;
    let requests = server.requests(52).await;
    for sequence in 1..=50 {
        let body = format!("#{sequence}\"");
        assert!(requests.iter().any(|request| request.body.contains(&body)), "{sequence}");
    }
    stop.cancel();
}

#[tokio::test]
async fn what_is_answered_too_often_with_a_transient_error_is_a_dead_letter() {
    let (server, log) = (Server::start(&[500, 503, 429]).await, Log::default());
    let dead = DeadLetters::open(None, 10).unwrap();
    let yaml = format!("webhook:\n  address: {}\n  maxattempts: 3\n", server.url);
    let (_running, stop, registry) = log.start_with(&yaml, dead.clone());
    log.push(alert(1, 4));
    log.push(alert(2, 4));
    let requests = server.requests(4).await;
    assert!(requests[3].body.contains("#2"), "{}", requests[3].body);
    let letters = dead.list(None, 0, 10).await.unwrap();
    assert!(letters[0].cause.ends_with(", at attempt 3"), "{}", letters[0].cause);
    assert_eq!(metric(&registry, "cadge_integration_circuit_open{destination=\"webhook\"}"), Some(0.0));
    stop.cancel();
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_made_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, log) = (format!("http://{}/hook", listener.local_addr().unwrap()), Log::default());
    let (_running, stop, registry) = log.start(&format!("webhook:\n  address: {url}\n  timeoutms: 50\n"));
    log.push(alert(1, 4));
    // Taken, and never answered.
    let _silent = listener.accept().await.unwrap();
    let retries = "cadge_integration_retries_total{destination=\"webhook\"}";
    wait_for_metric(&registry, retries, 1.0).await;
    let server = Server::serve(listener, &[]);
    server.requests(1).await;
    stop.cancel();
}

#[tokio::test]
async fn alerts_are_sent_with_the_fields_and_tags_of_the_configuration() {
    let (server, log) = (Server::start(&[]).await, Log::default());
    log.push(alert(1, 4));
    let dress = "customfields: {team: blue}\ntemplatedfields: {who: '{{ index . \"proc.name\" }}!'}\ncustomtags: [z]\n";
    let (_running, stop, _) = log.start(&format!("{dress}webhook:\n  address: {}\n", server.url));
    let body: serde_json::Value = serde_json::from_str(&server.requests(1).await[0].body).unwrap();
    let fields = &body["output_fields"];
    assert_eq!((&fields["team"], &fields["who"]), (&"blue".into(), &"cat <x>!".into()));
    assert_eq!(body["tags"], serde_json::json!(["a", "b", "z"]));
    stop.cancel();
}
