//! A batch that is given up after its last attempt: what the destination had taken counts as delivered, and only the
//! rest is dead letters, so that sending those once more sends nothing twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use cadge_integrations::{DeadLetters, Destination};
use serde_json::json;

use super::feed::{Log, alert};
use super::packed;
use super::server::{metric, wait_for_metric};

/// Alerts in a test.
const COUNT: u64 = 60;

/// A server that takes every other alert, until it takes all.
#[derive(Clone, Default)]
struct Half {
    takes_all: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<u64>>>,
}

impl Half {
    /// Starts it, and answers where it is.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let this = self.clone();
        let answer = move |headers: HeaderMap, body: String| async move { this.answer(&headers, &body) };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        url
    }

    fn takes(&self, sequence: u64) -> bool {
        sequence.is_multiple_of(2) || self.takes_all.load(Ordering::SeqCst)
    }

    fn answer(&self, headers: &HeaderMap, body: &str) -> (StatusCode, String) {
        let lines = packed::alerts(headers, body);
        let digits = |line: &str| -> Option<u64> {
            let rest = line.split_once('#')?.1;
            rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
        };
        let fates: Vec<(u64, bool)> =
            lines.lines().filter_map(digits).map(|sequence| (sequence, self.takes(sequence))).collect();
        let taken = fates.iter().filter(|(_, is_taken)| *is_taken).map(|(sequence, _)| *sequence);
        self.taken.lock().unwrap().extend(taken);
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        (if kind.contains("charset") { status(&fates) } else { StatusCode::OK }, told(kind, &fates))
    }
}

/// One alert without a protocol that says more.
fn status(fates: &[(u64, bool)]) -> StatusCode {
    if fates.iter().all(|(_, is_taken)| *is_taken) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// What a protocol says of each alert.
fn told(kind: &str, fates: &[(u64, bool)]) -> String {
    let places = |wanted: bool| {
        let fates = fates.iter().enumerate().filter(move |(_, (_, is_taken))| *is_taken == wanted);
        fates.map(|(place, _)| place)
    };
    match kind {
        "application/x-amz-json-1.0" => {
            let taken: Vec<_> = places(true).map(|place| json!({"Id": place.to_string()})).collect();
            let failed = places(false)
                .map(|place| json!({"Id": place.to_string(), "SenderFault": false, "Code": "InternalError"}));
            json!({"Successful": taken, "Failed": failed.collect::<Vec<_>>()}).to_string()
        }
        "application/x-www-form-urlencoded" => {
            let (mut taken, mut failed) = (String::new(), String::new());
            for place in places(true) {
                taken.push_str(&format!("<member><Id>{place}</Id></member>"));
            }
            for place in places(false) {
                let cause = "<Code>InternalError</Code><SenderFault>false</SenderFault>";
                failed.push_str(&format!("<member><Id>{place}</Id>{cause}</member>"));
            }
            format!("<Failed>{failed}</Failed><Successful>{taken}</Successful>")
        }
        "application/x-ndjson" => {
            let items = fates
                .iter()
                .map(|(_, is_taken)| json!({"create": {"status": if *is_taken { 201 } else { 429 }}}));
            let is_whole = fates.iter().all(|(_, is_taken)| *is_taken);
            json!({"errors": !is_whole, "items": items.collect::<Vec<_>>()}).to_string()
        }
        _ => {
            let offsets = fates.iter().map(|(sequence, is_taken)| match is_taken {
                true => json!({"partition": 0, "offset": sequence, "error_code": null, "error": null}),
                false => json!({"error_code": 2, "error": "no leader"}),
            });
            json!({"offsets": offsets.collect::<Vec<_>>()}).to_string()
        }
    }
}

#[tokio::test]
async fn what_was_taken_of_a_batch_that_is_given_up_counts_as_delivered() {
    for name in ["aws.sqs", "aws.sns", "elasticsearch", "kafkarest", "webhook"] {
        let (half, log) = (Half::default(), Log::default());
        let url = half.start().await;
        let dead = DeadLetters::open(None, 1000).unwrap();
        for sequence in 1..=COUNT {
            log.push(alert(sequence, 4));
        }
        let kind = Destination::named(name).unwrap();
        let indent = if name.contains('.') { "    " } else { "  " };
        let yaml = format!("{}{indent}maxattempts: 2\n", kind.example.replace("URL", &url));
        let (running, stop, registry) = log.start_with(&yaml, dead.clone());
        let (label, wanted) = (kind.label(), f64::from(u32::try_from(COUNT / 2).unwrap()));
        let line = |status| {
            format!(
                "falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"{status}\"}}"
            )
        };
        wait_for_metric(&registry, &line("error"), wanted).await;
        wait_for_metric(&registry, &line("ok"), wanted).await;
        let letters = dead.list(None, 0, 1000).await.unwrap();
        let given_up: Vec<u64> = letters.iter().map(|letter| letter.alert.sequence).collect();
        assert_eq!(given_up, (1..=COUNT).step_by(2).collect::<Vec<_>>(), "{name}");
        half.takes_all.store(true, Ordering::SeqCst);
        for letter in &letters {
            running.live().replay(letter).await.unwrap();
        }
        let mut taken = half.taken.lock().unwrap().clone();
        taken.sort_unstable();
        if name == "webhook" {
            // One that was taken ahead of its turn comes again behind the one before it.
            taken.dedup();
        }
        assert_eq!(taken, (1..=COUNT).collect::<Vec<_>>(), "{name}");
        assert_eq!(metric(&registry, &line("ok")), Some(wanted), "{name}");
        stop.cancel();
    }
}
