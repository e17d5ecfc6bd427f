//! Callers with bearer tokens, by TLS without a certificate and otherwise.

use std::path::PathBuf;
use std::time::Duration;

use cadge_hub::{Config, Hub};
use cadge_proto::falco::outputs::service_client::ServiceClient;
use cadge_proto::raw::v1::fleet_client::FleetClient;
use cadge_proto::raw::v1::ingest_client::IngestClient;
use cadge_proto::raw::v1::inputs_client::InputsClient;
use cadge_proto::raw::v1::{self, FleetStatusRequest, IngestRequest, PushRequest, ingest_request};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::secured::Secured;
use super::site::{PATIENCE, Sensor, connect};

const CONSUMER: &str = "Bearer 0123456789abcdef-web";
const OTHER: &str = "Bearer 0123456789abcdef-other";
const SENSOR: &str = "Bearer 0123456789abcdef-node";
const ADMIN: &str = "Bearer 0123456789abcdef-root";

const TOKENS: &str = "# four of them\n\
    consumer/web-1:0123456789abcdef-web\n\
    consumer/other:0123456789abcdef-other\n\
    sensor/node-1:0123456789abcdef-node\n\
    admin/root:0123456789abcdef-root\n";

/// A request with a header.
fn by<T>(header: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", header.parse().unwrap());
    request
}

/// A hub that knows the tokens, and their file.
async fn site(change: impl FnOnce(&mut Config)) -> (Secured, PathBuf) {
    let mut path = PathBuf::new();
    let site = Secured::with(|config| {
        path = config.log.path.with_file_name("tokens");
        std::fs::write(&path, TOKENS).unwrap();
        config.grpc.token_file = Some(path.clone());
        change(config);
    })
    .await;
    (site, path)
}

async fn get<T>(channel: &Channel, request: Request<T>) -> Result<(), Status> {
    let request = request.map(|_| cadge_proto::falco::outputs::Request {});
    let mut stream = ServiceClient::new(channel.clone()).get(request).await?.into_inner();
    while stream.message().await?.is_some() {}
    Ok(())
}

async fn status(channel: &Channel, request: Request<()>) -> Result<(), Status> {
    FleetClient::new(channel.clone()).status(request.map(|()| FleetStatusRequest {})).await.map(drop)
}

#[track_caller]
fn is_refused(outcome: Result<(), Status>, code: Code, text: &str) {
    let status = outcome.expect_err("it is refused");
    assert!(status.code() == code && status.message().contains(text), "{status:?}");
}

const SEND: &str = "send `authorization: Bearer TOKEN` with each call, or connect with a client certificate";

#[tokio::test]
async fn a_token_says_who_calls_and_what_they_may_do() {
    let (site, _) = site(|_| ()).await;
    let channel = site.bare().await.unwrap();
    get(&channel, by(CONSUMER, ())).await.unwrap();
    get(&channel, by(&CONSUMER.replace("Bearer", "bearer"), ())).await.unwrap();
    let told = "the token `web-1` has the role consumer; this call needs the role admin";
    is_refused(status(&channel, by(CONSUMER, ())).await, Code::PermissionDenied, told);
    // The same connection, somebody else.
    status(&channel, by(ADMIN, ())).await.unwrap();
    is_refused(get(&channel, by(SENSOR, ())).await, Code::PermissionDenied, "the role sensor");
    let mut inputs = InputsClient::new(channel.clone());
    let push = || tokio_stream::iter([PushRequest::default()]);
    assert!(inputs.push(by(SENSOR, push())).await.is_ok());
    assert!(inputs.push(by(CONSUMER, push())).await.is_err());
    // A sensor has its own name and no other.
    for (name, code) in [("node-1", None), ("node-2", Some(Code::PermissionDenied))] {
        let hello = v1::Hello { sensor: name.to_owned(), epoch: 1, ..v1::Hello::default() };
        let hello = IngestRequest { kind: Some(ingest_request::Kind::Hello(hello)) };
        let mut client = IngestClient::new(channel.clone());
        let answer = client.stream(by(SENSOR, tokio_stream::iter([hello]))).await;
        assert_eq!(answer.err().map(|status| status.code()), code, "{name}");
    }
}

