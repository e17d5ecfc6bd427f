//! Calls of somebody who may call: messages too large, filters too heavy, too many streams, and answers
//! that are not read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cadge_proto::falco::outputs::Request;
use cadge_proto::falco::outputs::service_client::ServiceClient;
use cadge_proto::raw::RawAlert;
use cadge_proto::raw::v1::outputs_client::OutputsClient;
use cadge_proto::raw::v1::{self, Batch, GetRequest, subscribe_request};
use http_body::Frame;
use prost::Message as _;
use tonic::codegen::http;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service as _, ServiceExt as _};

use crate::site::{Sensor, alert};
use crate::victim::{CLIENT_CALLS_MAX, Victim};

/// A body as it is.
struct Raw(Option<Bytes>);

impl http_body::Body for Raw {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What the hub says to a message whose head says that it has so many bytes, and that has as many as that
/// but no more than 5 MB.
async fn answer(channel: &Channel, path: &str, length: u32) -> Code {
    let body = vec![0; usize::try_from(length.min(5_000_000)).unwrap()];
    answer_to(channel, path, [&[0][..], &length.to_be_bytes(), &body].concat()).await.code()
}

/// What the hub says to a body.
async fn answer_to(channel: &Channel, path: &str, body: Vec<u8>) -> Status {
    let request = http::Request::post(format!("https://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(Raw(Some(body.into()))))
        .unwrap();
    let mut channel = channel.clone();
    let response = channel.ready().await.unwrap().call(request).await.unwrap();
    let (head, mut body) = response.into_parts();
    let mut status = Status::from_header_map(&head.headers);
    while status.is_none()
        && let Some(frame) =
            std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await
    {
        status = frame.unwrap().trailers_ref().and_then(Status::from_header_map);
    }
    status.unwrap_or_else(|| Status::unknown("it says nothing"))
}

pub(crate) fn oversized(victim: &Victim, _: u64) {
    victim.runtime.block_on(async {
        let consumer = victim.channel(&victim.pki.consumer("large")).await.unwrap();
        let sensor = victim.channel(&victim.pki.sensor("large")).await.unwrap();
        for length in [70_000, 5_000_000, u32::MAX] {
            for path in [
                "/falco.outputs.service/get",
                "/cadge.v1.Outputs/Get",
                "/cadge.v1.Outputs/Subscribe",
                "/falco.version.service/version",
            ] {
                assert_eq!(answer(&consumer, path, length).await, Code::ResourceExhausted, "{path} {length}");
            }
            if length > 70_000 {
                for path in ["/cadge.v1.Ingest/Stream", "/cadge.v1.Inputs/Push"] {
                    assert_eq!(
                        answer(&sensor, path, length).await,
                        Code::ResourceExhausted,
                        "{path} {length}"
                    );
                }
            }
        }
    });
}

/// Events of two bytes, as many as a message holds: decoded they would have a hundred times as many bytes.
pub(crate) fn empty_events(victim: &Victim, _: u64) {
    let events = [0x0a, 0x00].repeat(2_000_000);
    let length = u32::try_from(events.len()).unwrap().to_be_bytes();
    let body = [&[0][..], &length, &events].concat();
    victim.runtime.block_on(async {
        let channel = victim.channel(&victim.pki.sensor("empty")).await.unwrap();
        let answers = (0..8).map(|_| answer_to(&channel, "/cadge.v1.Inputs/Push", body.clone()));
        for status in futures_util::future::join_all(answers).await {
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            assert!(status.message().contains("2000000 events in one request"), "{status:?}");
        }
    });
}

/// A message of 4 MB of which a quarter is still to come, for ever.
struct Unfinished(Option<Bytes>);

impl http_body::Body for Unfinished {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// Calls that do not end their messages, and how many of them may be open: those that fit into the 64 MiB
/// of a client.
const UNFINISHED: usize = 400;
const UNFINISHED_MAX: usize = (64 << 20) / 3_000_000;

pub(crate) fn unfinished(victim: &Victim, _: u64) {
    let body: Bytes = [&[0][..], &4_000_000_u32.to_be_bytes(), &vec![0; 3_000_000]].concat().into();
    let (channel, calls) = victim.runtime.block_on(async {
        let channel = victim.channel(&victim.pki.sensor("unfinished")).await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..UNFINISHED {
            let request = http::Request::post("https://localhost/cadge.v1.Ingest/Stream")
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(tonic::body::Body::new(Unfinished(Some(body.clone()))))
                .unwrap();
            let mut channel = channel.clone();
            calls.spawn(async move {
                let response = channel.ready().await.unwrap().call(request).await.unwrap();
                Status::from_header_map(response.headers()).unwrap()
            });
        }
        let refusals = async {
            while calls.len() > UNFINISHED_MAX {
                let status = calls.join_next().await.unwrap().unwrap();
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert!(status.message().contains("bytes of messages on their way"), "{status:?}");
            }
        };
        tokio::time::timeout(crate::site::PATIENCE, refusals).await.expect("they are refused");
        (channel, calls)
    });
    victim.check("400 messages that never end");
    // With those gone, the same client has room again.
    drop(calls);
    victim.runtime.block_on(async {
        let mut sensor = Sensor::connect(channel, "unfinished").await;
        sensor.send(1..=10).await;
    });
}

pub(crate) fn filters(victim: &Victim, _: u64) {
    let many = |text: &str, count: usize| vec![text; count].join(" or ");
    let hostile = [
        format!("{}alert.rule = x{}", "(".repeat(3000), ")".repeat(3000)),
        "not ".repeat(2000),
        many("alert.rule = x", 3000),
        many("alert.rule regex a+", 500),
        "alert.rule regex '((a{1000}){1000}){1000}'".to_owned(),
        "alert.rule regex '(x+x+)+y'".to_owned() + &" ".repeat(9000),
        "\u{0}\u{202e}'".to_owned(),
    ];
    victim.runtime.block_on(async {
        let channel = victim.channel(&victim.pki.consumer("filters")).await.unwrap();
        let mut client = OutputsClient::new(channel);
        for filter in hostile {
            let began = Instant::now();
            let request = GetRequest { filter: filter.clone(), ..GetRequest::default() };
            let got = client.get(request).await.map(drop).unwrap_err();
            let open = v1::Open { filter: filter.clone(), ..v1::Open::default() };
            let open = v1::SubscribeRequest { kind: Some(subscribe_request::Kind::Open(open)) };
            let subscribed = client.subscribe(tokio_stream::iter([open])).await.map(drop).unwrap_err();
            for status in [got, subscribed] {
                assert_eq!(
                    status.code(),
                    Code::InvalidArgument,
                    "{}: {status:?}",
                    &filter[..filter.len().min(60)]
                );
                assert!(status.message().len() < 4096, "{} bytes of error", status.message().len());
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{}", &filter[..filter.len().min(60)]);
        }
    });
}

pub(crate) fn streams(victim: &Victim, _: u64) {
    victim.runtime.block_on(async {
        let channel = victim.channel(&victim.pki.consumer("many")).await.unwrap();
        let mut held = Vec::new();
        let mut refused = 0;
        for _ in 0..1000 {
            match ServiceClient::new(channel.clone()).sub(tokio_stream::empty()).await {
                Ok(stream) => held.push(stream),
                Err(status) => {
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                    refused += 1;
                }
            }
        }
        assert_eq!((held.len(), refused), (CLIENT_CALLS_MAX, 1000 - CLIENT_CALLS_MAX));
    });
}

/// Alerts of 64 KiB each.
fn large(sequences: std::ops::RangeInclusive<u64>) -> Batch {
    let some = |sequence| {
        let mut alert = alert("slow", sequence).decode().unwrap();
        alert.output_fields.insert("proc.cmdline".to_owned(), "x".repeat(64 << 10));
        RawAlert::new(alert.encode_to_vec())
    };
    Batch { first_sequence: *sequences.start(), alerts: sequences.map(some).collect() }
}

pub(crate) fn slow_readers(victim: &Victim, _: u64) {
    let held = victim.runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..40 {
            let channel = victim.channel(&victim.pki.consumer("slow")).await.unwrap();
            let stream =
                ServiceClient::new(channel.clone()).sub(tokio_stream::iter([Request {}])).await.unwrap();
            let open = v1::Open { transient: true, ..v1::Open::default() };
            let open = v1::SubscribeRequest { kind: Some(subscribe_request::Kind::Open(open)) };
            let ours = OutputsClient::new(channel).subscribe(tokio_stream::iter([open])).await.unwrap();
            held.push((stream, ours));
        }
        let mut sensor =
            Sensor::connect(victim.channel(&victim.pki.sensor("slow")).await.unwrap(), "slow").await;
        for first in (1..=1000).step_by(20) {
            sensor.batch(large(first..=first + 19)).await;
        }
        held
    });
    victim.check("64 MB to 80 readers that do not read");
    drop(held);
}
