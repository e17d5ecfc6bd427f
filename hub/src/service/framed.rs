//! Answers whose messages are encoded and framed already, so that the callers of a stream share their bytes.
//!
//! tonic would encode each message for each caller. So a method answers with a response without messages
//! that carries the frames beside it, and the layer in front of all services makes them its body.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body::Frame;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;
use tonic::codegen::http::response::Parts;
use tonic::{Response, Status};

use super::Answers;

type Frames = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// Carries the frames from a method to the layer. Extensions want to be cloned; only one clone is used.
#[derive(Clone)]
struct Carried(Arc<Mutex<Option<Frames>>>);

/// A response made of frames.
pub(super) fn answer<T>(
    frames: impl Stream<Item = Result<Bytes, Status>> + Send + 'static,
) -> Response<Answers<T>>
where
    T: Send + 'static,
{
    let mut response = Response::new(Box::pin(stream::empty()) as Answers<T>);
    response.extensions_mut().insert(Carried(Arc::new(Mutex::new(Some(Box::pin(frames))))));
    response
}

/// The body of a response: its frames, if it carries any.
pub(super) fn body(head: &mut Parts, body: Body) -> Body {
    let carried = head.extensions.remove::<Carried>();
    let frames =
        carried.and_then(|Carried(frames)| frames.lock().unwrap_or_else(PoisonError::into_inner).take());
    frames.map_or(body, |frames| Body::new(Framed { frames: Some(frames) }))
}

/// The frames, and then the status.
struct Framed {
    /// None once the status was sent.
    frames: Option<Frames>,
}

impl http_body::Body for Framed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(frames) = &mut self.frames else { return Poll::Ready(None) };
        let status = match ready!(frames.as_mut().poll_next(cx)) {
            Some(Ok(frame)) => return Poll::Ready(Some(Ok(Frame::data(frame)))),
            Some(Err(status)) => status,
            None => Status::ok(""),
        };
        self.frames = None;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_none()
    }
}
