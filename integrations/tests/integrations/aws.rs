//! AWS: signatures computed anew by another program, and answers about single entries of a request.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use cadge_integrations::{DESTINATIONS, DeadLetters, Destination};
use serde_json::json;

use super::feed::{Log, alert};
use super::server::{Request, Server, wait_for_metric};
use super::{counterpart, packed};

fn kinds() -> impl Iterator<Item = &'static Destination> {
    DESTINATIONS.iter().filter(|kind| kind.name.starts_with("aws."))
}

fn as_line(request: &Request) -> String {
    let headers = request.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let method = request.method.as_str();
    json!({"method": method, "path": request.path, "headers": headers, "body": request.raw}).to_string()
}

#[tokio::test]
async fn another_program_computes_the_same_signatures() {
    let name = "another_program_computes_the_same_signatures";
    let Some(python) = counterpart::find("python3") else {
        return counterpart::skip::<()>(name, "python3").unwrap_or_default();
    };
    let (mut lines, mut services) = (String::new(), Vec::new());
    for kind in kinds() {
        let (server, log) = (Server::start(&[]).await, Log::default());
        let (_running, stop, _) = log.start(&kind.example.replace("URL", &server.url));
        log.push(cadge_proto::Alert { rule: "Ümlaut +&= %41".to_owned(), ..alert(1, 4) });
        lines += &format!("{}\n", as_line(&server.requests(1).await[0]));
        services.push(kind.name.trim_start_matches("aws.").replace("securitylake", "s3"));
        stop.cancel();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/signature.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let problems = String::from_utf8_lossy(&output.stderr);
    services.sort_unstable();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), services.join(" "), "{problems}");
}

/// A service that answers what it is told, and then takes everything.
async fn service(answers: &[(u16, &str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = answers.iter().rev().map(|(code, text)| (*code, (*text).to_owned())).collect();
    let (answers, bodies) = (Arc::new(Mutex::new(answers)), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&bodies);
    let answer = move |headers: HeaderMap, body: String| async move {
        kept.lock().unwrap().push(packed::alerts(&headers, &body));
        let told = answers.lock().unwrap().pop();
        let (code, text) = told.unwrap_or_else(|| (200, packed::answer(&headers, &body).unwrap_or_default()));
        (StatusCode::from_u16(code).unwrap(), text)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, bodies)
}

/// What a service says of three entries: one is taken, one is wrong, one is to come again.
const SQS: &str = r#"{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","SenderFault":true,"Code":"InvalidMessageContents"},
    {"Id":"2","SenderFault":false,"Code":"InternalError"}]}"#;
const SNS: &str =
    "<Failed><member><Id>1</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>
    <member><Id>2</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member></Failed>
    <Successful><member><Id>0</Id></member></Successful>";

/// What it says of the two that are left: the first is wrong for good.
const SQS_AGAIN: &str =
    r#"{"Successful":[{"Id":"1"}],"Failed":[{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents"}]}"#;
const SNS_AGAIN: &str =
    "<Failed><member><Id>0</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>
    </Failed><Successful><member><Id>1</Id></member></Successful>";

/// What it says of that one without the rest: beside one that was taken before, and alone.
const SQS_LAST: &str = r#"{"Failed":[{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents"}]}"#;
const SNS_LAST: &str = "<Failed><member><Id>0</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member></Failed>";

#[tokio::test]
async fn of_a_request_each_entry_has_its_own_fate() {
    let throttled = r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#;
    for (name, answers) in [
        ("aws.sqs", [(400, throttled), (200, SQS), (200, SQS_AGAIN), (200, SQS_LAST), (200, SQS_LAST)]),
        (
            "aws.sns",
            [
                (400, "<Code>Throttling</Code>"),
                (200, SNS),
                (200, SNS_AGAIN),
                (200, SNS_LAST),
                (200, SNS_LAST),
            ],
        ),
    ] {
        let (url, bodies) = service(&answers).await;
        let (log, dead) = (Log::default(), DeadLetters::open(None, 10).unwrap());
        for sequence in 1..=3 {
            log.push(alert(sequence, 4));
        }
        let kind = Destination::named(name).unwrap();
        let (_running, stop, registry) = log.start_with(&kind.example.replace("URL", &url), dead.clone());
        let line = |status| {
            let label = kind.label();
            format!(
                "falcosecurity_falcosidekick_outputs_total{{destination=\"{label}\",status=\"{status}\"}}"
            )
        };
        wait_for_metric(&registry, &line("ok"), 2.0).await;
        wait_for_metric(&registry, &line("error"), 1.0).await;
        stop.cancel();
        let sent: Vec<Vec<bool>> = bodies.lock().unwrap().iter().map(|body| which(body)).collect();
        let (all, wrong) = (vec![true, true, true], vec![false, true, false]);
        assert_eq!(sent, [all.clone(), all, vec![false, true, true], wrong.clone(), wrong], "{name}");
        let letters = dead.list(None, 0, 10).await.unwrap();
        assert_eq!((letters.len(), letters[0].alert.sequence), (1, 2), "{name}");
        assert!(letters[0].cause.contains("Invalid"), "{}", letters[0].cause);
    }
}

/// Which of three alerts a body has.
fn which(body: &str) -> Vec<bool> {
    (1..=3).map(|sequence| body.contains(&format!("#{sequence}\""))).collect()
}
