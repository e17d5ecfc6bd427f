//! Who may do what: every method by every role, what a tenant sees, how much a client may have.

use std::time::Duration;

use cadge_client::GetOptions;
use cadge_hub::config::{IdentityPattern, Role, UnixUser};
use cadge_proto::falco::outputs::Request;
use cadge_proto::falco::outputs::service_client::ServiceClient;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::outputs_client::OutputsClient;
use cadge_proto::raw::v1::{self, Batch, GetRequest, SubscribeRequest, subscribe_request};
use futures_util::StreamExt as _;
use prost::Message as _;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::secured::{Secured, Shown};
use super::site::{PATIENCE, Sensor, alert, client_at};

/// What anybody may call who has come through the handshake.
const OPEN: [&str; 3] =
    ["falco.version.service", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"];

/// Who may call what, beside admins.
const ROLES: [(&str, Option<&str>); 16] = [
    ("/falco.outputs.service/sub", Some("consumer")),
    ("/falco.outputs.service/get", Some("consumer")),
    ("/cadge.v1.Outputs/Subscribe", Some("consumer")),
    ("/cadge.v1.Outputs/Get", Some("consumer")),
    ("/cadge.v1.Ingest/Stream", Some("sensor")),
    ("/cadge.v1.Inputs/Push", Some("sensor")),
    ("/cadge.v1.History/Search", Some("consumer")),
    ("/cadge.v1.History/Count", Some("consumer")),
    ("/cadge.v1.Fleet/Status", None),
    ("/cadge.v1.Fleet/ForgetCursor", None),
    ("/cadge.v1.Fleet/ForgetSensor", None),
    ("/cadge.v1.Admin/Backup", None),
    ("/cadge.v1.Integrations/Status", None),
    ("/cadge.v1.Integrations/Dead", None),
    ("/cadge.v1.Integrations/Replay", None),
    ("/cadge.v1.Integrations/Discard", None),
];

/// Every method that the hub has a description of.
fn methods() -> Vec<String> {
    let described = prost_types::FileDescriptorSet::decode(cadge_proto::DESCRIPTORS).unwrap();
    let mut methods = Vec::new();
    for file in &described.file {
        for service in &file.service {
            for method in &service.method {
                methods.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    methods
}

/// Calls a method with an empty message, whatever it expects. Something that does not answer within a
/// moment was let in.
async fn call(channel: &Channel, path: &str) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let requests = tonic::Request::new(tokio_stream::iter([()]));
    let answer = client.streaming(requests, path.parse().unwrap(), codec);
    let outcome = async { answer.await?.into_inner().message().await.map(drop) };
    tokio::time::timeout(Duration::from_millis(500), outcome).await.unwrap_or(Ok(()))
}

#[tokio::test]
async fn every_method_is_for_its_role_and_admins() {
    let site = Secured::start().await;
    let methods = methods();
    for (path, _) in ROLES {
        assert!(methods.iter().any(|method| method == path), "{path} is gone: {methods:?}");
    }
    for role in ["", "sensor", "consumer", "admin"] {
        let uri = if role.is_empty() { String::new() } else { format!("spiffe://cadge/{role}/x") };
        let shown = site.pki.issue(&uri, |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, "consumer");
        });
        let channel = site.channel(&shown).await.unwrap();
        for path in &methods {
            let outcome = call(&channel, path).await;
            let refused = outcome.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied);
            let listed = ROLES.iter().find(|(known, _)| known == path).map(|(_, role)| *role);
            if let Some(needed) = listed {
                assert_eq!(
                    !refused,
                    role == "admin" || Some(role) == needed,
                    "{path} by `{role}`: {outcome:?}"
                );
            } else if !OPEN.iter().any(|service| path.contains(service)) && matches!(role, "" | "admin") {
                // Whatever else there is: nothing for whoever has no role, everything for an admin.
                assert_eq!(refused, role.is_empty(), "{path} by `{role}`: {outcome:?}");
            }
        }
    }
}

