//! Bytes of messages that are on their way: begun and not yet handed on, for each client together. Each
//! call may have one of them, so that the number of calls would bound nothing worth the name.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use prometheus::IntCounter;
use tonic::Status;
use tonic::body::Body;

/// Bytes in front of each message (a flag, and its length).
const HEAD: usize = 5;

/// What a client has on its way in all its calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnTheirWay(Arc<AtomicUsize>);

/// How much that may be.
pub(super) struct Bound {
    pub(super) name: String,
    pub(super) most: usize,
    pub(super) refused: IntCounter,
}

/// A request's body that is counted.
pub(super) struct Metered {
    body: Body,
    shared: OnTheirWay,
    bound: Bound,
    messages: Messages,
    /// What this call has of `shared`.
    held: usize,
}

impl Metered {
    pub(super) fn new(body: Body, shared: OnTheirWay, bound: Bound) -> Self {
        Self { body, shared, bound, messages: Messages::default(), held: 0 }
    }

    /// Takes in more of a message, unless it is too much.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let Bound { name, most, refused } = &self.bound;
        self.held += bytes.len();
        if self.shared.0.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len() > *most {
            refused.inc();
            let text = format!(
                "`{name}` has {most} bytes of messages on their way, as many as it may: send fewer at a time"
            );
            return Err(Status::resource_exhausted(text));
        }
        self.messages.follow(bytes);
        Ok(())
    }

    /// Gives back all but so many bytes.
    fn keep(&mut self, bytes: usize) {
        self.shared.0.fetch_sub(self.held - bytes, Ordering::Relaxed);
        self.held = bytes;
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.keep(0);
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // Whoever asks for more has taken out all messages that are complete, and has dealt with them.
        this.keep(this.messages.begun);
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)) else { return Poll::Ready(None) };
        let frame = frame?;
        if let Some(bytes) = frame.data_ref() {
            this.take(bytes)?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Finds where messages end.
#[derive(Default)]
struct Messages {
    head: [u8; HEAD],
    /// Bytes of the message that is not complete, with its head.
    begun: usize,
}

impl Messages {
    fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.begun < HEAD {
                self.head[self.begun] = *first;
                (self.begun, bytes) = (self.begun + 1, rest);
            } else {
                let part = bytes.len().min(self.length().saturating_sub(self.begun));
                (self.begun, bytes) = (self.begun + part, &bytes[part..]);
            }
            if self.begun >= HEAD && self.begun >= self.length() {
                self.begun = 0;
            }
        }
    }

    /// Of the message, with its head. Known when that is complete.
    fn length(&self) -> usize {
        let [_, length @ ..] = self.head;
        usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX).saturating_add(HEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_what_is_not_complete_counts(
            lengths in proptest::collection::vec(0_usize..300, 0..20),
            parts in proptest::collection::vec(1_usize..400, 1..50),
            last in 0_usize..100,
        ) {
            let message = |length: &usize| {
                [&[0][..], &u32::try_from(*length).unwrap().to_be_bytes(), &vec![7; *length]].concat()
            };
            let mut all: Vec<u8> = lengths.iter().flat_map(message).collect();
            // The beginning of one more.
            all.extend(&message(&200)[..last]);
            let (mut messages, mut rest) = (Messages::default(), &all[..]);
            for part in parts.into_iter().cycle() {
                let (now, later) = rest.split_at(part.min(rest.len()));
                messages.follow(now);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(messages.begun, last);
        }
    }

    #[tokio::test]
    async fn calls_share_a_bound_and_give_back_what_they_had() {
        let refused = IntCounter::new("refused", "so many").unwrap();
        let shared = OnTheirWay::default();
        let metered = |bytes: Vec<u8>| {
            let bound = Bound { name: "a".to_owned(), most: 100, refused: refused.clone() };
            let body = Body::new(http_body_of(bytes));
            Metered::new(body, shared.clone(), bound)
        };
        let has = || shared.0.load(Ordering::Relaxed);
        let begun = |length: usize| [vec![0, 0, 0, 1, 0], vec![7; length - HEAD]].concat();
        let (mut first, mut second) = (metered(begun(60)), metered(begun(60)));
        first.next().await.unwrap().unwrap();
        assert_eq!(has(), 60);
        let status = second.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert!(status.message().contains("`a` has 100 bytes"), "{status:?}");
        assert_eq!(refused.get(), 1);
        drop(second);
        assert_eq!(has(), 60);
        // One that is complete counts until the next is asked for.
        let mut third = metered(vec![0, 0, 0, 0, 2, 7, 7]);
        third.next().await.unwrap().unwrap();
        assert_eq!(has(), 67);
        assert!(third.next().await.is_none());
        assert_eq!(has(), 60);
        drop(first);
        assert_eq!(has(), 0);
    }

    impl Metered {
        async fn next(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
            std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut *self), cx)).await
        }
    }

    /// A body of one frame.
    fn http_body_of(bytes: Vec<u8>) -> impl http_body::Body<Data = Bytes, Error = Status> {
        struct Once(Option<Bytes>);
        impl http_body::Body for Once {
            type Data = Bytes;
            type Error = Status;

            fn poll_frame(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
                Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
            }
        }
        Once(Some(bytes.into()))
    }
}
