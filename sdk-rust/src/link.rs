//! A connection, the token that goes with each call, and the address that errors name.

use std::sync::Arc;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::Error;

/// What calls go by.
pub(crate) type Calls = InterceptedService<Channel, Bearer>;

/// Puts the token into each call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A connection to a hub. It opens once more by itself when it has broken.
#[derive(Clone)]
pub(crate) struct Link {
    channel: Channel,
    bearer: Bearer,
    address: Arc<str>,
}

impl Link {
    pub(crate) fn new(channel: Channel, address: &str, token: Option<MetadataValue<Ascii>>) -> Self {
        Self { channel, bearer: Bearer(token), address: address.into() }
    }

    /// The same to the same hub over another connection.
    pub(crate) fn over(&self, channel: Channel) -> Self {
        Self { channel, ..self.clone() }
    }

    pub(crate) fn calls(&self) -> Calls {
        InterceptedService::new(self.channel.clone(), self.bearer.clone())
    }

    /// What a call has answered.
    pub(crate) fn answer<T>(&self, response: Result<Response<T>, Status>) -> Result<T, Error> {
        response.map(Response::into_inner).map_err(|status| self.why(&status))
    }

    /// The stream that a call has answered.
    pub(crate) fn stream<T>(
        &self,
        response: Result<Response<Streaming<T>>, Status>,
    ) -> Result<Answers<T>, Error> {
        Ok(Answers { link: self.clone(), stream: self.answer(response)? })
    }

    /// The answer to a call is none that a hub gives.
    pub(crate) fn mismatch(&self, why: &str) -> Error {
        Error::ProtocolMismatch(format!("`{}`: {why}", self.address))
    }

    pub(crate) fn why(&self, status: &Status) -> Error {
        Error::of(status, &self.address)
    }
}

/// A stream of answers, whose errors are the client's.
pub(crate) struct Answers<T> {
    link: Link,
    stream: Streaming<T>,
}

impl<T> Answers<T> {
    /// The next one; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, Error> {
        self.stream.message().await.map_err(|status| self.link.why(&status))
    }
}

impl<T> std::fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").field("address", &self.link.address).finish_non_exhaustive()
    }
}

impl<T> tokio_stream::Stream for Answers<T> {
    type Item = Result<T, Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let next = std::pin::Pin::new(&mut self.stream).poll_next(context);
        next.map(|next| next.map(|next| next.map_err(|status| self.link.why(&status))))
    }
}
