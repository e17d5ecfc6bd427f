//! When the other end of a connection was last heard of.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, ReadBuf};

/// The moment, shared by a connection and those who serve it.
#[derive(Clone, Debug)]
pub(crate) struct Heard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    milliseconds: AtomicU64,
}

impl Heard {
    /// Heard of just now.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { start: Instant::now(), milliseconds: AtomicU64::new(0) }))
    }

    /// The moment.
    pub(crate) fn last(&self) -> Instant {
        self.0.start + Duration::from_millis(self.0.milliseconds.load(Ordering::Acquire))
    }

    /// Something came.
    pub(crate) fn now(&self) {
        let elapsed = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.milliseconds.store(elapsed, Ordering::Release);
    }

    /// Reads from `stream`, and notes that something came. An orderly end is something, too: the other end was
    /// there to say so. An error is not.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(stream).poll_read(cx, buf))?;
        self.now();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    struct Listening(tokio::net::UnixStream, Heard);

    impl AsyncRead for Listening {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let heard = self.1.clone();
            heard.poll_read(&mut self.0, cx, buf)
        }
    }

    #[tokio::test]
    async fn bytes_and_an_orderly_end_are_heard_and_silence_is_not() {
        let (near, mut far) = tokio::net::UnixStream::pair().unwrap();
        let mut near = Listening(near, Heard::new());
        let mut byte = [0];
        let silence = tokio::time::timeout(Duration::from_millis(20), near.read(&mut byte)).await;
        assert!(silence.is_err());
        let before = near.1.last();
        far.write_all(&[1]).await.unwrap();
        near.read_exact(&mut byte).await.unwrap();
        let after = near.1.last();
        assert!(after > before);
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(far);
        assert_eq!(near.read(&mut byte).await.unwrap(), 0);
        assert!(near.1.last() > after);
    }
}