/// Alerts of two namespaces by turns.
fn by_turns(sequences: std::ops::RangeInclusive<u64>) -> Batch {
    let some = |sequence| {
        let mut alert = alert("s", sequence).decode().unwrap();
        let namespace = if sequence % 2 == 0 { "even" } else { "odd" };
        alert.output_fields.insert("k8s.ns.name".to_owned(), namespace.to_owned());
        RawAlert::new(alert.encode_to_vec())
    };
    Batch { first_sequence: *sequences.start(), alerts: sequences.map(some).collect() }
}

fn pattern(cn: &str, name: Option<&str>, filter: Option<&str>) -> IdentityPattern {
    IdentityPattern {
        pattern: None,
        spiffe: None,
        dns: None,
        cn: Some(cn.to_owned()),
        role: Role::Consumer,
        name: name.map(str::to_owned),
        filter: filter.map(str::to_owned),
        requests_per_second: None,
        connections_max: None,
    }
}

fn by_cn(site: &Secured, cn: &str) -> Shown {
    site.pki.issue("", |params| params.distinguished_name.push(rcgen::DnType::CommonName, cn))
}

/// The sequence numbers in responses, until so many have come or the stream ends.
async fn sequences(mut stream: Streaming<v1::SubscribeResponse>, count: usize) -> Vec<u64> {
    let mut found = Vec::new();
    while found.len() < count
        && let Some(response) = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap()
    {
        found.extend(
            response.entries.iter().map(|entry| entry.alert.as_ref().unwrap().decode().unwrap().sequence),
        );
    }
    found
}

fn open(open: v1::Open) -> impl futures_util::Stream<Item = SubscribeRequest> {
    tokio_stream::iter([SubscribeRequest { kind: Some(subscribe_request::Kind::Open(open)) }])
}

fn even() -> Vec<u64> {
    (1..=100).filter(|sequence| sequence % 2 == 0).collect()
}

async fn two_tenants() -> Secured {
    let site = Secured::with(|config| {
        config.identities = vec![
            pattern("even-*", Some("even"), Some("k8s.ns.name = even")),
            pattern("odd", None, Some("k8s.ns.name = odd")),
            pattern("*", None, None),
        ];
        config.unix = vec![UnixUser {
            uid: None,
            gid: Some(nix::unistd::getegid().as_raw()),
            role: Role::Consumer,
            name: "even".to_owned(),
            filter: Some("k8s.ns.name = even".to_owned()),
            requests_per_second: None,
            connections_max: None,
        }];
    })
    .await;
    let shown = site.pki.issue("spiffe://cadge/sensor/s", |_| ());
    Sensor::connect(site.channel(&shown).await.unwrap(), "s").await.batch(by_turns(1..=100)).await;
    site
}

#[tokio::test]
async fn a_tenant_sees_its_namespace_by_every_way_of_reading() {
    let site = two_tenants().await;
    let channel = site.channel(&by_cn(&site, "even-1")).await.unwrap();
    let mut ours = OutputsClient::new(channel.clone());
    let all = GetRequest::default();
    assert_eq!(sequences(ours.get(all.clone()).await.unwrap().into_inner(), 1000).await, even());
    let greedy = GetRequest { filter: "alert.rule exists or k8s.ns.name = odd".to_owned(), ..all.clone() };
    assert_eq!(sequences(ours.get(greedy).await.unwrap().into_inner(), 1000).await, even());
    let other = GetRequest { filter: "k8s.ns.name = odd".to_owned(), ..all };
    assert_eq!(sequences(ours.get(other).await.unwrap().into_inner(), 1000).await, Vec::<u64>::new());
    for (transient, after) in [(true, Some(0)), (false, None)] {
        let start = v1::Start::Beginning.into();
        let request = v1::Open { transient, after, start, cursor: "c".to_owned(), ..v1::Open::default() };
        let stream = ours.subscribe(open(request)).await.unwrap().into_inner();
        assert_eq!(sequences(stream, 50).await, even());
    }
    let mut falcos = ServiceClient::new(channel);
    let mut stream = falcos.get(Request {}).await.unwrap().into_inner();
    let mut outputs = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        outputs.push(response.output);
    }
    assert_eq!(outputs, even().iter().map(|sequence| format!("alert {sequence}")).collect::<Vec<_>>());

    // A `sub` of the same tenant and one of the other, from now on.
    let mut subs = Vec::new();
    for cn in ["even-2", "odd", "whole"] {
        let mut client = ServiceClient::new(site.channel(&by_cn(&site, cn)).await.unwrap());
        subs.push(client.sub(tokio_stream::empty()).await.unwrap().into_inner());
    }
    let shown = site.pki.issue("spiffe://cadge/sensor/s", |_| ());
    let told = site.channel(&shown).await.unwrap();
    Sensor::connect(told, "s").await.batch(by_turns(101..=104)).await;
    for (stream, expected) in subs.iter_mut().zip([vec![102, 104], vec![101, 103], vec![101, 102, 103, 104]])
    {
        for sequence in expected {
            let response = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
            assert_eq!(response.output, format!("alert {sequence}"));
        }
    }
}

