//! A stream whose other end must go on reading: one that takes nothing for a while is given up, and
//! what waits for it does not stay in memory for ever.
//!
//! At the end it reads on for a moment: to close while bytes are unread resets the connection, and the
//! other end might never see why its request was refused.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// So long a write may stand still.
const PATIENCE: Duration = Duration::from_secs(30);

/// So long, and for so many bytes, the other end may go on at the end.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 << 20;

/// The stream.
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    linger: Option<Linger>,
}

/// The writing side is closed; what still comes is thrown away.
struct Linger {
    until: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, patience: PATIENCE, stalled: None, linger: None }
    }

    /// Lets an outcome through; one that is pending for too long is an error.
    fn within<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let patience = self.patience;
        let sleep = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> Patient<S> {
    /// Reads until the other end closes, too.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(linger) = &mut self.linger else { return Poll::Ready(()) };
        let mut space = [0; 4096];
        while linger.bytes < LINGER_BYTES && linger.until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut space);
            let read = std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            linger.bytes += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.within(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.within(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.within(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
            std::task::ready!(self.within(outcome, cx))?;
            self.linger = Some(Linger { until: Box::pin(sleep(LINGER)), bytes: 0 });
        }
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn who_reads_nothing_is_given_up() {
        let (near, _far) = tokio::io::duplex(10);
        let patience = Duration::from_millis(50);
        let mut near = Patient { patience, ..Patient::new(near) };
        near.write_all(&[0; 10]).await.unwrap();
        let begun = std::time::Instant::now();
        let error = near.write_all(&[0; 10]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed() >= patience), (io::ErrorKind::TimedOut, true));
    }

    #[tokio::test]
    async fn who_reads_slowly_is_waited_for() {
        let (near, mut far) = tokio::io::duplex(10);
        let mut near = Patient::new(near);
        let slow = async {
            let mut read = [0; 10];
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                far.read_exact(&mut read).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(near.write_all(&[0; 30]), slow);
        written.unwrap();
    }
}
