//! Falco's own API: `sub` and `get`, out of stored bytes.

use cadge_proto::raw::RawAlert;
use cadge_proto::raw::outputs;
use tonic::{Request, Response, Status, Streaming};

use super::shared::SharedQueue;
use super::supply::{self, Supply};
use super::{Answers, Call, Context, caller, framed, handed, view};
use crate::config::{OutputsStart, Role};
use crate::connect::heard::Heard;
use crate::consume::{Consumer, Start};
use crate::error::CallError;
use crate::view::View;

/// The service.
pub(super) struct Falco {
    context: Context,
    /// In place of a cursor for each caller, if that is set.
    shared: Option<SharedQueue>,
}

#[tonic::async_trait]
impl outputs::service_server::Service for Falco {
    type subStream = Answers<RawAlert>;
    type getStream = Answers<RawAlert>;

    async fn sub(
        &self,
        request: Request<Streaming<outputs::Request>>,
    ) -> Result<Response<Self::subStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let (requests, heard) = (request.into_inner(), call.heard());
        let (view, start) = (view(&call, "", Vec::new())?, start(self.context.outputs.sub_start));
        Ok(match &self.shared {
            Some(queue) => self.push(queue.join(&call, start, view).await?, requests, heard),
            None => self.push(self.open(&call, start, view).await?, requests, heard),
        })
    }

    async fn get(&self, request: Request<outputs::Request>) -> Result<Response<Self::getStream>, Status> {
        let call = caller(&request, &[Role::Consumer])?;
        let (until, heard) = (*self.context.consumers.log().head().borrow(), call.heard());
        let (view, start) = (view(&call, "", Vec::new())?, start(self.context.outputs.get_start));
        let metrics = self.context.metrics.clone();
        Ok(match &self.shared {
            Some(queue) => {
                framed::answer(supply::get(queue.join(&call, start, view).await?, until, heard, metrics))
            }
            None => framed::answer(supply::get(self.open(&call, start, view).await?, until, heard, metrics)),
        })
    }
}

impl Falco {
    pub(super) fn new(context: Context) -> Self {
        let shared = context.outputs.shared_queue;
        let shared = shared.then(|| SharedQueue::new(context.consumers.clone(), context.metrics.clone()));
        Self { context, shared }
    }

    async fn open(&self, call: &Call, start: Start, view: View) -> Result<Consumer, CallError> {
        Ok(self.context.consumers.open(Some(call.own_cursor("")), start, view).await?)
    }

    /// Pushes whatever comes until the client goes or the hub stops.
    fn push<S: Supply + 'static>(
        &self,
        mut supply: S,
        mut requests: Streaming<outputs::Request>,
        heard: Heard,
    ) -> Response<Answers<RawAlert>> {
        let (mut handed, taken) = handed::channel(heard);
        let context = self.context.clone();
        tokio::spawn(async move {
            let connection = handed.connection();
            let ignored = async {
                // However many requests come, and whether the client closes its side: it is pushed to.
                while let Ok(Some(_)) = requests.message().await {}
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = context.stop.cancelled() => {}
                () = connection.closed() => {}
                () = ignored => {}
                () = supply::push(&mut supply, &mut handed, &context.metrics) => {}
            }
            let had = handed.had();
            supply::settle(&mut supply, had).await;
        });
        framed::answer(taken)
    }
}

fn start(start: OutputsStart) -> Start {
    match start {
        OutputsStart::Now => Start::Now,
        OutputsStart::Beginning => Start::Beginning,
    }
}
