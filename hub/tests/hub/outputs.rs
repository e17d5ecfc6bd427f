//! Falco's API, used in every way in which its clients use it.

use std::time::Duration;

use cadge_proto::falco::outputs::service_client::ServiceClient;
use cadge_proto::falco::outputs::{Request, Response};
use cadge_proto::falco::version;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::Batch;
use futures_util::StreamExt as _;
use prost::Message as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::site::{PATIENCE, Site, alert};

async fn take(stream: &mut Streaming<Response>, count: usize) -> Vec<String> {
    let mut outputs = Vec::new();
    while outputs.len() < count {
        let response = tokio::time::timeout(PATIENCE, stream.message()).await.expect("an alert comes");
        outputs.push(response.unwrap().expect("the stream goes on").output);
    }
    outputs
}

fn expected(sequences: std::ops::RangeInclusive<u64>) -> Vec<String> {
    sequences.map(|sequence| format!("alert {sequence}")).collect()
}

#[tokio::test]
async fn sub_pushes_whatever_the_client_sends() {
    let site = Site::start().await;
    let mut client = ServiceClient::new(site.channel().await);
    // No request and the sending side closed; one request and closed; requests for ever.
    let mut none = client.sub(tokio_stream::empty()).await.unwrap().into_inner();
    let mut one = client.sub(tokio_stream::iter([Request {}])).await.unwrap().into_inner();
    let (requests, outgoing) = tokio::sync::mpsc::channel(1);
    let many = tokio::spawn(async move {
        while requests.send(Request {}).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut polling = client.sub(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
    let mut sensor = site.sensor("s").await;
    sensor.send(1..=3).await;
    sensor.send(4..=500).await;
    // Each gets everything: nobody takes anything away from anybody.
    for stream in [&mut none, &mut one, &mut polling] {
        assert_eq!(take(stream, 500).await, expected(1..=500));
    }
    many.abort();
}

#[tokio::test]
async fn get_returns_what_the_caller_has_not_had_and_ends() {
    let site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    sensor.send(1..=2500).await;
    let mut client = ServiceClient::new(site.channel().await);
    let mut all = async || {
        let stream = client.get(Request {}).await.unwrap().into_inner();
        stream.map(|response| response.unwrap().output).collect::<Vec<_>>().await
    };
    assert_eq!(all().await, expected(1..=2500));
    assert_eq!(all().await, Vec::<String>::new());
    sensor.send(2501..=2510).await;
    assert_eq!(all().await, expected(2501..=2510));
}

/// Alerts too large for all of them to fit into a connection's buffers.
fn large(sequences: std::ops::RangeInclusive<u64>) -> Batch {
    let alert = |sequence| {
        let mut alert = alert("s", sequence).decode().unwrap();
        alert.output_fields.insert("proc.cmdline".to_owned(), "x".repeat(1000));
        RawAlert::new(alert.encode_to_vec())
    };
    Batch { first_sequence: *sequences.start(), alerts: sequences.map(alert).collect() }
}

#[tokio::test]
async fn a_get_that_was_broken_off_comes_again() {
    let site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    for first in [1, 2001, 4001, 6001] {
        sensor.batch(large(first..=first + 1999)).await;
    }
    let mut client = ServiceClient::new(site.channel().await);
    let mut stream = client.get(Request {}).await.unwrap().into_inner();
    assert_eq!(take(&mut stream, 10).await, expected(1..=10));
    drop(stream);
    let stream = client.get(Request {}).await.unwrap().into_inner();
    let again: Vec<String> = stream.map(|response| response.unwrap().output).collect().await;
    assert_eq!(again.last(), Some(&"alert 8000".to_owned()));
    // What the connection had for a second and more may be missing, never all of it.
    assert!(again.len() > 4000, "{}", again.len());
}

#[tokio::test]
async fn the_version_is_the_hubs() {
    let site = Site::start().await;
    let mut client = version::service_client::ServiceClient::new(site.channel().await);
    let answer = client.version(version::Request {}).await.unwrap().into_inner();
    assert_eq!(answer.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((answer.engine_major, answer.engine_minor), (0, 63));
}

#[tokio::test]
async fn health_and_reflection_are_served() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let site = Site::start().await;
    let mut health = HealthClient::new(site.channel().await);
    for service in ["", "falco.outputs.service", "cadge.v1.Ingest", "cadge.v1.Outputs"] {
        let answer =
            health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(site.channel().await);
    let mut answers =
        reflection.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for service in ["falco.outputs.service", "falco.version.service", "cadge.v1.Ingest", "cadge.v1.Outputs"] {
        assert!(names.iter().any(|name| name == service), "{names:?}");
    }
}

#[tokio::test]
async fn calls_with_deadlines_metadata_and_sudden_ends_cost_nobody_anything() {
    let site = Site::start().await;
    let mut sensor = site.sensor("s").await;
    let mut client = ServiceClient::new(site.channel().await);
    let mut steady = client.sub(tokio_stream::empty()).await.unwrap().into_inner();
    for first in (1..=100).step_by(10) {
        // As old clients send them; the hub looks at neither.
        let mut request = tonic::Request::new(tokio_stream::iter([Request {}]));
        request.metadata_mut().insert("session_id", "a".parse().unwrap());
        request.metadata_mut().insert("request_id", "b".parse().unwrap());
        request.set_timeout(Duration::from_millis(first));
        // It ends by its deadline, or by being dropped with alerts on their way.
        let sudden = client.sub(request).await;
        sensor.send(first..=first + 9).await;
        drop(sudden);
    }
    assert_eq!(take(&mut steady, 100).await, expected(1..=100));
}
