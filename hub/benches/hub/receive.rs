//! Subscribers. They take every byte and count the alerts in them, but decode none: that would cost the
//! shared cores more than what is measured.

use std::path::Path;
use std::str::FromStr;
use std::time::Instant;

use cadge_proto::raw::{outputs, v1};
use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tokio_stream::StreamExt as _;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstEncoder;

use crate::way::channel;

/// Which service to subscribe to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// `cadge.v1.outputs`.
    Cadge,
    /// `falco.outputs`.
    Falco,
}

impl Api {
    pub(crate) fn name(self) -> &'static str {
        if self == Self::Cadge { "cadge.v1" } else { "falco.outputs" }
    }
}

impl FromStr for Api {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Cadge, Self::Falco].into_iter().find(|api| api.name() == name).ok_or_else(|| name.to_owned())
    }
}

/// Where to start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Now,
    Beginning,
}

impl From {
    pub(crate) fn name(self) -> &'static str {
        if self == Self::Now { "now" } else { "beginning" }
    }
}

impl FromStr for From {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Now, Self::Beginning]
            .into_iter()
            .find(|from| from.name() == name)
            .ok_or_else(|| name.to_owned())
    }
}

/// Subscribes, says `ready`, receives, and prints how many seconds that took. Without alerts to receive
/// it waits for the end of its standard input.
pub(crate) fn run(socket: &Path, api: Api, from: From, subscribers: u64, alerts: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if api == Api::Falco {
            // All have one cursor, that of their identity: it is brought to the log's end.
            drop(subscribe(socket, api, from, 0).await);
            let mut client = outputs::service_client::ServiceClient::new(channel(socket).await);
            let mut rest = client.get(outputs::Request {}).await.unwrap().into_inner();
            while rest.message().await.unwrap().is_some() {}
        }
        let mut streams = Vec::new();
        for number in 0..subscribers {
            streams.push(subscribe(socket, api, from, number).await);
        }
        // A Falco subscription has no answer that says it has begun.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        println!("ready");
        if alerts == 0 {
            let ended = || drop(std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()));
            tokio::task::spawn_blocking(ended).await.unwrap();
            return;
        }
        let start = Instant::now();
        let receivers: Vec<_> =
            streams.into_iter().map(|stream| tokio::spawn(receive(stream, alerts))).collect();
        let mut first = None;
        for receiver in receivers {
            let began: Instant = receiver.await.unwrap();
            first = Some(first.map_or(began, |first: Instant| first.min(began)));
        }
        println!("{}", first.unwrap_or(start).elapsed().as_secs_f64());
    });
}

/// Receives so many alerts. Answers when the first came.
async fn receive(mut stream: Streaming<u64>, alerts: u64) -> Instant {
    let (mut received, mut first) = (0, None);
    while received < alerts {
        received += stream.next().await.unwrap().unwrap();
        first = first.or_else(|| (received > 0).then(Instant::now));
    }
    assert_eq!(received, alerts, "more alerts than there are");
    first.unwrap()
}

async fn subscribe(socket: &Path, api: Api, from: From, number: u64) -> Streaming<u64> {
    let mut client = tonic::client::Grpc::new(channel(socket).await).max_decoding_message_size(16 << 20);
    client.ready().await.unwrap();
    if api == Api::Falco {
        // Each by its own connection; one identity's subscribers share a cursor, and all get everything.
        let path = "/falco.outputs.service/sub".parse().unwrap();
        let requests = tokio_stream::iter([outputs::Request {}]).chain(tokio_stream::pending());
        let codec = Counting::<outputs::Request>(count_one, std::marker::PhantomData);
        return client.streaming(Request::new(requests), path, codec).await.unwrap().into_inner();
    }
    let start = if from == From::Now { v1::Start::Now } else { v1::Start::Beginning };
    let open = v1::Open {
        cursor: format!("bench-{}-{number}", std::process::id()),
        start: start.into(),
        transient: from == From::Now,
        heartbeat_ms: 600_000,
        ..Default::default()
    };
    let first = v1::SubscribeRequest { kind: Some(v1::subscribe_request::Kind::Open(open)) };
    let requests = tokio_stream::iter([first]).chain(tokio_stream::pending());
    let path = "/cadge.v1.Outputs/Subscribe".parse().unwrap();
    let codec = Counting::<v1::SubscribeRequest>(count_entries, std::marker::PhantomData);
    let mut stream = client.streaming(Request::new(requests), path, codec).await.unwrap().into_inner();
    stream.next().await.unwrap().unwrap();
    stream
}

/// Each message of Falco's is an alert.
fn count_one(_: Bytes) -> u64 {
    1
}

/// The entries of a response: its fields with the number 1.
fn count_entries(mut response: Bytes) -> u64 {
    let mut entries = 0;
    while response.has_remaining() {
        let (field, wire_type) = decode_key(&mut response).unwrap();
        if (field, wire_type) == (1, WireType::LengthDelimited) {
            entries += 1;
            let length = usize::try_from(decode_varint(&mut response).unwrap()).unwrap();
            response.advance(length);
        } else {
            skip_field(wire_type, field, &mut response, DecodeContext::default()).unwrap();
        }
    }
    entries
}

/// Encodes requests, and counts the alerts in responses.
struct Counting<T>(fn(Bytes) -> u64, std::marker::PhantomData<T>);

impl<T: prost::Message + 'static> Codec for Counting<T> {
    type Encode = T;
    type Decode = u64;
    type Encoder = ProstEncoder<T>;
    type Decoder = Count;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Count {
        Count(self.0)
    }
}

struct Count(fn(Bytes) -> u64);

impl Decoder for Count {
    type Item = u64;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<u64>, Status> {
        let bytes = buf.copy_to_bytes(buf.remaining());
        Ok(Some((self.0)(bytes)))
    }
}
