//! Clients that are slow, many, or never end: others are served as if they were not there.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::web::{Answer, Web, falco};

/// Connections that send part of a header, and then nothing.
async fn lingering(web: &Web, count: usize) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = web.connect().await;
        // One that was sent away already may refuse it.
        let _ = connection.write_all(b"POST / HTTP/1.1\r\nX: ").await;
        connections.push(connection);
    }
    connections
}

#[tokio::test]
async fn who_waits_longest_makes_room() {
    let web = Web::start(|config| config.webserver.connections_max = 20).await;
    let slow = lingering(&web, 100).await;
    for number in 0..30 {
        web.post(&falco(number)).await.is(200);
    }
    web.counted("cadge_hub_http_closed_total{cause=\"idle\"}").await;
    assert_eq!(web.outputs().await.len(), 30);
    drop(slow);
}

#[tokio::test]
async fn a_header_that_does_not_end_is_given_up() {
    let web = Web::start(|config| config.webserver.header_timeout_ms = 200).await;
    for connection in lingering(&web, 10).await {
        // No answer, but an end.
        Answer::read(connection).await.is(0);
    }
    web.counted("cadge_hub_http_closed_total{cause=\"timeout\"} 10").await;
    web.post(&falco(0)).await.is(200);
}

/// A request whose body has `sent` of `length` bytes.
async fn unfinished(web: &Web, length: usize, sent: usize) -> TcpStream {
    let mut connection = web.connect().await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer 0123456789abcdef\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.write_all((head + &" ".repeat(sent)).as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let web = Web::start(|config| config.webserver.body_timeout_ms = 200).await;
    Answer::read(unfinished(&web, 1000, 10).await).await.is(408);
    web.post(&falco(0)).await.is(200);
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let web = Web::start(|config| config.webserver.bodies_bytes_max = 10_000).await;
    let held = unfinished(&web, 9_500, 9_400).await;
    web.counted("cadge_hub_http_body_bytes 9400").await;
    let answer = web.post(&" ".repeat(1_000)).await;
    answer.is(503);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    // What fits is taken meanwhile, and all of it once the other has gone.
    web.post(&falco(0)).await.is(200);
    drop(held);
    web.counted("cadge_hub_http_body_bytes 0").await;
    web.post(&(" ".repeat(9_000) + &falco(1))).await.is(200);
}

#[tokio::test]
async fn what_is_no_http_is_refused_or_closed() {
    let web = Web::start(|_| {}).await;
    let huge = "GET /".to_owned() + &"a".repeat(1_000_000);
    let lines: String = "X: y\r\n".repeat(1000);
    for (bytes, statuses) in [
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03", &[0, 400][..]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0, 400, 505]),
        ("nonsense\r\n\r\n", &[400]),
        (&huge, &[414, 431]),
        (&format!("GET / HTTP/1.1\r\n{lines}\r\n"), &[431]),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", &[400]),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", &[400]),
    ] {
        let mut connection = web.connect().await;
        let _ = connection.write_all(bytes.as_bytes()).await;
        let answer = Answer::read(connection).await;
        assert!(statuses.contains(&answer.status), "{} for {:.40}", answer.status, bytes);
    }
    web.post(&falco(0)).await.is(200);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_does_not_hold_up_the_end() {
    let mut web = Web::start(|_| {}).await;
    let mut connection = web.connect().await;
    let requests = "GET /metrics HTTP/1.1\r\nHost: hub\r\n\r\n".repeat(5000);
    let write = connection.write_all(requests.as_bytes());
    // It stops taking requests once its answers fill the connection.
    let _ = tokio::time::timeout(Duration::from_secs(1), write).await;
    web.post(&falco(0)).await.is(200);
    let begun = std::time::Instant::now();
    web.restart().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "it stops within seconds");
    assert_eq!(web.outputs().await.len(), 1);
}