#[tokio::test]
async fn who_shows_nothing_or_something_unknown_is_refused_and_told_what_to_send() {
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit.jsonl");
    let (site, _) = site(|config| config.audit_log.path = Some(audit.clone())).await;
    let channel = site.bare().await.unwrap();
    is_refused(get(&channel, Request::new(())).await, Code::Unauthenticated, SEND);
    let unknown = "not one of `grpc.token_file`";
    for header in [&CONSUMER[..CONSUMER.len() - 1], "Bearer x", "Bearer "] {
        is_refused(get(&channel, by(header, ())).await, Code::Unauthenticated, unknown);
    }
    for header in ["Basic OjAxMjM0NTY3ODlhYmNkZWYtd2Vi", "0123456789abcdef-web"] {
        is_refused(get(&channel, by(header, ())).await, Code::Unauthenticated, "has to be `Bearer TOKEN`");
    }
    // Not even what everybody may call who is known.
    let version = cadge_proto::falco::version::Request {};
    let mut client = cadge_proto::falco::version::service_client::ServiceClient::new(channel.clone());
    assert_eq!(client.version(version).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(client.version(by(CONSUMER, version)).await.is_ok());
    assert_eq!(site.metric(r#"cadge_hub_refused_total{cause="authentication"}"#).await, 7);
    let lines = async {
        loop {
            let text = std::fs::read_to_string(&audit).unwrap();
            let found = text.lines().map(|line| serde_json::from_str(line).unwrap());
            let found: Vec<serde_json::Value> = found.collect();
            if found.iter().filter(|line| line["status"] == "authentication").count() == 7 {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let lines = tokio::time::timeout(PATIENCE, lines).await.unwrap();
    assert_eq!((&lines[0]["state"], &lines[0]["text"]), (&"refused".into(), &SEND.into()));
    assert_eq!(lines[0]["method"], "/falco.outputs.service/get");
    assert!(!lines.iter().any(|line| line.to_string().contains("0123456789abcde")), "{lines:?}");
}

#[tokio::test]
async fn a_certificate_counts_where_no_token_is_shown() {
    let (site, _) = site(|_| ()).await;
    let channel = site.channel(&site.pki.consumer("c")).await.unwrap();
    get(&channel, Request::new(())).await.unwrap();
    assert!(status(&channel, Request::new(())).await.is_err());
    status(&channel, by(ADMIN, ())).await.unwrap();
    is_refused(get(&channel, by("Bearer 0123456789abcdef", ())).await, Code::Unauthenticated, "not one of");
    // One that is not accepted is worse than none.
    let other = super::secured::Pki::new("Another").consumer("c");
    assert!(site.get(&other).await.is_err());
    assert_eq!(site.metric(r#"cadge_hub_refused_total{cause="handshake"}"#).await, 1);
}

#[tokio::test]
async fn a_token_counts_on_the_unix_socket() {
    let (site, _) = site(|_| ()).await;
    let channel = connect(site.path("cadge.sock")).await;
    status(&channel, Request::new(())).await.unwrap();
    is_refused(status(&channel, by(CONSUMER, ())).await, Code::PermissionDenied, "token `web-1`");
    is_refused(
        status(&channel, by("Bearer 0123456789abcdef", ())).await,
        Code::Unauthenticated,
        "not one of",
    );
    status(&channel, by(ADMIN, ())).await.unwrap();
}

#[tokio::test]
async fn without_a_file_nothing_is_different() {
    let site = Secured::start().await;
    // TLS 1.3 tells a client after its handshake.
    let told = match site.bare().await {
        Ok(channel) => get(&channel, by(CONSUMER, ())).await.map_err(|status| format!("{status:?}")),
        Err(error) => Err(format!("{error:?}")),
    };
    let told = told.unwrap_err();
    assert!(!told.contains("Unauthenticated"), "the handshake has to fail: {told}");
    assert_eq!(site.metric(r#"cadge_hub_refused_total{cause="handshake"}"#).await, 1);
    let channel = site.channel(&site.pki.consumer("c")).await.unwrap();
    get(&channel, by("Bearer whatever", ())).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_withdrawn_loses_its_streams_and_others_keep_theirs() {
    let (site, path) = site(|_| ()).await;
    let mut streams = Vec::new();
    for header in [CONSUMER, OTHER] {
        let mut client = ServiceClient::new(site.bare().await.unwrap());
        streams.push(client.sub(by(header, tokio_stream::pending())).await.unwrap().into_inner());
    }
    let new = path.with_file_name("new");
    std::fs::write(&new, TOKENS.replace("consumer/web-1:", "#")).unwrap();
    std::fs::rename(&new, &path).unwrap();
    let ended = tokio::time::timeout(PATIENCE, streams[0].message()).await.expect("the stream ends");
    assert!(ended.is_err(), "{ended:?}");
    let channel = site.bare().await.unwrap();
    is_refused(get(&channel, by(CONSUMER, ())).await, Code::Unauthenticated, "not one of");
    let sensor = site.channel(&site.pki.sensor("s")).await.unwrap();
    Sensor::connect(sensor, "s").await.send(1..=1).await;
    let alert = tokio::time::timeout(PATIENCE, streams[1].message()).await.unwrap().unwrap().unwrap();
    assert_eq!(alert.output, "alert 1");
    // And it can be given back.
    std::fs::write(&path, TOKENS).unwrap();
    let again = async {
        while get(&site.bare().await.unwrap(), by(CONSUMER, ())).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn limits_are_those_of_whoever_has_the_token() {
    let change = |config: &mut Config| {
        (config.grpc.client_calls_max, config.grpc.client_connections_max) = (2, 2);
    };
    let (site, _) = site(change).await;
    let (first, second) = (site.bare().await.unwrap(), site.bare().await.unwrap());
    let mut streams = Vec::new();
    for channel in [&first, &second] {
        let mut client = ServiceClient::new(channel.clone());
        streams.push(client.sub(by(CONSUMER, tokio_stream::pending())).await.unwrap());
    }
    is_refused(get(&first, by(CONSUMER, ())).await, Code::ResourceExhausted, "`web-1` has 2 calls open");
    get(&first, by(OTHER, ())).await.unwrap();
    let third = site.bare().await.unwrap();
    is_refused(get(&third, by(CONSUMER, ())).await, Code::ResourceExhausted, "`web-1` has 2 connections");
    get(&third, by(OTHER, ())).await.unwrap();
    is_refused(get(&second, by(OTHER, ())).await, Code::ResourceExhausted, "`other` has 2 connections");
}

#[tokio::test]
async fn strangers_have_little_room_and_little_time() {
    let change = |config: &mut Config| {
        (config.grpc.handshakes_max, config.grpc.connections_max) = (4, 4);
    };
    let (site, _) = site(change).await;
    let mut strangers = Vec::new();
    for _ in 0..12 {
        strangers.push(site.bare().await.unwrap());
    }
    // They take no place of those who are known.
    let mut known = Vec::new();
    for _ in 0..4 {
        let channel = site.bare().await.unwrap();
        get(&channel, by(CONSUMER, ())).await.unwrap();
        known.push(channel);
    }
    is_refused(
        get(&site.bare().await.unwrap(), by(CONSUMER, ())).await,
        Code::ResourceExhausted,
        "the hub has as many connections as it may",
    );
    drop(known.pop());
    // Whoever guesses is sent away, and not only by word.
    let guesser = site.bare().await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..64 {
        codes.push(get(&guesser, by("Bearer 0123456789abcdef", ())).await.unwrap_err().code());
    }
    assert_eq!(codes[..62], [Code::Unauthenticated; 62]);
    let counted = r#"cadge_hub_refused_total{cause="authentication"}"#;
    // Those who say nothing are gone after ten seconds, and those who are known stay.
    let silent = async {
        while site.metric(counted).await < 64 + 12 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, silent).await.expect("each stranger is counted");
    get(&known[0], by(CONSUMER, ())).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_wrong_is_found_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = super::secured::config(dir.path(), &super::secured::Pki::new("Cadge"));
    let path = dir.path().join("tokens");
    config.grpc.token_file = Some(path.clone());
    for (text, problem) in
        [(None, "No such file"), (Some("web-1:0123456789abcdef"), "line 1: expected ROLE/NAME")]
    {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Hub::start(config.clone()).await.unwrap_err();
        let told = error.to_string();
        assert!(
            error.is_configuration() && told.contains("`grpc.token_file`") && told.contains(problem),
            "{told}"
        );
    }
}
