//! Each status, and what a sender reads.

use super::web::{TOKEN, Web, falco};

#[tokio::test]
async fn falcosidekicks_answers() {
    let web = Web::start(|_| {}).await;
    for method in ["GET", "PUT", "DELETE"] {
        let answer = web.request(method, "/", &[], "").await;
        answer.is(400);
        assert_eq!(answer.body, "Please send with post http method\n");
    }
    assert_eq!(web.page("/ping").await, "pong\n");
    assert_eq!(web.page("/healthz").await, "{\"status\": \"ok\"}");
    web.request("POST", "/ping", &[], "").await.is(200);
    let answer = web.post(&falco(0)).await;
    answer.is(200);
    assert_eq!(answer.body, "");
    for body in ["", "[]", "{", "nonsense", "{\"rule\":\"R\"}", &falco(0).replace("\"Warning\"", "4")] {
        let answer = web.post(body).await;
        answer.is(400);
        assert!(answer.body.starts_with("Please send a valid request body: "), "{}", answer.body);
    }
    // What falcosidekick panics on.
    web.post(&falco(1).replace("\"n\"", "\"k8s.ns.name\":7,\"k8s.pod.name\":[{}],\"n\"")).await.is(200);
}

#[tokio::test]
async fn who_shows_no_token_or_a_wrong_one_is_refused() {
    let web = Web::start(|_| {}).await;
    let with = async |header: &str| web.request("POST", "/", &[("Authorization", header)], &falco(0)).await;
    let answer = web.request("POST", "/", &[], &falco(0)).await;
    answer.is(401);
    assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
    for header in ["Bearer 0123456789abcdeF", "Bearer", "Basic 0123456789abcdef", "0123456789abcdef", "é"] {
        with(header).await.is(401);
    }
    with("bearer  0123456789abcdef").await.is(200);
    assert_eq!(web.outputs().await.len(), 1);
    let metrics = web.page("/metrics").await;
    assert!(metrics.contains("cadge_hub_http_refused_total{cause=\"authentication\"} 6"), "{metrics}");
    assert!(!metrics.contains("0123456789"), "a token is shown nowhere");
}

#[tokio::test]
async fn without_tokens_and_certificates_nobody_may() {
    let web = Web::start(|config| config.webserver.token_file = None).await;
    for headers in [&[][..], &[("Authorization", TOKEN)][..]] {
        let answer = web.request("POST", "/", headers, &falco(0)).await;
        answer.is(403);
        assert!(answer.body.contains("webserver.token_file"), "{}", answer.body);
    }
    assert!(web.outputs().await.is_empty());
}

#[tokio::test]
async fn paths_and_what_may_be_switched_off() {
    let web = Web::start(|config| {
        config.webserver.prometheus_metrics_enabled = false;
        config.webserver.k8s_healthz_endpoint = "/alive".to_owned();
    })
    .await;
    web.request("GET", "/metrics", &[], "").await.is(404);
    web.request("POST", "/foo/bar", &[("Authorization", TOKEN)], &falco(0)).await.is(404);
    assert_eq!(web.page("/alive").await, web.page("/healthz").await);
}

#[tokio::test]
async fn what_is_too_large_or_compressed_is_told_so() {
    let web = Web::start(|config| config.webserver.body_bytes_max = 10_000).await;
    let announced = [("Authorization", TOKEN)];
    web.request("POST", "/", &announced, &" ".repeat(10_001)).await.is(413);
    // Without a length it is noticed on the way.
    let mut connection = web.connect().await;
    let chunks = "1000\r\n".to_owned() + &" ".repeat(0x1000) + "\r\n";
    let head = "POST / HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer 0123456789abcdef\r\nTransfer-Encoding: chunked\r\n\r\n";
    let _ = tokio::io::AsyncWriteExt::write_all(
        &mut connection,
        (head.to_owned() + &chunks.repeat(3)).as_bytes(),
    )
    .await;
    super::web::Answer::read(connection).await.is(413);
    let gzip = [("Authorization", TOKEN), ("Content-Encoding", "gzip")];
    let answer = web.request("POST", "/", &gzip, "x").await;
    answer.is(415);
    assert!(answer.body.contains("`gzip`"), "{}", answer.body);
    let long = "x".repeat(100_000);
    web.request("GET", "/ping", &[("X", &long)], "").await.is(431);
}
