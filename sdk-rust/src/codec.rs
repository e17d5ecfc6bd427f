//! Calls whose answers are alerts: requests as prost writes them, answers decoded out of their bytes.

use std::marker::PhantomData;

use prost::bytes::Buf as _;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{IntoStreamingRequest, Status};

use crate::Error;
use crate::decode::{Batch, Malformed};
use crate::link::{Answers, Calls, Link};

/// The longest response, in bytes: a batch at its limit and room around it.
pub(crate) const RESPONSE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A call that answers alerts, by its path and by what its answers are.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    path: &'static str,
    decode: fn(&[u8]) -> Result<Batch, Malformed>,
}

/// The calls.
pub(crate) const SUBSCRIBE: Call = Call { path: "/cadge.v1.Outputs/Subscribe", decode: Batch::decode };
pub(crate) const GET: Call = Call { path: "/cadge.v1.Outputs/Get", decode: Batch::decode };
pub(crate) const SEARCH: Call = Call { path: "/cadge.v1.History/Search", decode: Batch::decode };
pub(crate) const GET_NEW: Call = Call { path: "/falco.outputs.service/get", decode: Batch::decode_one };

impl Call {
    /// Makes the call with one request or a stream of them.
    pub(crate) async fn make<S, R>(self, link: &Link, requests: S) -> Result<Answers<Batch>, Error>
    where
        S: IntoStreamingRequest<Message = R>,
        S::Stream: Send + 'static,
        R: prost::Message + 'static,
    {
        let mut calls: Grpc<Calls> = Grpc::new(link.calls()).max_decoding_message_size(RESPONSE_BYTES_MAX);
        if let Err(error) = calls.ready().await {
            return Err(link.why(&Status::from_error(Box::new(error))));
        }
        let codec = Alerts { decode: self.decode, requests: PhantomData };
        let path = PathAndQuery::from_static(self.path);
        link.stream(calls.streaming(requests.into_streaming_request(), path, codec).await)
    }
}

/// How one call's messages are written and read.
struct Alerts<R> {
    decode: fn(&[u8]) -> Result<Batch, Malformed>,
    requests: PhantomData<fn(R)>,
}

impl<R: prost::Message + 'static> Codec for Alerts<R> {
    type Encode = R;
    type Decode = Batch;
    type Encoder = Writing<R>;
    type Decoder = Reading;

    fn encoder(&mut self) -> Self::Encoder {
        Writing(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        Reading(self.decode)
    }
}

struct Writing<R>(PhantomData<fn(R)>);

impl<R: prost::Message> Encoder for Writing<R> {
    type Item = R;
    type Error = Status;

    fn encode(&mut self, request: R, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        request.encode(to).map_err(|error| Status::internal(error.to_string()))
    }
}

struct Reading(fn(&[u8]) -> Result<Batch, Malformed>);

impl Decoder for Reading {
    type Item = Batch;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Batch>, Status> {
        let length = from.remaining();
        let whole = from.chunk();
        let batch = if whole.len() == length {
            let batch = (self.0)(whole);
            from.advance(length);
            batch
        } else {
            (self.0)(&from.copy_to_bytes(length))
        };
        batch
            .map(Some)
            .map_err(|Malformed| Status::internal("failed to decode Protobuf: the answer is malformed"))
    }
}
