//! Alerts that are there already: a stream that ends.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_stream::Stream;

use crate::decode::Batch;
use crate::link::Answers;
use crate::{Alert, Error};

/// What [`Client::get`](crate::Client::get) and [`Client::get_new`](crate::Client::get_new) answer: a stream of
/// alerts, in the log's order.
#[derive(Debug)]
pub struct Alerts {
    answers: Answers<Batch>,
    current: std::vec::IntoIter<Alert>,
}

impl Alerts {
    pub(crate) fn new(answers: Answers<Batch>) -> Self {
        Self { answers, current: Vec::new().into_iter() }
    }

    /// The next alert; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Alert, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for Alerts {
    type Item = Result<Alert, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(alert) = self.current.next() {
                return Poll::Ready(Some(Ok(alert)));
            }
            match Pin::new(&mut self.answers).poll_next(context) {
                Poll::Ready(Some(Ok(batch))) => self.current = batch.alerts.into_iter(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
