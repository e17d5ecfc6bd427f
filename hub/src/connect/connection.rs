//! A connection whose other end is known, and which ends when it has to.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use crate::connect::bearers::Bearers;
use crate::connect::clients::Refusal;
use crate::connect::heard::Heard;
use crate::connect::identity::Peer;

/// What a connection is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    from: From,
    end: End,
    /// What counts as long as the connection lives.
    _held: Vec<Box<dyn Any + Send>>,
}

/// Whom a request comes from: tonic puts it into the request's extensions.
#[derive(Clone)]
pub(crate) struct From {
    /// By its certificate or its user. `None` of a stranger, who has shown neither.
    pub(crate) peer: Option<Arc<Peer>>,
    /// Who has called by it with tokens.
    pub(crate) bearers: Arc<Bearers>,
    /// The other end's address, or its user and process.
    pub(crate) address: Arc<str>,
    /// Why every call is refused.
    pub(crate) refusal: Option<Refusal>,
    /// When the other end was last heard of.
    pub(crate) heard: Heard,
}

impl From {
    /// Whether it may stay once something came.
    fn is_settled(&self) -> bool {
        self.refusal.is_none() && (self.peer.is_some() || self.bearers.has_any())
    }
}

/// When a connection ends.
struct End {
    close: CancellationToken,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The time for the first bytes, for a stranger's first call with a token, or, if it was turned away, for all.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// It has to say something within `deadline`, and ends when `close` is cancelled.
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        from: From,
        close: CancellationToken,
        deadline: Duration,
        held: Vec<Box<dyn Any + Send>>,
    ) -> Self {
        let closed = Box::pin(close.clone().cancelled_owned());
        let deadline = Some(Box::pin(tokio::time::sleep(deadline)));
        Self { stream, from, end: End { close, closed, deadline }, _held: held }
    }
}

impl End {
    /// An error once it has come.
    fn poll(&mut self, from: &From, cx: &mut Context<'_>) -> io::Result<()> {
        if self.closed.as_mut().poll(cx).is_ready() {
            return Err(closed());
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            if !from.bearers.has_any() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.deadline = None;
        }
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.close.is_cancelled() { Err(closed()) } else { Ok(()) }
    }
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the certificate has expired or is revoked, or the token is withdrawn",
    )
}

impl Connected for Connection {
    type ConnectInfo = From;

    fn connect_info(&self) -> From {
        self.from.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, from, end, .. } = &mut *self;
        end.poll(from, cx)?;
        let before = buf.filled().len();
        let read = from.heard.poll_read(stream, cx, buf);
        if buf.filled().len() > before && from.is_settled() {
            end.deadline = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.end.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.end.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
