//! `POST /`: each status, what is durable, what is recognised, and who must not notice what others do.

mod web;
mod status;
mod limits;
mod hostile;
mod tail;

use web::{TOKEN, Web, falco};

#[tokio::test]
async fn what_was_answered_with_200_is_in_the_log_once() {
    let mut web = Web::start(|_| {}).await;
    for number in 0..3 {
        web.post(&falco(number)).await.is(200);
    }
    web.restart().await;
    // A sender that did not get its answer sends once more, alone or among others.
    web.post(&falco(1)).await.is(200);
    web.post(&format!("[{},{}]", falco(2), falco(3))).await.is(200);
    assert_eq!(web.outputs().await, ["alert 0", "alert 1", "alert 2", "alert 3"]);
    assert!(web.page("/metrics").await.contains("cadge_hub_alerts_duplicate_total 2"));
}

#[tokio::test]
async fn arrays_and_lines_are_taken_in_their_order() {
    let web = Web::start(|_| {}).await;
    web.post(&format!("[{},{}]", falco(0), falco(1))).await.is(200);
    let lines: Vec<String> = (2..5000).map(falco).collect();
    web.post(&lines.join("\n")).await.is(200);
    let expected: Vec<String> = (0..5000).map(|number| format!("alert {number}")).collect();
    assert_eq!(web.outputs().await, expected);
    let metrics = web.page("/metrics").await;
    assert!(
        metrics.contains(
            "falcosecurity_falcosidekick_inputs_total{source=\"requests\",status=\"accepted\"} 5000"
        ),
        "{metrics}"
    );
}

#[tokio::test]
async fn one_bad_alert_keeps_its_batch_out() {
    let web = Web::start(|_| {}).await;
    let bad = falco(1).replace("Warning", "Loud");
    let answer = web.post(&format!("[{},{bad},{}]", falco(0), falco(2))).await;
    answer.is(400);
    assert!(answer.body.contains("alert 2: unknown priority `Loud`"), "{}", answer.body);
    assert!(web.outputs().await.is_empty());
}

#[tokio::test]
async fn an_alert_says_who_handed_it_in_and_what_it_was() {
    let web = Web::start(|_| {}).await;
    web.post(&falco(7)).await.is(200);
    let alert = web.alerts().await.pop().unwrap();
    assert_eq!((alert.sensor.as_str(), alert.hostname.as_str()), ("http/node-1", "h"));
    assert_eq!((alert.priority.number(), alert.source.as_str(), alert.epoch), (4, "syscall", 0));
    assert_eq!(alert.output_fields.get("evt.time").unwrap(), "1718200000123456789");
    // Without a host name the sender's address stands there.
    web.post(&falco(8).replace("\"hostname\":\"h\",", "")).await.is(200);
    assert_eq!(web.alerts().await.pop().unwrap().hostname, "127.0.0.1");
}

#[tokio::test]
async fn the_test_alert_is_falcosidekicks() {
    let web = Web::start(|_| {}).await;
    web.request("POST", "/test", &[("Authorization", TOKEN)], "").await.is(200);
    let alert = web.alerts().await.pop().unwrap();
    assert_eq!(
        (alert.rule.as_str(), alert.priority.number(), alert.source.as_str()),
        ("Test rule", 7, "internal")
    );
    web.request("POST", "/test", &[], "").await.is(401);
    web.request("GET", "/test", &[("Authorization", TOKEN)], "").await.is(400);
}
