//! How much a client may have by HTTP, and what the audit log says of it.

use std::time::Duration;

use serde_json::Value;

use super::web::{OTHER_TOKEN, TOKEN, Web, falco, post_by};
use crate::hub::site::PATIENCE;

#[tokio::test]
async fn who_is_too_fast_is_told_when_to_try_again_and_nobody_else_is() {
    let web = Web::start(|config| config.webserver.requests_per_second = 1).await;
    let mut connection = web.connect().await;
    let (mut taken, mut refused) = (Vec::new(), 0);
    // On a slow machine a second may pass between two of them.
    while refused < 2 {
        let number = taken.len() + refused;
        let answer = post_by(&mut connection, TOKEN, "/", &falco(number as u64)).await;
        if answer.status == 200 {
            taken.push(format!("alert {number}"));
            continue;
        }
        answer.is(429);
        refused += 1;
        assert!(answer.head.contains("retry-after: 1\r\n"), "{}", answer.head);
        assert!(answer.body.starts_with("`node-1` may begin 1 requests in a second: try again in "));
        // The rate is that of the client, not of its connection.
        let other = web.request("POST", "/", &[("Authorization", OTHER_TOKEN)], &falco(1_000_000)).await;
        assert!(refused > 1 || other.status == 200, "{}", other.body);
        assert!(number < 1000, "{number} requests were not too many");
    }
    let metrics = web.page("/metrics").await;
    let line = "cadge_hub_http_refused_total{cause=\"rate\"} ";
    let counted = metrics.lines().find_map(|row| row.strip_prefix(line)).unwrap();
    assert!(counted.parse::<usize>().unwrap() >= 2, "{counted}");
    let outputs = web.outputs().await;
    assert!(taken.iter().all(|output| outputs.contains(output)), "{taken:?} of {outputs:?}");
}

#[tokio::test]
async fn a_client_has_so_many_connections_and_the_next_has_room_when_one_has_gone() {
    let web = Web::start(|config| config.webserver.client_connections_max = 2).await;
    let mut held = Vec::new();
    for number in 0..2 {
        let mut connection = web.connect().await;
        post_by(&mut connection, TOKEN, "/", &falco(number)).await.is(200);
        held.push(connection);
    }
    let mut third = web.connect().await;
    let answer = post_by(&mut third, TOKEN, "/", &falco(2)).await;
    answer.is(429);
    assert_eq!(answer.body, "`node-1` has 2 connections, as many as it may: close one first\n");
    assert!(answer.head.contains("retry-after: 1\r\n"), "{}", answer.head);
    // Whoever else sends by the same connection is not meant, nor are those that are there.
    post_by(&mut third, OTHER_TOKEN, "/", &falco(3)).await.is(200);
    post_by(&mut held[0], TOKEN, "/", &falco(4)).await.is(200);
    post_by(&mut held[0], TOKEN, "/test", "").await.is(200);
    held.pop();
    let again = async {
        while post_by(&mut third, TOKEN, "/", &falco(2)).await.status == 429 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a connection that has gone makes room");
    web.counted("cadge_hub_http_refused_total{cause=\"client_connections\"}").await;
}

/// The audit log once it has so many lines.
async fn audited(web: &Web, count: usize) -> Vec<Value> {
    let lines = async {
        loop {
            let text = std::fs::read_to_string(web.path("audit.jsonl")).unwrap();
            let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            // The test's own calls by gRPC are there as well.
            let lines: Vec<Value> = lines
                .into_iter()
                .filter(|line| line["method"].as_str().unwrap().starts_with("POST"))
                .collect();
            if lines.len() >= count {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, lines).await.expect("so many lines")
}

#[tokio::test]
async fn the_audit_log_says_who_handed_in_alerts_and_who_was_refused() {
    let web = Web::start(|config| {
        config.audit_log.path = Some(config.log.path.with_file_name("audit.jsonl"));
        config.webserver.client_connections_max = 1;
    })
    .await;
    let mut connection = web.connect().await;
    for number in 0..3 {
        post_by(&mut connection, TOKEN, "/", &format!("[{},{}]", falco(2 * number), falco(2 * number + 1)))
            .await
            .is(200);
    }
    post_by(&mut connection, TOKEN, "/", "nonsense").await.is(400);
    post_by(&mut connection, TOKEN, "/test", "").await.is(200);
    post_by(&mut connection, OTHER_TOKEN, "/", &falco(6)).await.is(200);
    // Refusals have their lines at once; requests when their connection ends.
    web.post(&falco(7)).await.is(429);
    web.request("POST", "/test", &[], "").await.is(401);
    web.request("POST", "/", &[("Authorization", "Bearer 0123456789abcdeX")], &falco(8)).await.is(401);
    let refused = audited(&web, 3).await;
    assert!(refused.iter().all(|line| line["state"] == "refused"), "{refused:?}");
    drop(connection);

    let lines = audited(&web, 6).await;
    let text = serde_json::to_string(&lines).unwrap();
    assert!(lines.len() == 6 && !text.contains("0123456789"), "{text}");
    let seen: Vec<String> = lines
        .iter()
        .map(|line| {
            let words = ["state", "method", "identity", "role", "status", "requests", "alerts"].map(|key| {
                line.get(key).map_or("-".to_owned(), |value| value.to_string().trim_matches('"').to_owned())
            });
            words.join(" ")
        })
        .collect();
    for expected in [
        "refused POST / sensor:token:node-1 sensor client_connections - -",
        "refused POST /test null null authentication - -",
        "refused POST / null null authentication - -",
        "ended POST / sensor:token:node-1 sensor Ok 4 6",
        "ended POST /test sensor:token:node-1 sensor Ok 1 1",
        "ended POST / sensor:token:node-2 sensor Ok 1 1",
    ] {
        assert!(seen.iter().any(|line| line == expected), "no `{expected}` in {seen:#?}");
    }
    assert_eq!(lines[3]["presented"], "the token `node-1` has the role sensor");
    assert!(lines.iter().all(|line| line["peer"].as_str().unwrap().starts_with("127.0.0.1:")), "{text}");
}