#[tokio::test]
async fn a_user_of_the_socket_is_confined_by_its_group() {
    let site = two_tenants().await;
    let client = client_at(&site.path("cadge.sock")).await;
    let entries: Vec<_> =
        client.get(GetOptions::default()).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), even());
}

#[tokio::test]
async fn nobody_reads_by_anothers_cursor() {
    let site = Secured::with(|config| config.identities = vec![pattern("*", None, None)]).await;
    let shown = site.pki.issue("spiffe://cadge/sensor/s", |_| ());
    Sensor::connect(site.channel(&shown).await.unwrap(), "s").await.send(1..=3).await;
    // Names that would be the same cursor if they were put together carelessly: `consumer/a/b`.
    let spiffe = |name: &str| site.pki.consumer(name);
    let all = [
        (spiffe("a"), "b"),
        (spiffe("a/b"), ""),
        (spiffe("a%2Fb"), ""),
        (by_cn(&site, "a/b"), ""),
        (by_cn(&site, "a"), "b"),
        (site.pki.issue("spiffe://cadge/admin/a", |_| ()), "b"),
    ];
    for (shown, cursor) in &all {
        let request = v1::Open {
            cursor: (*cursor).to_owned(),
            start: v1::Start::Beginning.into(),
            ..v1::Open::default()
        };
        let acknowledge = SubscribeRequest { kind: Some(subscribe_request::Kind::Acknowledge(3)) };
        let open = SubscribeRequest { kind: Some(subscribe_request::Kind::Open(request)) };
        let (requests, outgoing) = tokio::sync::mpsc::channel(2);
        requests.send(open).await.unwrap();
        let mut client = OutputsClient::new(site.channel(shown).await.unwrap());
        let outgoing = tokio_stream::wrappers::ReceiverStream::new(outgoing);
        let stream = client.subscribe(outgoing).await.unwrap().into_inner();
        // Each starts at the beginning: no other has moved its cursor.
        let took = tokio::time::timeout(PATIENCE, sequences(stream, 3)).await.unwrap();
        assert_eq!(took, [1, 2, 3], "{cursor}");
        requests.send(acknowledge).await.unwrap();
    }
}

