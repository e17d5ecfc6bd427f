//! OpenTelemetry's protocol by gRPC, to a server that answers as it is told: what each answer means.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use cadge_integrations::DeadLetters;
use cadge_integrations::format::LogsRequest;
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::feed::{Log, alert};
use super::server::wait_for_metric;

/// `ExportLogsServiceResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct Taken {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error: String,
}

type Told = Result<Taken, Status>;

#[derive(Clone, Default)]
struct Kept {
    requests: Arc<Mutex<Vec<(MetadataMap, LogsRequest)>>>,
    /// What to answer next; that all is taken once it is empty.
    answers: Arc<Mutex<VecDeque<Told>>>,
}

/// Serves until its test's runtime ends.
async fn serve(answers: impl IntoIterator<Item = Told>) -> (Kept, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let kept = Kept { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Kept::default() };
    let routes = Router::new()
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", axum::routing::post(export))
        .with_state(kept.clone());
    let server = tonic::transport::Server::builder().add_routes(routes.into());
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (kept, url)
}

async fn export(State(kept): State<Kept>, request: Request) -> Response {
    let take = move |request: tonic::Request<LogsRequest>| {
        let (metadata, _, request) = request.into_parts();
        kept.requests.lock().unwrap().push((metadata, request));
        let told = kept.answers.lock().unwrap().pop_front().unwrap_or(Ok(Taken::default()));
        async { told.map(tonic::Response::new) }
    };
    let mut grpc = tonic::server::Grpc::new(ProstCodec::<Taken, LogsRequest>::default());
    let answer = grpc.unary(tower::service_fn(take), request.map(tonic::body::Body::new)).await;
    answer.map(axum::body::Body::new)
}

fn section(url: &str) -> String {
    format!("otlp:\n  logs:\n    endpoint: {url}\n    protocol: grpc\n    headers: x-token=T0KEN-9\n")
}

fn counted(status: &str) -> String {
    format!("falcosecurity_falcosidekick_outputs_total{{destination=\"otlplogs\",status=\"{status}\"}}")
}

/// A status that says to come again after so many milliseconds.
fn later(code: Code, milliseconds: i32) -> Status {
    let delay = prost_types::Duration { seconds: 0, nanos: milliseconds * 1_000_000 };
    let nested =
        |tag: u8, bytes: Vec<u8>| [vec![tag << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let kind = nested(1, b"type.googleapis.com/google.rpc.RetryInfo".to_vec());
    let info = nested(2, nested(1, delay.encode_to_vec()));
    Status::with_details(code, "too much at once", nested(3, [kind, info].concat()).into())
}

#[tokio::test]
async fn what_the_specification_says_to_send_again_is_sent_again_with_its_metadata() {
    let answers = [later(Code::ResourceExhausted, 20), later(Code::Unavailable, 1), Status::aborted("busy")];
    let (kept, url) = serve(answers.map(Err)).await;
    let log = Log::default();
    log.push(alert(1, 4));
    let (_running, stop, registry) = log.start(&section(&url));
    wait_for_metric(&registry, &counted("ok"), 1.0).await;
    wait_for_metric(&registry, "cadge_integration_retries_total{destination=\"otlplogs\"}", 3.0).await;
    stop.cancel();
    let requests = kept.requests.lock().unwrap();
    assert_eq!(requests.len(), 4);
    for (metadata, request) in requests.iter() {
        assert_eq!(metadata.get("x-token").unwrap(), "T0KEN-9");
        assert!(metadata.get("user-agent").unwrap().to_str().unwrap().starts_with("Cadge/"));
        assert_eq!(*request, requests[0].1);
    }
    let bytes = requests[0].1.encode_to_vec();
    assert!(String::from_utf8_lossy(&bytes).contains("Sensitive file #1"));
}

#[tokio::test]
async fn what_is_refused_is_a_dead_letter_that_says_why_and_not_the_secret() {
    let partial = Taken { partial_success: Some(Partial { rejected: 1, error: "too old".to_owned() }) };
    let answers = [
        (Err(Status::permission_denied("not you")), "PermissionDenied: not you"),
        (Err(Status::resource_exhausted("too large")), "ResourceExhausted: too large"),
        (Ok(partial), "rejected 1 of what it was sent: too old"),
    ];
    for (answer, cause) in answers {
        let (_kept, url) = serve([answer]).await;
        let (log, dead) = (Log::default(), DeadLetters::open(None, 10).unwrap());
        let (running, stop, registry) = log.start_with(&section(&url), dead.clone());
        log.push(alert(1, 4));
        wait_for_metric(&registry, &counted("error"), 1.0).await;
        log.push(alert(2, 4));
        wait_for_metric(&registry, &counted("ok"), 1.0).await;
        let letters = dead.list(None, 0, 10).await.unwrap();
        assert!(letters[0].cause.contains(cause), "{}", letters[0].cause);
        let shown = format!("{letters:?} {:?}", running.live().states());
        assert!(!shown.contains("T0KEN-9"), "{shown}");
        stop.cancel();
    }
}

#[tokio::test]
async fn too_much_at_once_is_sent_in_parts() {
    let (kept, url) = serve([Err(Status::resource_exhausted("larger than max"))]).await;
    let log = Log::default();
    for sequence in 1..=100 {
        log.push(alert(sequence, 4));
    }
    let (_running, stop, registry) = log.start(&section(&url));
    wait_for_metric(&registry, &counted("ok"), 100.0).await;
    stop.cancel();
    assert!(kept.requests.lock().unwrap().len() > 2);
}

#[tokio::test]
async fn what_does_not_speak_the_protocol_is_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let places = [&silent, &mail].map(|listener| listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = mail.accept().await {
            let _ = stream.write_all(b"220 mail.example ready\r\n").await;
        }
    });
    for (place, words) in places.into_iter().zip(["no answer within 200ms", "error"]) {
        let log = Log::default();
        log.push(alert(1, 4));
        let (running, stop, _) = log.start(&(section(&format!("http://{place}")) + "    timeoutms: 200\n"));
        let deadline = Instant::now() + Duration::from_secs(30);
        let failed = || running.live().states().iter().any(|(_, state)| state.failures > 1);
        while !failed() {
            assert!(Instant::now() < deadline, "{:?}", running.live().states());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let states = format!("{:?}", running.live().states());
        assert!(states.contains(words) && !states.contains("T0KEN-9"), "{states}");
        stop.cancel();
    }
}