#[tokio::test]
async fn calls_past_the_rate_are_told_when_to_come_again() {
    let site = Secured::with(|config| {
        let slow = IdentityPattern { requests_per_second: Some(1), ..pattern("slow", None, None) };
        config.identities = vec![slow, pattern("*", None, None)];
    })
    .await;
    let mut slow = ServiceClient::new(site.channel(&by_cn(&site, "slow")).await.unwrap());
    let mut refused = Vec::new();
    for _ in 0..20 {
        refused.extend(slow.get(Request {}).await.err());
    }
    assert!(refused.len() >= 10, "{}", refused.len());
    assert!(refused.iter().all(|status| status.code() == Code::ResourceExhausted), "{refused:?}");
    assert!(refused[0].message().contains("1 requests in a second: try again in"), "{:?}", refused[0]);
    assert_eq!(site.metric(r#"cadge_hub_refused_total{cause="rate"}"#).await, refused.len() as u64);
    let mut other = ServiceClient::new(site.channel(&by_cn(&site, "other")).await.unwrap());
    for _ in 0..20 {
        other.get(Request {}).await.unwrap();
    }
}

#[tokio::test]
async fn connections_and_calls_of_one_client_are_bounded() {
    let site = Secured::with(|config| {
        (config.grpc.client_connections_max, config.grpc.client_calls_max) = (2, 3);
    })
    .await;
    let shown = site.pki.consumer("c");
    let (first, second) = (site.channel(&shown).await.unwrap(), site.channel(&shown).await.unwrap());
    let told = site.get(&shown).await.unwrap_err();
    assert!(told.contains("ResourceExhausted") && told.contains("has 2 connections"), "{told}");
    assert_eq!(site.get(&site.pki.consumer("other")).await, Ok(0));
    let mut streams = Vec::new();
    for channel in [&first, &second, &first] {
        let mut client = ServiceClient::new(channel.clone());
        streams.push(client.sub(tokio_stream::empty()).await.unwrap());
    }
    let refused = ServiceClient::new(second.clone()).get(Request {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("has 3 calls open"), "{refused:?}");
    drop((streams, first, second));
    // The hub hears of it a moment later.
    let again = async {
        while site.get(&shown).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn the_audit_log_says_who_read_what() {
    let mut path = std::path::PathBuf::new();
    let dir = tempfile::tempdir().unwrap();
    let site = Secured::with(|config| {
        path = dir.path().join("audit.jsonl");
        config.audit_log.path = Some(path.clone());
        config.identities = vec![pattern("even", None, Some("k8s.ns.name = even"))];
    })
    .await;
    let sensor = site.pki.sensor("s");
    Sensor::connect(site.channel(&sensor).await.unwrap(), "s").await.batch(by_turns(1..=10)).await;
    let channel = site.channel(&by_cn(&site, "even")).await.unwrap();
    let mut client = OutputsClient::new(channel.clone());
    let request = GetRequest { after: 2, filter: "alert.rule = R".to_owned(), ..GetRequest::default() };
    assert_eq!(sequences(client.get(request).await.unwrap().into_inner(), 100).await.len(), 4);
    let request = v1::Open { cursor: "mine".to_owned(), ..v1::Open::default() };
    let stream = client.subscribe(open(request)).await.unwrap().into_inner();
    drop(stream);
    assert!(site.get(&sensor).await.unwrap_err().contains("PermissionDenied"));
    let stranger = super::secured::Pki::new("Another").consumer("c");
    assert!(site.get(&stranger).await.is_err());
    drop((client, channel));

    let lines = async {
        loop {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<serde_json::Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            if lines.iter().any(|line| line["status"] == "handshake")
                && lines.iter().filter(|line| line["state"] == "ended").count() == 3
            {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let lines = tokio::time::timeout(PATIENCE, lines).await.unwrap();
    let find = |state: &str, method: &str| {
        let found = lines.iter().find(|line| line["state"] == state && line["method"] == method);
        found.unwrap_or_else(|| panic!("no {state} {method} in {lines:?}"))
    };
    let started = find("started", "/cadge.v1.Outputs/Get");
    let ended = find("ended", "/cadge.v1.Outputs/Get");
    assert_eq!(started["call"], ended["call"]);
    assert_eq!((&ended["identity"], &ended["role"]), (&"cn:even".into(), &"consumer".into()));
    assert_eq!(
        (&ended["after"], &ended["to"], &ended["filter"]),
        (&2.into(), &10.into(), &"alert.rule = R".into())
    );
    assert_eq!((&ended["allowed"], &ended["alerts"]), (&"k8s.ns.name = even".into(), &4.into()));
    assert_eq!(ended["status"], "Ok");
    assert!(ended["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{ended}");
    let subscribed = find("ended", "/cadge.v1.Outputs/Subscribe");
    assert_eq!(
        (&subscribed["cursor"], &subscribed["status"]),
        (&"consumer/cn:even/mine".into(), &"Cancelled".into())
    );
    find("ended", "/cadge.v1.Ingest/Stream");
    let refused = find("refused", "/falco.outputs.service/get");
    assert_eq!((&refused["identity"], &refused["status"]), (&"sensor:s".into(), &"PermissionDenied".into()));
}
